//! A store that now and then takes nothing.

use bytes::Bytes;
use model::{Index, KeyRange, PartitionId};
use statestore::{Cursor, Look, MemoryStore, Part, Store, StoreError, Walk};
use std::io;
use std::path::PathBuf;
use std::sync::Mutex;

/// Why it takes nothing.
#[derive(Clone, Copy, PartialEq)]
pub enum Mood {
    Willing,
    Busy,
    Full,
}

pub struct Reluctant {
    pub store: MemoryStore,
    pub mood: Mutex<Mood>,
}

impl Reluctant {
    pub fn set(&self, mood: Mood) {
        *self.mood.lock().expect("not poisoned") = mood;
    }
}

impl Store for Reluctant {
    fn apply(&self, parts: &[Part]) -> Result<(), StoreError> {
        let path = PathBuf::from("/store");
        match *self.mood.lock().expect("not poisoned") {
            Mood::Willing => self.store.apply(parts),
            Mood::Busy => Err(StoreError::Busy { path }),
            Mood::Full => {
                let source = io::Error::from(io::ErrorKind::StorageFull);
                Err(StoreError::Io { what: "writing to", path, source })
            }
        }
    }

    fn get(&self, partition: PartitionId, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.store.get(partition, key)
    }

    fn multi_get(&self, partition: PartitionId, keys: &[&[u8]]) -> Result<Vec<Option<Bytes>>, StoreError> {
        self.store.multi_get(partition, keys)
    }

    fn cursor(
        &self,
        partition: PartitionId,
        range: &KeyRange,
        walk: Walk,
    ) -> Result<Box<dyn Cursor>, StoreError> {
        self.store.cursor(partition, range, walk)
    }

    fn moment(&self, partition: PartitionId, look: Look<'_>) -> Result<(), StoreError> {
        self.store.moment(partition, look)
    }

    fn applied(&self, partition: PartitionId) -> Result<Index, StoreError> {
        self.store.applied(partition)
    }

    fn flushed(&self, partition: PartitionId) -> Result<Index, StoreError> {
        self.store.flushed(partition)
    }

    fn flush(&self, partitions: &[PartitionId]) -> Result<(), StoreError> {
        self.store.flush(partitions)
    }

    fn create(&self, partitions: &[PartitionId], origin: Index) -> Result<(), StoreError> {
        self.store.create(partitions, origin)
    }

    fn remove(&self, partition: PartitionId) -> Result<(), StoreError> {
        self.store.remove(partition)
    }

    fn partitions(&self) -> Result<Vec<PartitionId>, StoreError> {
        self.store.partitions()
    }
}
