//! Writing past the page cache.
//!
//! A log's batch is written once and read rarely. Through the page cache it is
//! copied into pages that the kernel then finds again, locks and writes out;
//! past it, the device takes it from our memory: a fifth more batches of 50 KiB
//! each second and two fifths more of 1 MiB (`docs/performance.md`). What is
//! durable, and when, is the same: a sync follows either way.
#![allow(clippy::disallowed_methods)] // this is the seam

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::sync::{Mutex, PoisonError};

/// What every device and file system in use is content with, for the offset,
/// the length and the memory.
const ALIGN: usize = 4096;
/// The most that is staged at once.
const STAGE_BYTES: usize = 4 << 20;

/// A file opened a second time, past the cache.
pub struct Direct {
    file: File,
    stage: Mutex<Vec<u8>>,
}

impl Direct {
    /// `None` when the file system offers no such thing.
    pub fn beside(file: &File) -> Option<Direct> {
        // By descriptor: the name may be another file's by now.
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let file = OpenOptions::new().write(true).custom_flags(libc::O_DIRECT).open(path).ok()?;
        Some(Direct { file, stage: Mutex::new(Vec::new()) })
    }

    /// Can these bytes go past the cache?
    pub fn takes(offset: u64, bytes: usize) -> bool {
        bytes > 0 && offset.is_multiple_of(ALIGN as u64) && bytes.is_multiple_of(ALIGN)
    }

    /// Writes the parts one behind the other. `false`, and nothing is lost by
    /// writing them again through the cache, when the file system will not.
    pub fn write(&self, offset: u64, parts: &[&[u8]]) -> io::Result<bool> {
        // The stage holds nothing between two calls: a panic spoils nothing.
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = parts.iter().map(|part| part.len()).sum();
        let room = total.min(STAGE_BYTES);
        if stage.len() < room + ALIGN {
            // Doubling, so that batches which grow do not each lay it out anew.
            *stage = vec![0; room.next_power_of_two() + ALIGN];
        }
        let start = stage.as_ptr().align_offset(ALIGN);
        let stage = &mut stage[start..start + room];
        let (mut staged, mut at) = (0, offset);
        for part in parts {
            let mut rest = *part;
            while !rest.is_empty() {
                let (now, later) = rest.split_at(rest.len().min(room - staged));
                stage[staged..staged + now.len()].copy_from_slice(now);
                (staged, rest) = (staged + now.len(), later);
                if staged == room {
                    if !self.write_staged(at, stage)? {
                        return Ok(false);
                    }
                    (at, staged) = (at + room as u64, 0);
                }
            }
        }
        self.write_staged(at, &stage[..staged])
    }

    fn write_staged(&self, at: u64, bytes: &[u8]) -> io::Result<bool> {
        match self.file.write_all_at(bytes, at) {
            Ok(()) => Ok(true),
            // A device with larger blocks than ours, or a network's file system.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_arrive_in_order_over_several_stages() {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let file = File::create_new(dir.path().join("f")).expect("created");
        let Some(direct) = Direct::beside(&file) else { return };
        let bytes: Vec<u8> = (0..2 * STAGE_BYTES + 3 * ALIGN).map(|at| (at / 7) as u8).collect();
        let (head, tail) = bytes.split_at(10_001);
        let written = direct.write(ALIGN as u64, &[head, &[], tail]).expect("a disk with room");
        if written {
            let read = std::fs::read(dir.path().join("f")).expect("read");
            assert!(read[ALIGN..] == bytes, "what was read is not what was written");
        }
    }

    #[test]
    fn only_whole_blocks_pass() {
        assert!(Direct::takes(8192, 4096));
        for (offset, bytes) in [(1, 4096), (0, 4095), (0, 0), (512, 512)] {
            assert!(!Direct::takes(offset, bytes), "{offset} {bytes}");
        }
    }
}
