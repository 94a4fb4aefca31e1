//! A cursor over a partition in memory: a snapshot of its map, and how far it is.

use super::Rows;
use super::checkpoint::applied_of;
use crate::cursor::{Cursor, Walk};
use crate::error::StoreError;
use crate::store::Visit;
use bytes::Bytes;
use model::{Index, KeyRange};
use std::ops::Bound;

/// See above.
///
/// Invariant: `last` is in the range, and everything up to it, in the order of
/// the walk, has been seen.
pub(super) struct InMemory {
    rows: Rows,
    range: KeyRange,
    reverse: bool,
    last: Option<Bytes>,
}

impl InMemory {
    /// At the beginning of the walk. Nothing in memory is worth reading ahead.
    pub fn new(rows: Rows, range: KeyRange, walk: Walk) -> InMemory {
        InMemory { rows, range, reverse: walk.reverse, last: None }
    }
}

impl Cursor for InMemory {
    fn applied(&self) -> Index {
        applied_of(&self.rows).expect("every write keeps the applied row")
    }

    fn visit(&mut self, visit: Visit<'_>) -> Result<bool, StoreError> {
        let mut start = Bound::Included(self.range.start());
        let mut end = self.range.end().map_or(Bound::Unbounded, Bound::Excluded);
        if let Some(last) = &self.last {
            *(if self.reverse { &mut end } else { &mut start }) = Bound::Excluded(&last[..]);
        }
        let mut rows = self.rows.range::<_, [u8]>((start, end));
        let mut last = None;
        let mut broke = false;
        while let Some((key, value)) = if self.reverse { rows.next_back() } else { rows.next() } {
            if visit(key, value).is_break() {
                broke = true;
                break;
            }
            last = Some(key);
        }
        if let Some(last) = last.cloned() {
            self.last = Some(last);
        }
        Ok(broke)
    }
}
