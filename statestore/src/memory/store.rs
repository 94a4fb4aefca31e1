//! The memory store as a [`Store`].

use super::cursor::InMemory;
use super::partition::{Partition, Writer, first_rows};
use super::{MemoryStore, Rows};
use crate::cursor::{Cursor, Walk};
use crate::error::StoreError;
use crate::moment::Look;
use crate::plan::{Change, plan};
use crate::store::{Part, Store};
use bytes::Bytes;
use env::{Guard, Plant, buggify};
use model::{Index, KeyRange, PartitionId};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

type Held = BTreeMap<PartitionId, Arc<Partition>>;

impl MemoryStore {
    pub(super) fn partition(&self, id: PartitionId) -> Result<Arc<Partition>, StoreError> {
        let held = self.partitions.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(partition) = held.get(&id) {
            return Ok(partition.clone());
        }
        drop(held);
        let damaged = self.damaged.hold();
        Err(match damaged.get(&id) {
            Some((path, why)) => StoreError::damaged(path, why.clone()),
            None => StoreError::Unknown(id),
        })
    }

    pub(super) fn snapshot(&self, id: PartitionId) -> Result<Rows, StoreError> {
        Ok(self.partition(id)?.snapshot())
    }

    /// The partitions of some ids, sorted, each once.
    pub(super) fn held(&self, ids: impl Iterator<Item = PartitionId>) -> Result<Held, StoreError> {
        let all = self.partitions.read().unwrap_or_else(PoisonError::into_inner);
        ids.map(|id| Ok((id, all.get(&id).cloned().ok_or(StoreError::Unknown(id))?))).collect()
    }

    /// Adds a partition whose rows are saved already.
    pub(super) fn add(&self, id: PartitionId, rows: Rows) {
        let mut all = self.partitions.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(id, Arc::new(Partition::new(id, rows)));
    }

    pub(super) fn refuse_held(&self, id: PartitionId) -> Result<(), StoreError> {
        let all = self.partitions.read().unwrap_or_else(PoisonError::into_inner);
        let is_there = all.contains_key(&id) || self.damaged.hold().contains_key(&id);
        if is_there { Err(StoreError::Exists(id)) } else { Ok(()) }
    }

    fn write(&self, partition: &Partition, change: &Change<'_>) {
        if self.plants.has(Plant::AppliedOutsideBatch) {
            partition.write(&change.parts, None);
            self.save_if_due(partition);
            partition.write(&[], Some(change.after));
        } else {
            partition.write(&change.parts, Some(change.after));
        }
    }

    /// A checkpoint that fails here takes nothing from the batch, which is in
    /// and in the log; the next one is tried after as much change again, and
    /// whoever needs it asks by `flush` and hears why.
    fn save_if_due(&self, partition: &Partition) {
        let due = partition.changed() >= self.checkpoint_bytes || buggify!("memory-checkpoint-early", 10);
        if !due {
            return;
        }
        if let Err(error) = partition.save(&self.home) {
            tracing::warn!(partition = partition.id.0, code = %error.code(), %error, "local checkpoint failed");
        }
    }
}

/// Takes the right to write to all of them, in order of id so that two batches
/// never wait for each other.
fn writers(held: &Held) -> Result<Vec<Guard<'_, Writer>>, StoreError> {
    held.values()
        .map(|partition| {
            let writer = partition.writer();
            if writer.removed { Err(StoreError::Unknown(partition.id)) } else { Ok(writer) }
        })
        .collect()
}

impl Store for MemoryStore {
    fn apply(&self, parts: &[Part]) -> Result<(), StoreError> {
        let held = self.held(parts.iter().map(|part| part.partition))?;
        let writers = writers(&held)?;
        let plan = plan(parts, |id| Ok(held[&id].applied()))?;
        for (id, change) in &plan {
            self.write(&held[id], change);
        }
        drop(writers);
        for id in plan.keys() {
            self.save_if_due(&held[id]);
        }
        Ok(())
    }

    fn get(&self, partition: PartitionId, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.partition(partition)?.get(key))
    }

    fn multi_get(&self, partition: PartitionId, keys: &[&[u8]]) -> Result<Vec<Option<Bytes>>, StoreError> {
        let rows = self.snapshot(partition)?;
        let found: Vec<Option<Bytes>> = keys.iter().map(|key| rows.get(*key).cloned()).collect();
        let bytes: usize = found.iter().flatten().map(Bytes::len).sum();
        let bytes_max = self.read_bytes_max;
        if bytes <= bytes_max || keys.len() == 1 { Ok(found) } else { Err(StoreError::TooMuch { bytes_max }) }
    }

    fn cursor(
        &self,
        partition: PartitionId,
        range: &KeyRange,
        walk: Walk,
    ) -> Result<Box<dyn Cursor>, StoreError> {
        Ok(Box::new(InMemory::new(self.snapshot(partition)?, range.clone(), walk)))
    }

    fn moment(&self, partition: PartitionId, look: Look<'_>) -> Result<(), StoreError> {
        look(&self.snapshot(partition)?)
    }

    fn applied(&self, partition: PartitionId) -> Result<Index, StoreError> {
        Ok(self.partition(partition)?.applied())
    }

    fn flushed(&self, partition: PartitionId) -> Result<Index, StoreError> {
        Ok(self.partition(partition)?.flushed())
    }

    fn flush(&self, partitions: &[PartitionId]) -> Result<(), StoreError> {
        for partition in self.held(partitions.iter().copied())?.values() {
            if partition.flushed() < partition.applied() {
                partition.save(&self.home)?;
            }
        }
        Ok(())
    }

    fn create(&self, partitions: &[PartitionId], origin: Index) -> Result<(), StoreError> {
        let _control = self.control.hold();
        let mut made = BTreeMap::new();
        for &id in partitions {
            self.refuse_held(id)?;
            if made.insert(id, first_rows(id, origin)).is_some() {
                return Err(StoreError::Exists(id));
            }
        }
        for (id, rows) in &made {
            if let Err(error) = self.home.save(*id, rows) {
                // None of them, then. What cannot be taken away again is an
                // empty partition that nobody was promised.
                for id in made.keys() {
                    let _ = self.home.forget(*id);
                }
                return Err(error);
            }
        }
        for (id, rows) in made {
            self.add(id, rows);
        }
        Ok(())
    }

    fn remove(&self, partition: PartitionId) -> Result<(), StoreError> {
        let _control = self.control.hold();
        if self.damaged.hold().contains_key(&partition) {
            self.home.forget(partition)?;
            self.damaged.hold().remove(&partition);
            return Ok(());
        }
        let gone = self.partition(partition)?;
        let mut writer = gone.writer();
        gone.between_saves(|| self.home.forget(partition))?;
        writer.removed = true;
        self.partitions.write().unwrap_or_else(PoisonError::into_inner).remove(&partition);
        Ok(())
    }

    fn partitions(&self) -> Result<Vec<PartitionId>, StoreError> {
        Ok(self.partitions.read().unwrap_or_else(PoisonError::into_inner).keys().copied().collect())
    }
}
