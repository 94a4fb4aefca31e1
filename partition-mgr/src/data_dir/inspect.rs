//! Looking at a data directory without touching it, for the offline doctor.
//!
//! No lock is taken: taking it writes. A server may have the directory open
//! meanwhile, and damage is a finding here, not an error.

use super::ground::read_sealed;
use super::open::holder;
use super::sealed::{FILE_BYTES_MAX, Flaw};
use super::{DataDir, DataDirError, FORMAT, Format, IDENTITY, Identity, LOCK, PARTS};
use env::{Entry, EntryKind, Files};
use std::io;
use std::path::Path;

/// What was found in a directory.
#[derive(Debug)]
pub struct Inspection {
    /// What FORMAT says. Absent: never set up, or lost.
    pub format: Finding<Format>,
    /// What IDENTITY says.
    pub identity: Finding<Identity>,
    /// The process that had the directory open last, and may have it still:
    /// whether the lock is held cannot be known without taking it.
    pub last_pid: Option<u32>,
    /// The directories that belong in it, by name.
    pub parts: Vec<(&'static str, PartFinding)>,
    /// What else is there, by name: leftovers, or somebody else's.
    pub others: Vec<String>,
}

/// What was found of a file.
#[derive(Debug)]
pub enum Finding<T> {
    /// Whole, and of a version that this build knows.
    Good(T),
    /// Missing, damaged, or of an unknown version.
    Flawed(Flaw),
    /// The operating system refused to read it.
    Unreadable(io::Error),
}

impl<T> Finding<T> {
    /// What the file says, if it says anything.
    pub fn good(&self) -> Option<&T> {
        match self {
            Finding::Good(value) => Some(value),
            Finding::Flawed(_) | Finding::Unreadable(_) => None,
        }
    }
}

/// What was found of a directory that belongs in a data directory.
#[derive(Debug)]
pub enum PartFinding {
    /// It is there, with so many names in it.
    Holds(usize),
    /// It is not there.
    Absent,
    /// Something else bears its name, or it cannot be read.
    Unreadable(io::Error),
}

impl DataDir {
    /// Looks at a directory that may be damaged, foreign, or open elsewhere.
    /// Fails only when its names cannot be listed.
    pub fn inspect(files: &dyn Files, path: &Path) -> Result<Inspection, DataDirError> {
        let entries = files.list(path).map_err(DataDirError::system("list", path))?;
        let lock = entries.iter().find(|entry| entry.name == LOCK);
        let short = lock.filter(|lock| lock.kind == EntryKind::File && lock.bytes <= FILE_BYTES_MAX);
        let named = |name: &str| [FORMAT, IDENTITY, LOCK].contains(&name) || PARTS.contains(&name);
        let others = entries.iter().filter(|entry| !named(&entry.name));
        Ok(Inspection {
            format: find(files, path, &entries, FORMAT, Format::decode),
            identity: find(files, path, &entries, IDENTITY, Identity::decode),
            last_pid: short.and_then(|_| holder(files, &path.join(LOCK))),
            parts: PARTS.map(|part| (part, find_part(files, &path.join(part)))).into(),
            others: others.map(|entry| entry.name.clone()).collect(),
        })
    }
}

fn find<T>(
    files: &dyn Files,
    dir: &Path,
    entries: &[Entry],
    name: &str,
    decode: fn(&[u8]) -> Result<T, Flaw>,
) -> Finding<T> {
    match entries.iter().find(|entry| entry.name == name) {
        None => return Finding::Flawed(Flaw::Absent),
        Some(entry) if entry.kind != EntryKind::File => return Finding::Flawed(Flaw::NotAFile),
        Some(_) => {}
    }
    match read_sealed(files, &dir.join(name), decode) {
        Ok(Ok(value)) => Finding::Good(value),
        Ok(Err(flaw)) => Finding::Flawed(flaw),
        Err(error) => Finding::Unreadable(error),
    }
}

fn find_part(files: &dyn Files, path: &Path) -> PartFinding {
    match files.list(path) {
        Ok(entries) => PartFinding::Holds(entries.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => PartFinding::Absent,
        Err(error) => PartFinding::Unreadable(error),
    }
}
