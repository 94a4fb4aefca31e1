//! A moment of a partition in RocksDB: a snapshot, for as long as somebody looks.

use super::failure::Attempt;
use super::slot::{self, Slot};
use crate::error::StoreError;
use crate::moment::{Look, Moment};
use bytes::Bytes;
use model::keyspace::meta;
use model::{Index, KeyRange};
use rocksdb::{ReadOptions, Snapshot};
use std::path::Path;

struct InRocks<'a> {
    snapshot: Snapshot<'a>,
    slot: &'a Slot,
    path: &'a Path,
    applied: Index,
}

/// Lets somebody look at a moment.
pub(super) fn look(slot: &Slot, path: &Path, look: Look<'_>) -> Result<(), StoreError> {
    let snapshot = slot.handle.db().snapshot();
    let found = snapshot.get_pinned_cf_opt(slot.handle.family(), meta::APPLIED, ReadOptions::default());
    let applied = slot::number(found.attempt("reading", path)?.as_deref(), &meta::APPLIED, path)?;
    let applied =
        applied.ok_or_else(|| StoreError::damaged(path, "a partition has no applied row any more"))?;
    look(&InRocks { snapshot, slot, path, applied })
}

impl Moment for InRocks<'_> {
    fn applied(&self) -> Index {
        self.applied
    }

    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let found = self.snapshot.get_pinned_cf_opt(self.slot.handle.family(), key, ReadOptions::default());
        Ok(found.attempt("reading", self.path)?.map(|row| Bytes::copy_from_slice(&row)))
    }

    fn range(&self, range: &KeyRange, most: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let mut reads = ReadOptions::default();
        reads.set_iterate_lower_bound(range.start());
        if let Some(end) = range.end() {
            reads.set_iterate_upper_bound(end);
        }
        let mut rows = self.snapshot.raw_iterator_cf_opt(self.slot.handle.family(), reads);
        rows.seek_to_first();
        let mut found = Vec::new();
        while let Some((key, value)) = rows.item().filter(|_| found.len() < most) {
            found.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)));
            rows.next();
        }
        rows.status().attempt("reading", self.path)?;
        Ok(found)
    }
}
