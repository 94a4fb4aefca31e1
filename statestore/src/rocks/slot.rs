//! A slot: one column family, and the partition in it.

use super::failure::Attempt;
use super::handle::Handle;
use crate::error::StoreError;
use model::keyspace::meta;
use model::{Index, PartitionId};
use rocksdb::ReadOptions;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

const PREFIX: &str = "slot-";

/// The column family's name.
pub(super) fn name(slot: u32) -> String {
    format!("{PREFIX}{slot:06}")
}

/// The slot of a column family's name, if it is one.
pub(super) fn number_of(name_of: &str) -> Option<u32> {
    let number = name_of.strip_prefix(PREFIX)?.parse().ok()?;
    (name(number) == name_of).then_some(number)
}

/// A partition in its slot.
///
/// Invariant: `applied` is the slot's applied row, and changes only under the
/// writer's lock, after the row did.
pub(super) struct Slot {
    pub partition: PartitionId,
    /// Which of the store's instances.
    pub instance: usize,
    pub number: u32,
    pub handle: Handle,
    applied: AtomicU64,
    writer: Mutex<Writer>,
}

/// What the writer's lock protects: nobody writes to what is removed. Readers
/// never take it.
pub(super) struct Writer {
    pub removed: bool,
}

impl Slot {
    pub fn new(partition: PartitionId, instance: usize, number: u32, handle: Handle, applied: Index) -> Slot {
        let writer = Mutex::new(Writer { removed: false });
        Slot { partition, instance, number, handle, applied: AtomicU64::new(applied), writer }
    }

    pub fn applied(&self) -> Index {
        self.applied.load(Ordering::Acquire)
    }

    pub fn set_applied(&self, index: Index) {
        self.applied.store(index, Ordering::Release);
    }

    pub fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A meta row that holds a number.
pub(super) fn meta_row(
    handle: &Handle,
    row: &[u8],
    reads: &ReadOptions,
    path: &Path,
) -> Result<Option<u64>, StoreError> {
    let found = handle.db().get_pinned_cf_opt(handle.family(), row, reads).attempt("reading", path)?;
    number(found.as_deref(), row, path)
}

/// The number that a meta row holds, if it is there.
pub(super) fn number(found: Option<&[u8]>, row: &[u8], path: &Path) -> Result<Option<u64>, StoreError> {
    let Some(value) = found else { return Ok(None) };
    match value.try_into() {
        Ok(bytes) => Ok(Some(u64::from_le_bytes(bytes))),
        Err(_) => Err(StoreError::damaged(path, format!("the meta row {} is no number", row.escape_ascii()))),
    }
}

/// What a column family turns out to hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// A partition, at an index.
    Partition(PartitionId, Index),
    /// Nothing at all: ready to be taken.
    Spare,
    /// Files of an import that was not finished: absent, and to be dropped.
    Leftover,
}

/// Reads what a column family holds. `meant_for` is the partition for which
/// an import under another id was begun here, if one was.
pub(super) fn content(
    handle: &Handle,
    meant_for: Option<PartitionId>,
    path: &Path,
) -> Result<Content, StoreError> {
    let reads = ReadOptions::default();
    let Some(applied) = meta_row(handle, &meta::APPLIED, &reads, path)? else {
        let mut rows = handle.db().raw_iterator_cf(handle.family());
        rows.seek_to_first();
        rows.status().attempt("reading", path)?;
        return Ok(if rows.valid() { Content::Leftover } else { Content::Spare });
    };
    let partition = meta_row(handle, &meta::PARTITION, &reads, path)?.map(PartitionId);
    match (partition, meant_for) {
        (Some(partition), None) => Ok(Content::Partition(partition, applied)),
        (Some(partition), Some(meant)) if partition == meant => Ok(Content::Partition(partition, applied)),
        // It still names the partition that was exported.
        (_, Some(_)) => Ok(Content::Leftover),
        (None, None) => Err(StoreError::damaged(path, "a slot has an applied row, but names no partition")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_nothing_else_is_one() {
        for number in [0, 1, 999_999, 1_000_000, u32::MAX] {
            assert_eq!(number_of(&name(number)), Some(number));
        }
        assert_eq!(name(1), "slot-000001");
        for other in ["default", "slot-", "slot-1", "slot-+00001", "slot-0000001", "slot-x", "SLOT-000001"] {
            assert_eq!(number_of(other), None, "{other}");
        }
    }
}
