//! The manifest of an export: which files, with which checksums, make which
//! partition at which index. Bytes in `docs/formats/export.md`.
//!
//! RocksDB keeps no such file: its own metadata of an export is in memory
//! alone. So the manifest also carries what an import must tell RocksDB.

mod text;
mod verify;

pub use verify::{fingerprint, read, verify};

use crate::error::{Attempt, StoreError};
use env::Files;
use model::{Index, PartitionId};
use std::fmt;
use std::path::Path;

/// The manifest's name in an export's directory.
pub const NAME: &str = "manifest";

/// The version of the format.
pub const FORMAT: u32 = 1;

/// Which kind of store made the files, and can take them in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// One checkpoint file of rows in order.
    Memory,
    /// SST files.
    Rocks,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Memory => "memory",
            Kind::Rocks => "rocksdb",
        }
    }

    fn from_name(name: &str) -> Option<Kind> {
        [Kind::Memory, Kind::Rocks].into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One file of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Without a directory: letters, digits, `.`, `_`, `-`.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// CRC32C of all of it.
    pub crc32c: u32,
    /// Where in the tree it lies; 0 where there is no tree.
    pub level: u32,
    /// The first key in it.
    pub smallest: Vec<u8>,
    /// The last key in it.
    pub largest: Vec<u8>,
    /// The engine's first and last sequence number; 0 where it has none.
    pub seqnos: (u64, u64),
    /// Rows and deletion marks.
    pub entries: u64,
    /// Deletion marks alone.
    pub deletions: u64,
}

/// What an export holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Who can take it in.
    pub kind: Kind,
    /// Whose rows.
    pub partition: PartitionId,
    /// At which index.
    pub applied: Index,
    /// In which files, by name.
    pub files: Vec<File>,
}

impl Manifest {
    /// Puts the manifest beside its files, which are durable already, and
    /// makes both known: the export exists once this returns.
    pub fn write(&self, files: &dyn Files, dir: &Path) -> Result<(), StoreError> {
        let path = dir.join(NAME);
        let device = files.create(&path).attempt("creating", &path)?;
        device.write_at(0, self.encode().as_bytes()).attempt("writing", &path)?;
        device.sync().attempt("syncing", &path)?;
        files.sync_dir(dir).attempt("syncing the directory", dir)?;
        sync_parent(files, dir)
    }

    /// Refuses an export of another kind of store.
    pub fn expect_kind(&self, kind: Kind, dir: &Path) -> Result<(), StoreError> {
        if self.kind == kind {
            return Ok(());
        }
        Err(StoreError::layout(
            dir,
            format!("a {} store made this export; a {kind} store cannot take it in", self.kind),
        ))
    }
}

/// What takes a partition's place has more than that.
pub(crate) fn refuse_older(dir: &Path, applied: Index, before: Index) -> Result<(), StoreError> {
    if applied > before {
        return Ok(());
    }
    let why = format!("it has index {applied}, and the partition that it is to replace has {before}");
    Err(StoreError::export_damaged(dir, why))
}

/// Makes a new directory's name durable.
pub(crate) fn sync_parent(files: &dyn Files, dir: &Path) -> Result<(), StoreError> {
    // A relative path of one component lies in the working directory.
    let parent = match dir.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Ok(()),
    };
    files.sync_dir(parent).attempt("syncing the directory", parent)
}

/// Exports and checkpoints never add to a directory that is there already.
pub(crate) fn refuse_existing(files: &dyn Files, dir: &Path) -> Result<(), StoreError> {
    match files.list(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).attempt("looking into", dir),
        Ok(_) => Err(std::io::Error::from(std::io::ErrorKind::AlreadyExists)).attempt("making", dir),
    }
}
