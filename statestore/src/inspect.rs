//! What a store's directory holds, for an offline tool: read, never written.

use crate::error::{Attempt, StoreError};
use crate::memory::{checkpoint, partition_of};
#[cfg(feature = "rocksdb")]
pub use crate::rocks::inspect as rocks;
use env::Files;
use model::{Index, PartitionId};
use std::path::{Path, PathBuf};

/// One partition as found on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Whose rows.
    pub partition: PartitionId,
    /// In which RocksDB instance; `None` for a memory store.
    pub instance: Option<usize>,
    /// In which column family; the file's name for a memory store.
    pub slot: String,
    /// The index that a start would find, and replay from.
    pub applied: Index,
    /// The index in files alone; below `applied` only where the store has a
    /// journal of its own.
    pub flushed: Index,
    /// Bytes on disk; for RocksDB, an estimate.
    pub bytes: u64,
    /// Rows; for RocksDB, an estimate.
    pub keys: u64,
}

/// What could be read, and what could not.
#[derive(Debug, Default)]
pub struct Inspection {
    /// Partitions, in the order found: by instance, then by slot.
    pub rows: Vec<Row>,
    /// Files or instances that could not be read, and why.
    pub problems: Vec<(PathBuf, StoreError)>,
}

/// RocksDB cannot be read by this build.
#[cfg(not(feature = "rocksdb"))]
pub fn rocks(dir: &Path, _: &model::Limits) -> Result<Inspection, StoreError> {
    Err(StoreError::layout(dir, "it was written by RocksDB, which this build does not have"))
}

/// The checkpoints of a memory store. Headers alone are read.
pub fn memory(files: &dyn Files, dir: &Path) -> Result<Inspection, StoreError> {
    let mut inspection = Inspection::default();
    for entry in files.list(dir).attempt("listing", dir)? {
        let Some(partition) = partition_of(&entry.name) else { continue };
        let path = dir.join(&entry.name);
        let header = files
            .open_read(&path)
            .attempt("opening", &path)
            .and_then(|device| checkpoint::read_header(&*device, &path));
        match header {
            Err(error) => inspection.problems.push((path, error)),
            Ok(header) => inspection.rows.push(Row {
                partition,
                instance: None,
                slot: entry.name,
                applied: header.applied,
                flushed: header.applied,
                bytes: entry.bytes,
                keys: header.rows,
            }),
        }
    }
    Ok(inspection)
}
