//! An application's own store: an ordered map for each partition, copied by whoever
//! writes while somebody looks. It forgets what was not flushed when it crashes,
//! and keeps every promise of [`Store`]: the suite says so.
//!
//! ```text
//! cargo run --release -p statestore --example map_store
//! ```
#![allow(missing_docs, dead_code, reason = "an example, which a test includes")]

use bytes::Bytes;
use model::keyspace::meta;
use model::{Index, KeyRange, Mutation, PartitionId};
use statestore::{Cursor, Look, Moment, Part, Store, StoreError, Visit, Walk, plan};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Rows of one partition. Whoever looks holds them as they are.
type Rows = Arc<BTreeMap<Bytes, Bytes>>;

struct Held {
    now: Rows,
    flushed: Rows,
}

#[derive(Default)]
pub struct MapStore(Mutex<BTreeMap<PartitionId, Held>>);

fn applied(rows: &Rows) -> Index {
    u64::from_le_bytes(rows[&meta::APPLIED[..]][..].try_into().expect("eight bytes"))
}

fn applied_row(index: Index) -> (Bytes, Bytes) {
    (Bytes::from_static(&meta::APPLIED), Bytes::copy_from_slice(&index.to_le_bytes()))
}

impl MapStore {
    fn held(&self) -> MutexGuard<'_, BTreeMap<PartitionId, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rows(&self, id: PartitionId) -> Result<Rows, StoreError> {
        self.held().get(&id).map(|held| held.now.clone()).ok_or(StoreError::Unknown(id))
    }

    /// What was not flushed is gone.
    pub fn crash(&self) {
        self.held().values_mut().for_each(|held| held.now = held.flushed.clone());
    }
}

impl Store for MapStore {
    fn apply(&self, parts: &[Part]) -> Result<(), StoreError> {
        let mut all = self.held();
        let of = |id| all.get(&id).map(|held| applied(&held.now)).ok_or(StoreError::Unknown(id));
        for (id, change) in plan(parts, of)? {
            let rows = Arc::make_mut(&mut all.get_mut(&id).expect("it was just asked").now);
            for mutation in change.parts.iter().flat_map(|part| &part.mutations) {
                match mutation {
                    Mutation::Put { key, value } => rows.insert(key.clone(), value.clone()),
                    Mutation::Delete { key } => rows.remove(key),
                };
            }
            rows.extend([applied_row(change.after)]);
        }
        Ok(())
    }

    fn get(&self, id: PartitionId, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.rows(id)?.get(key).cloned())
    }

    fn multi_get(&self, id: PartitionId, keys: &[&[u8]]) -> Result<Vec<Option<Bytes>>, StoreError> {
        let (rows, bytes_max) = (self.rows(id)?, 16 << 20);
        let found: Vec<_> = keys.iter().map(|key| rows.get(*key).cloned()).collect();
        let bytes: usize = found.iter().flatten().map(Bytes::len).sum();
        if bytes > bytes_max && keys.len() > 1 { Err(StoreError::TooMuch { bytes_max }) } else { Ok(found) }
    }

    fn cursor(&self, id: PartitionId, range: &KeyRange, walk: Walk) -> Result<Box<dyn Cursor>, StoreError> {
        let rows = self.rows(id)?;
        let mut left: VecDeque<_> = within(&rows, range).collect();
        if walk.reverse {
            left.make_contiguous().reverse();
        }
        Ok(Box::new(Walking { applied: applied(&rows), left }))
    }

    fn moment(&self, id: PartitionId, look: Look<'_>) -> Result<(), StoreError> {
        look(&Seen(self.rows(id)?))
    }

    fn applied(&self, id: PartitionId) -> Result<Index, StoreError> {
        Ok(applied(&self.rows(id)?))
    }

    fn flushed(&self, id: PartitionId) -> Result<Index, StoreError> {
        self.held().get(&id).map(|held| applied(&held.flushed)).ok_or(StoreError::Unknown(id))
    }

    fn flush(&self, ids: &[PartitionId]) -> Result<(), StoreError> {
        let mut all = self.held();
        let mut flush = |held: &mut Held| held.flushed = held.now.clone();
        ids.iter().try_for_each(|id| all.get_mut(id).map(&mut flush).ok_or(StoreError::Unknown(*id)))
    }

    fn create(&self, ids: &[PartitionId], origin: Index) -> Result<(), StoreError> {
        let mut all = self.held();
        let is_there = |at: usize| all.contains_key(&ids[at]) || ids[..at].contains(&ids[at]);
        if let Some(at) = (0..ids.len()).find(|at| is_there(*at)) {
            return Err(StoreError::Exists(ids[at]));
        }
        let rows = Arc::new(BTreeMap::from([applied_row(origin)]));
        all.extend(ids.iter().map(|id| (*id, Held { now: rows.clone(), flushed: rows.clone() })));
        Ok(())
    }

    fn remove(&self, id: PartitionId) -> Result<(), StoreError> {
        self.held().remove(&id).map(drop).ok_or(StoreError::Unknown(id))
    }

    fn partitions(&self) -> Result<Vec<PartitionId>, StoreError> {
        Ok(self.held().keys().copied().collect())
    }
}

fn within<'a>(rows: &'a Rows, range: &KeyRange) -> impl DoubleEndedIterator<Item = (Bytes, Bytes)> + 'a {
    let end = range.end().map_or(Bound::Unbounded, |end| Bound::Excluded(Bytes::copy_from_slice(end)));
    let start = Bound::Included(Bytes::copy_from_slice(range.start()));
    rows.range((start, end)).map(|(key, value)| (key.clone(), value.clone()))
}

/// Rows as they were.
struct Seen(Rows);

impl Moment for Seen {
    fn applied(&self) -> Index {
        applied(&self.0)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.0.get(key).cloned())
    }

    fn range(&self, range: &KeyRange, most: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        Ok(within(&self.0, range).take(most).collect())
    }
}

/// What of a walk is still to be seen.
struct Walking {
    applied: Index,
    left: VecDeque<(Bytes, Bytes)>,
}

impl Cursor for Walking {
    fn applied(&self) -> Index {
        self.applied
    }

    fn visit(&mut self, visit: Visit<'_>) -> Result<bool, StoreError> {
        while let Some((key, value)) = self.left.front() {
            if visit(key, value).is_break() {
                return Ok(true);
            }
            self.left.pop_front();
        }
        Ok(false)
    }
}

fn main() -> Result<(), StoreError> {
    let (store, partition) = (MapStore::default(), PartitionId(1));
    store.create(&[partition], 0)?;
    let mutations = vec![Mutation::put("\x01hello", "you")];
    store.apply(&[Part { partition, first_index: 1, count: 1, mutations }])?;
    println!("{:?}", store.get(partition, b"\x01hello")?);
    Ok(())
}
