//! RocksDB as a [`Store`].

use super::cursor::InRocks;
use super::failure::Attempt;
use super::instance::Instance;
use super::moment;
use super::slot::{self, Slot, Writer};
use super::{Journal, RocksStore};
use crate::cursor::{Cursor, Walk};
use crate::error::StoreError;
use crate::moment::Look;
use crate::plan::{Plan, plan};
use crate::store::{Part, Store};
use bytes::Bytes;
use model::keyspace::meta;
use model::{Index, KeyRange, Mutation, PartitionId};
use rocksdb::{DBPinnableSlice, ErrorKind, WriteBatch};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, MutexGuard, PoisonError};

/// What RocksDB says about a key.
type Found<'v> = Result<Option<DBPinnableSlice<'v>>, rocksdb::Error>;

type Held = BTreeMap<PartitionId, Arc<Slot>>;

impl RocksStore {
    pub(super) fn slot(&self, id: PartitionId) -> Result<Arc<Slot>, StoreError> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        slots.get(&id).cloned().ok_or(StoreError::Unknown(id))
    }

    fn held(&self, ids: impl Iterator<Item = PartitionId>) -> Result<Held, StoreError> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        ids.map(|id| Ok((id, slots.get(&id).cloned().ok_or(StoreError::Unknown(id))?))).collect()
    }

    pub(super) fn refuse_held(&self, id: PartitionId) -> Result<(), StoreError> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        if slots.contains_key(&id) { Err(StoreError::Exists(id)) } else { Ok(()) }
    }

    pub(super) fn instance(&self, slot: &Slot) -> &Instance {
        &self.instances[slot.instance]
    }

    /// Makes a slot known once it holds its partition.
    pub(super) fn add(&self, slot: Slot) {
        self.instance(&slot).tenants.moved_in(slot.number, slot.partition);
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        slots.insert(slot.partition, Arc::new(slot));
    }

    /// The instances, the one with the fewest partitions first.
    pub(super) fn emptiest(&self) -> &Instance {
        let instances = self.instances.iter();
        instances.min_by_key(|instance| instance.tenants.count()).expect("a store has at least one instance")
    }

    /// A value that was in memory; `None` when it may be on disk.
    fn now(&self, found: Found<'_>, path: &Path) -> Result<Option<Option<Bytes>>, StoreError> {
        match found {
            Err(error) if error.kind() == ErrorKind::Incomplete => Ok(None),
            found => Ok(Some(self.bounded(found, path)?.map(|value| Bytes::copy_from_slice(&value)))),
        }
    }

    /// RocksDB gives up once values have more bytes together than it was told.
    fn bounded<'v>(&self, found: Found<'v>, path: &Path) -> Result<Option<DBPinnableSlice<'v>>, StoreError> {
        match found {
            Err(error) if error.kind() == ErrorKind::Aborted => {
                Err(StoreError::TooMuch { bytes_max: self.read_bytes_max })
            }
            found => found.attempt("reading", path),
        }
    }

    /// One batch for one instance: of each partition its applied row, then its rows.
    fn write(&self, instance: &Instance, plan: &Plan<'_>, held: &Held) -> Result<(), StoreError> {
        let here = || {
            let all = plan.iter().map(|(id, change)| (&held[id], change));
            all.filter(|(slot, _)| slot.instance == instance.number)
        };
        let mut batch = instance.batch();
        for (slot, change) in here() {
            // The first of the keys that are its own.
            batch.put_cf(slot.handle.family(), meta::APPLIED, change.after.to_le_bytes());
            change.rows().into_iter().for_each(|row| put(&mut batch, slot, row));
        }
        if !batch.is_empty() {
            instance.db.write_opt(&batch, &instance.writes).attempt("writing to", &instance.path)?;
        }
        instance.reuse(batch);
        for (slot, change) in here() {
            slot.set_applied(change.after);
        }
        Ok(())
    }

    /// Writes the first rows of new partitions into empty slots, durably.
    fn make(&self, instance: &Instance, ids: &[PartitionId], origin: Index) -> Result<Vec<Slot>, StoreError> {
        let mut slots = Vec::new();
        for (id, number) in ids.iter().zip(instance.take_spares(ids.len())?) {
            slots.push(Slot::new(*id, instance.number, number, instance.handle(number)?, origin));
        }
        let written = self.write_first_rows(instance, &slots, origin);
        if let Err(error) = written {
            // Whatever got there must not be found by the next start.
            for slot in &slots {
                let _ = instance.drop_slot(slot.number);
            }
            return Err(error);
        }
        Ok(slots)
    }

    fn write_first_rows(&self, instance: &Instance, slots: &[Slot], origin: Index) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        for slot in slots {
            batch.put_cf(slot.handle.family(), meta::APPLIED, origin.to_le_bytes());
            batch.put_cf(slot.handle.family(), meta::PARTITION, slot.partition.0.to_le_bytes());
        }
        instance.db.write_opt(&batch, &instance.writes).attempt("writing to", &instance.path)?;
        // With a journal too: only a flush lets a start without it know them.
        for slot in slots {
            instance.db.flush_cf(slot.handle.family()).attempt("flushing", &instance.path)?;
        }
        Ok(())
    }

    /// The ids of each instance, spread so that all stay equally full.
    fn spread(&self, ids: &BTreeSet<PartitionId>) -> Vec<Vec<PartitionId>> {
        let mut full: Vec<usize> = self.instances.iter().map(|instance| instance.tenants.count()).collect();
        let mut spread = vec![Vec::new(); self.instances.len()];
        for id in ids {
            let least = (0..full.len()).min_by_key(|number| full[*number]).expect("at least one instance");
            full[least] += 1;
            spread[least].push(*id);
        }
        spread
    }
}

fn put(batch: &mut WriteBatch, slot: &Slot, mutation: &Mutation) {
    match mutation {
        Mutation::Put { key, value } => batch.put_cf(slot.handle.family(), key, value),
        Mutation::Delete { key } => batch.delete_cf(slot.handle.family(), key),
    }
}

/// Takes the right to write to all of them, in order of id so that two batches
/// never wait for each other.
fn writers(held: &Held) -> Result<Vec<MutexGuard<'_, Writer>>, StoreError> {
    let locked = held.values().map(|slot| {
        let writer = slot.writer();
        if writer.removed { Err(StoreError::Unknown(slot.partition)) } else { Ok(writer) }
    });
    locked.collect()
}

impl Store for RocksStore {
    fn apply(&self, parts: &[Part]) -> Result<(), StoreError> {
        let held = self.held(parts.iter().map(|part| part.partition))?;
        let _writers = writers(&held)?;
        let plan = plan(parts, |id| Ok(held[&id].applied()))?;
        self.instances.iter().try_for_each(|instance| self.write(instance, &plan, &held))
    }

    fn get(&self, partition: PartitionId, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let slot = self.slot(partition)?;
        let found = slot.handle.db().get_pinned_cf_opt(slot.handle.family(), key, &self.reads);
        let found = found.attempt("reading", &self.instance(&slot).path)?;
        Ok(found.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn multi_get(&self, partition: PartitionId, keys: &[&[u8]]) -> Result<Vec<Option<Bytes>>, StoreError> {
        let slot = self.slot(partition)?;
        let keys = keys.iter().copied();
        // Within one column family, RocksDB reads all keys at one sequence number.
        let found = slot.handle.db().batched_multi_get_cf_opt(slot.handle.family(), keys, false, &self.reads);
        let path = &self.instance(&slot).path;
        let value =
            |found| self.bounded(found, path).map(|value| value.map(|value| Bytes::copy_from_slice(&value)));
        found.into_iter().map(value).collect()
    }

    /// From memtables and the block cache alone.
    fn multi_get_now(
        &self,
        partition: PartitionId,
        keys: &[&[u8]],
    ) -> Result<Option<Vec<Option<Bytes>>>, StoreError> {
        let slot = self.slot(partition)?;
        let (db, family, reads) = (slot.handle.db(), slot.handle.family(), &self.reads_cached);
        let path = &self.instance(&slot).path;
        if let [key] = keys {
            return self
                .now(db.get_pinned_cf_opt(family, key, reads), path)
                .map(|found| found.map(|one| vec![one]));
        }
        let found = db.batched_multi_get_cf_opt(family, keys.iter().copied(), false, reads);
        found.into_iter().map(|value| self.now(value, path)).collect()
    }

    fn cursor(
        &self,
        partition: PartitionId,
        range: &KeyRange,
        walk: Walk,
    ) -> Result<Box<dyn Cursor>, StoreError> {
        let slot = self.slot(partition)?;
        let path = self.instance(&slot).path.clone();
        Ok(Box::new(InRocks::open(slot, path, range, walk)?))
    }

    fn moment(&self, partition: PartitionId, look: Look<'_>) -> Result<(), StoreError> {
        let slot = self.slot(partition)?;
        moment::look(&slot, &self.instance(&slot).path, look)
    }

    fn applied(&self, partition: PartitionId) -> Result<Index, StoreError> {
        Ok(self.slot(partition)?.applied())
    }

    fn flushed(&self, partition: PartitionId) -> Result<Index, StoreError> {
        let slot = self.slot(partition)?;
        if self.journal == Journal::Synced {
            return Ok(slot.applied());
        }
        let path = &self.instance(&slot).path;
        let row = slot::meta_row(&slot.handle, &meta::APPLIED, &self.reads_persisted, path)?;
        row.ok_or_else(|| {
            StoreError::damaged(path, format!("partition {partition} has no applied row on disk"))
        })
    }

    fn flush(&self, partitions: &[PartitionId]) -> Result<(), StoreError> {
        for (id, slot) in self.held(partitions.iter().copied())? {
            if self.flushed(id)? < slot.applied() {
                let flushed = slot.handle.db().flush_cf(slot.handle.family());
                flushed.attempt("flushing", &self.instance(&slot).path)?;
            }
        }
        Ok(())
    }

    fn create(&self, partitions: &[PartitionId], origin: Index) -> Result<(), StoreError> {
        let _control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        let mut ids = BTreeSet::new();
        for id in partitions {
            self.refuse_held(*id)?;
            if !ids.insert(*id) {
                return Err(StoreError::Exists(*id));
            }
        }
        let mut made: Vec<Slot> = Vec::new();
        for (instance, ids) in self.instances.iter().zip(self.spread(&ids)) {
            if ids.is_empty() {
                continue;
            }
            match self.make(instance, &ids, origin) {
                Ok(slots) => made.extend(slots),
                Err(error) => {
                    for slot in &made {
                        let _ = self.instance(slot).drop_slot(slot.number);
                    }
                    return Err(error);
                }
            }
        }
        made.into_iter().for_each(|slot| self.add(slot));
        Ok(())
    }

    fn remove(&self, partition: PartitionId) -> Result<(), StoreError> {
        let _control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = self.slot(partition)?;
        let mut writer = slot.writer();
        self.instance(&slot).drop_slot(slot.number)?;
        writer.removed = true;
        self.instance(&slot).tenants.moved_out(slot.number);
        self.slots.write().unwrap_or_else(PoisonError::into_inner).remove(&partition);
        Ok(())
    }

    fn partitions(&self) -> Result<Vec<PartitionId>, StoreError> {
        Ok(self.slots.read().unwrap_or_else(PoisonError::into_inner).keys().copied().collect())
    }
}
