//! Spares: segment files laid out ahead of need.
//!
//! Overwriting written blocks costs no journal commit, so a segment is written
//! full of zeroes, or taken over from one that was released, before it is used.
//! The last spare is the reserve: on a full disk only what must go through
//! (votes, marks, purges, removals) may open it, and only that is written to it
//! until there is another: else the first write after a mark would use it up,
//! and nobody could say any more what the log may let go of.

use crate::error::LogError;
use env::{Files, Mono};
use std::path::{Path, PathBuf};

/// Spares that a log wants ready: the next segment and the reserve.
pub(crate) const WANTED: usize = 2;
const CHUNK_BYTES: usize = 1 << 20;
/// Synced in pieces, so that laying out does not stand in the way of appends.
const CHUNKS_PER_SYNC: u64 = 4;

/// May an append use the reserve?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// No: on a full disk it is refused.
    Normal,
    /// Yes: it is what a full disk must not stop.
    Urgent,
}

/// A file laid out and synced, under a name that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spare {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
}

/// Lays out one spare; may run on any thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpareJob {
    dir: PathBuf,
    number: u64,
    bytes: u64,
}

impl SpareJob {
    /// Writes the zeroes, syncs file and directory.
    pub fn run(&self, files: &dyn Files) -> Result<Spare, LogError> {
        let unfinished = self.dir.join(format!("spare-{:020}.tmp", self.number));
        let path = self.dir.join(format!("spare-{:020}.log", self.number));
        let laid_out = lay_out(files, &unfinished, self.bytes);
        if let Err(error) = laid_out {
            // Give back what a full disk had left; recovery would too.
            let _ = files.unlink(&unfinished);
            return Err(error);
        }
        files.rename(&unfinished, &path).map_err(LogError::io("rename", &unfinished))?;
        files.sync_dir(&self.dir).map_err(LogError::io("sync", &self.dir))?;
        Ok(Spare { path, bytes: self.bytes })
    }
}

fn lay_out(files: &dyn Files, path: &Path, bytes: u64) -> Result<(), LogError> {
    let device = files.create(path).map_err(LogError::io("create", path))?;
    let zeroes = vec![0; CHUNK_BYTES.min(usize::try_from(bytes).unwrap_or(CHUNK_BYTES))];
    let (mut offset, mut chunks) = (0, 0);
    while offset < bytes {
        let chunk = (bytes - offset).min(zeroes.len() as u64) as usize;
        device.write_parts_at(offset, &[&zeroes[..chunk]]).map_err(LogError::io("write", path))?;
        offset += chunk as u64;
        chunks += 1;
        if chunks % CHUNKS_PER_SYNC == 0 || offset == bytes {
            device.sync().map_err(LogError::io("sync", path))?;
        }
    }
    Ok(())
}

/// The spares that are ready.
#[derive(Debug)]
pub(crate) struct SparePool {
    dir: PathBuf,
    ready: Vec<Spare>,
    next_number: u64,
    /// A job was handed out and has not come back.
    under_way: bool,
    /// When the last job failed. On a full disk each attempt takes the room
    /// that somebody else may be waiting for: it is not made again at once.
    failed: Option<Mono>,
    /// The reserve is in use, and there is no other.
    reserve_open: bool,
}

/// So long after a failed job no other is handed out.
const RETRY_MS: u64 = 1000;

impl SparePool {
    pub fn new(dir: &Path, found: Vec<(PathBuf, u64)>) -> SparePool {
        let number = |path: &PathBuf| -> Option<u64> {
            path.file_stem()?.to_str()?.strip_prefix("spare-")?.parse().ok()
        };
        let next_number = found.iter().filter_map(|(path, _)| number(path)).max().map_or(1, |n| n + 1);
        let ready = found.into_iter().map(|(path, bytes)| Spare { path, bytes }).collect();
        SparePool {
            dir: dir.to_owned(),
            ready,
            next_number,
            under_way: false,
            failed: None,
            reserve_open: false,
        }
    }

    /// A spare of at least `bytes`, laid out now if none is ready.
    pub fn take(&mut self, files: &dyn Files, bytes: u64, urgency: Urgency) -> Result<Spare, LogError> {
        let fits = self.ready.iter().rposition(|spare| spare.bytes >= bytes);
        if let Some(at) = fits.filter(|_| self.ready.len() >= WANTED) {
            return Ok(self.ready.remove(at));
        }
        match (self.lay_out(files, bytes), fits, urgency) {
            (Ok(spare), ..) => Ok(spare),
            (Err(LogError::Full { .. }), Some(at), Urgency::Urgent) => {
                self.reserve_open = true;
                Ok(self.ready.remove(at))
            }
            (Err(error), ..) => Err(error),
        }
    }

    /// Before anything else than what must go through is written: is there a
    /// reserve? One is laid out in the background, or comes of a release.
    pub fn check_reserve(&self) -> Result<(), LogError> {
        if self.reserve_open { Err(LogError::Full { path: self.dir.clone() }) } else { Ok(()) }
    }

    fn lay_out(&mut self, files: &dyn Files, bytes: u64) -> Result<Spare, LogError> {
        self.new_job(bytes).run(files).map_err(|error| match error.is_full() {
            true => LogError::Full { path: self.dir.clone() },
            false => error,
        })
    }

    fn new_job(&mut self, bytes: u64) -> SpareJob {
        let number = self.next_number;
        self.next_number += 1;
        SpareJob { dir: self.dir.clone(), number, bytes }
    }

    /// What has to be laid out, if anything and if nobody is at it.
    pub fn wanted(&mut self, now: Mono, bytes: u64) -> Option<SpareJob> {
        let too_soon = self.failed.is_some_and(|failed| now < failed.plus_ms(RETRY_MS));
        if self.under_way || too_soon || self.ready.len() >= WANTED {
            return None;
        }
        self.under_way = true;
        Some(self.new_job(bytes))
    }

    /// The job came back.
    pub fn came_back(&mut self, now: Mono, spare: Option<Spare>) {
        self.under_way = false;
        self.failed = spare.is_none().then_some(now);
        if let Some(Spare { path, bytes }) = spare {
            self.add(path, bytes);
        }
    }

    /// A name for a released segment that becomes a spare.
    pub fn name_for_recycled(&mut self) -> PathBuf {
        let number = self.next_number;
        self.next_number += 1;
        self.dir.join(format!("spare-{number:020}.log"))
    }

    /// One more: laid out, or a released segment's file.
    pub fn add(&mut self, path: PathBuf, bytes: u64) {
        self.reserve_open = false;
        self.ready.push(Spare { path, bytes });
    }

    pub fn len(&self) -> usize {
        self.ready.len()
    }
}
