//! One partition in memory.

use super::Rows;
use super::checkpoint::applied_of;
use super::home::Home;
use crate::error::StoreError;
use crate::store::Part;
use bytes::Bytes;
use env::{Guard, Lock, sometimes};
use model::keyspace::meta;
use model::{Index, Mutation, PartitionId};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

/// Rows, and how far they are.
///
/// Invariant: `flushed ≤ applied`; both change only under their lock, and
/// `applied` is what the rows' own applied row says.
pub(super) struct Partition {
    pub id: PartitionId,
    rows: RwLock<Rows>,
    applied: AtomicU64,
    flushed: AtomicU64,
    /// Bytes changed since a checkpoint was last begun, whatever became of it.
    changed: AtomicU64,
    /// The right to write, which dies with the partition. Taken before
    /// `saved`, and by readers never.
    writer: Lock<Writer>,
    /// The right to save. A volatile store keeps here what a crash returns to.
    saved: Lock<Option<Rows>>,
}

/// What the writer's lock protects: nobody writes to what is removed.
pub(super) struct Writer {
    pub removed: bool,
}

/// The first rows of a partition.
pub(super) fn first_rows(id: PartitionId, origin: Index) -> Rows {
    let mut rows = Rows::new();
    rows.insert(Bytes::from_static(&meta::APPLIED), Bytes::copy_from_slice(&origin.to_le_bytes()));
    rows.insert(Bytes::from_static(&meta::PARTITION), Bytes::copy_from_slice(&id.0.to_le_bytes()));
    rows
}

impl Partition {
    /// A partition whose rows are saved as they are.
    pub fn new(id: PartitionId, rows: Rows) -> Partition {
        let applied = applied_of(&rows).expect("whoever makes the rows puts the applied row in");
        Partition {
            id,
            applied: AtomicU64::new(applied),
            flushed: AtomicU64::new(applied),
            changed: AtomicU64::new(0),
            writer: Lock::new(Writer { removed: false }),
            saved: Lock::new(Some(rows.clone())),
            rows: RwLock::new(rows),
        }
    }

    /// The rows at this moment; later writes do not show in them.
    pub fn snapshot(&self) -> Rows {
        self.rows.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn get(&self, key: &[u8]) -> Option<Bytes> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    pub fn applied(&self) -> Index {
        self.applied.load(Ordering::Acquire)
    }

    pub fn flushed(&self) -> Index {
        self.flushed.load(Ordering::Acquire)
    }

    pub fn changed(&self) -> u64 {
        self.changed.load(Ordering::Relaxed)
    }

    pub fn writer(&self) -> Guard<'_, Writer> {
        self.writer.hold()
    }

    /// Puts parts in with their applied row, at once visible. The caller has
    /// the writer's lock and a plan.
    pub fn write(&self, parts: &[&Part], applied: Option<Index>) {
        let mut changed = 0;
        {
            let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
            for mutation in parts.iter().flat_map(|part| &part.mutations) {
                changed += change(&mut rows, mutation);
            }
            if let Some(applied) = applied {
                put(&mut rows, &meta::APPLIED, &applied.to_le_bytes());
            }
        }
        self.changed.fetch_add(changed, Ordering::Relaxed);
        if let Some(applied) = applied {
            self.applied.store(applied, Ordering::Release);
        }
    }

    /// Saves the rows as they are now. The writer goes on meanwhile.
    pub fn save(&self, home: &Home) -> Result<(), StoreError> {
        let mut saved = self.saved.hold();
        self.changed.store(0, Ordering::Relaxed);
        let rows = self.snapshot();
        let applied = applied_of(&rows).expect("every write keeps the applied row");
        home.save(self.id, &rows)?;
        sometimes!("a memory checkpoint was written");
        *saved = home.is_nowhere().then_some(rows);
        self.flushed.store(applied, Ordering::Release);
        Ok(())
    }

    /// Forgets what was not saved. For volatile stores.
    pub fn return_to_saved(&self) {
        let _writer = self.writer();
        let saved = self.saved.hold();
        let rows = saved.clone().expect("a volatile store keeps what it saved");
        let applied = applied_of(&rows).expect("what was saved has its applied row");
        *self.rows.write().unwrap_or_else(PoisonError::into_inner) = rows;
        self.applied.store(applied, Ordering::Release);
        self.changed.store(0, Ordering::Relaxed);
    }

    /// Runs when no save is under way and none can begin meanwhile.
    pub fn between_saves<T>(&self, run: impl FnOnce() -> T) -> T {
        let _saved = self.saved.hold();
        run()
    }
}

fn change(rows: &mut Rows, mutation: &Mutation) -> u64 {
    match mutation {
        Mutation::Put { key, value } => {
            put(rows, key, value);
            (key.len() + value.len()) as u64
        }
        Mutation::Delete { key } => {
            rows.remove(&key[..]);
            key.len() as u64
        }
    }
}

/// Copies: a mutation's bytes are slices of a record, and a row must not keep
/// its whole record in memory.
fn put(rows: &mut Rows, key: &[u8], value: &[u8]) {
    let value = Bytes::copy_from_slice(value);
    match rows.get_mut(key) {
        Some(row) => *row = value,
        None => drop(rows.insert(Bytes::copy_from_slice(key), value)),
    }
}
