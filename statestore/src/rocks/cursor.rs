//! A cursor over a partition in RocksDB: an iterator at a snapshot, and what
//! both need to live.
#![allow(unsafe_code)] // two lifetimes, argued below

use super::failure::Attempt;
use super::slot::{self, Slot};
use crate::cursor::{Cursor, Walk};
use crate::error::StoreError;
use crate::store::Visit;
use model::keyspace::meta;
use model::{Index, KeyRange};
use rocksdb::{DBRawIterator, ReadOptions, Snapshot};
use std::path::PathBuf;
use std::sync::Arc;

/// What a long walk reads of a file at a time. Without it the engine begins with
/// a few blocks, and doubles up to a quarter of this.
const READ_AHEAD_BYTES: usize = 1 << 20;

/// See above.
///
/// Invariant: the iterator stands at the next row that is to be seen.
pub(super) struct InRocks {
    // Dropped in this order: the iterator before the snapshot that it reads at,
    // and both before their database.
    rows: DBRawIterator<'static>,
    _snapshot: Snapshot<'static>,
    _slot: Arc<Slot>,
    path: PathBuf,
    applied: Index,
    reverse: bool,
}

impl InRocks {
    /// At the beginning of the walk.
    pub fn open(slot: Arc<Slot>, path: PathBuf, range: &KeyRange, walk: Walk) -> Result<InRocks, StoreError> {
        let snapshot = slot.handle.db().snapshot();
        let found = snapshot.get_pinned_cf_opt(slot.handle.family(), meta::APPLIED, ReadOptions::default());
        let applied = slot::number(found.attempt("reading", &path)?.as_deref(), &meta::APPLIED, &path)?;
        let applied =
            applied.ok_or_else(|| StoreError::damaged(&path, "a partition has no applied row any more"))?;
        let mut rows = snapshot.raw_iterator_cf_opt(slot.handle.family(), reads(range, walk));
        if walk.reverse {
            rows.seek_to_last();
        } else {
            rows.seek_to_first();
        }
        // SAFETY: the lifetime of the snapshot promises that its database outlives
        // it, and that of the iterator that its snapshot does. They do: `_slot`
        // keeps the database, and stays where it is (an `Arc` does not move its
        // content); the iterator holds the engine's snapshot and not the value
        // here, which may move; and fields are dropped from top to bottom. Neither
        // is ever lent out with its lifetime, and neither type's layout has any
        // other use of it.
        let (rows, snapshot) = unsafe {
            let rows = std::mem::transmute::<DBRawIterator<'_>, DBRawIterator<'static>>(rows);
            (rows, std::mem::transmute::<Snapshot<'_>, Snapshot<'static>>(snapshot))
        };
        Ok(InRocks { rows, _snapshot: snapshot, _slot: slot, path, applied, reverse: walk.reverse })
    }
}

fn reads(range: &KeyRange, walk: Walk) -> ReadOptions {
    let mut reads = ReadOptions::default();
    reads.set_iterate_lower_bound(range.start());
    if let Some(end) = range.end() {
        reads.set_iterate_upper_bound(end);
    }
    // Whoever drops a cursor may be in a hurry, and is not to delete the files
    // that nobody but the cursor still needed.
    reads.set_background_purge_on_iterator_cleanup(true);
    if walk.long {
        // Rows that are seen once are not worth those that others come back for.
        reads.fill_cache(false);
        // The engine reads ahead towards the end only.
        if !walk.reverse {
            reads.set_readahead_size(READ_AHEAD_BYTES);
        }
    }
    reads
}

impl Cursor for InRocks {
    fn applied(&self) -> Index {
        self.applied
    }

    fn visit(&mut self, visit: Visit<'_>) -> Result<bool, StoreError> {
        while let Some((key, value)) = self.rows.item() {
            if visit(key, value).is_break() {
                return Ok(true);
            }
            if self.reverse {
                self.rows.prev();
            } else {
                self.rows.next();
            }
        }
        self.rows.status().attempt("reading", &self.path)?;
        Ok(false)
    }
}
