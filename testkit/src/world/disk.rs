//! A host's disk: a simulated one whose operations take virtual time.

use super::trace;
use crate::fibers::{self, HostId};
use env::rng::Stream;
use env::sim::SimDisk;
use env::{Clock, Entry, FileLock, Files, LogDevice, Mono};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A long sync is waited for in pieces.
const PIECE_US: u64 = 20_000;

/// How long operations take. Shared by all that one host has open.
pub struct Pace {
    host: HostId,
    clock: Arc<dyn Clock>,
    /// Least and most time of a sync.
    sync_us: (u64, u64),
    /// Of a hundred syncs, so many take twenty times as long.
    spikes_percent: u64,
    draws: Mutex<Stream>,
    /// A fault makes the disk so many times slower.
    slower: Mutex<u64>,
}

impl Pace {
    /// A disk of this host.
    pub fn new(
        host: HostId,
        clock: Arc<dyn Clock>,
        sync_us: (u64, u64),
        spikes_percent: u64,
        draws: Stream,
    ) -> Arc<Pace> {
        let (draws, slower) = (Mutex::new(draws), Mutex::new(1));
        Arc::new(Pace { host, clock, sync_us, spikes_percent, draws, slower })
    }

    /// So many times slower from now on.
    pub fn set_slower(&self, times: u64) {
        *self.slower.lock().unwrap_or_else(PoisonError::into_inner) = times.max(1);
    }

    fn draws(&self) -> MutexGuard<'_, Stream> {
        self.draws.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the time of a sync. What is written meanwhile is not what was
    /// asked for, so the sync itself comes before that time or behind it.
    fn sync<T>(&self, sync: impl Fn() -> T) -> T {
        let (mut left_us, comes_first) = {
            let mut draws = self.draws();
            let (least, most) = self.sync_us;
            let us = least + draws.below(most.saturating_sub(least) + 1);
            (if draws.chance(self.spikes_percent) { us * 20 } else { us }, draws.chance(50))
        };
        let early = comes_first.then(&sync);
        // In pieces: a disk may become as fast again as it was.
        while left_us > 0 {
            let piece_us = left_us.min(PIECE_US);
            let slower = *self.slower.lock().unwrap_or_else(PoisonError::into_inner);
            fibers::pause_until(self.host, Mono(self.clock.mono().0 + piece_us * slower * 1000));
            left_us -= piece_us;
        }
        early.unwrap_or_else(sync)
    }

    /// Now and then other operations take a moment, in which a crash may fall.
    fn touch(&self) {
        let waits = self.draws().chance(3);
        if waits {
            fibers::pause_until(self.host, Mono(self.clock.mono().0 + 1_000_000));
        }
    }
}

/// The disk as the host's node sees it.
#[derive(Clone)]
pub struct HostDisk {
    disk: SimDisk,
    pace: Arc<Pace>,
}

impl HostDisk {
    /// `disk`, at this pace.
    pub fn new(disk: SimDisk, pace: Arc<Pace>) -> HostDisk {
        HostDisk { disk, pace }
    }

    fn device(&self, device: io::Result<Arc<dyn LogDevice>>) -> io::Result<Arc<dyn LogDevice>> {
        let pace = self.pace.clone();
        device.map(|device| Arc::new(HostFile { device, pace }) as Arc<dyn LogDevice>)
    }
}

impl Files for HostDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.create_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        self.disk.list(path)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn LogDevice>> {
        self.pace.touch();
        self.device(self.disk.create(path))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn LogDevice>> {
        self.device(self.disk.open(path))
    }

    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn LogDevice>> {
        self.device(self.disk.open_read(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.pace.touch();
        self.disk.rename(from, to)
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        self.pace.touch();
        self.disk.unlink(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.pace.touch();
        self.disk.remove_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.pace.sync(|| self.disk.sync_dir(path))
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn FileLock>> {
        self.disk.lock(path)
    }
}

struct HostFile {
    device: Arc<dyn LogDevice>,
    pace: Arc<Pace>,
}

impl LogDevice for HostFile {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.device.read_at(offset, into)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.pace.touch();
        self.device.write_at(offset, bytes)
    }

    fn write_parts_at(&self, offset: u64, parts: &[&[u8]]) -> io::Result<()> {
        self.pace.touch();
        self.device.write_parts_at(offset, parts)
    }

    fn sync(&self) -> io::Result<()> {
        let synced = self.pace.sync(|| self.device.sync());
        trace::here(format_args!("host {} sync {}", self.pace.host, synced.is_ok()));
        synced
    }

    fn bytes(&self) -> io::Result<u64> {
        self.device.bytes()
    }

    fn set_bytes(&self, bytes: u64) -> io::Result<()> {
        self.device.set_bytes(bytes)
    }
}
