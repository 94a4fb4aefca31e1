//! The stores of a node: one for each kind of choice, seen as one by replay.

use model::{Index, KeyRange, Limits, PartitionId};
use pipeline::{LogChoice, Profile, StoreChoice};
use statestore::{Cursor, Look, MemoryStore, Part, Store, StoreError, StoreFiles, Walk};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// Where the stores of a node are.
pub struct StorePlaces {
    /// RocksDB instances behind the node's log; `None` where there is no RocksDB.
    pub rocks: Option<PathBuf>,
    /// RocksDB instances with a journal of their own.
    pub journaled: PathBuf,
    /// Checkpoints of the memory store.
    pub memory: PathBuf,
    /// How many instances each RocksDB store has.
    pub instances: usize,
}

/// A RocksDB store, as what it is to those who use it.
#[derive(Clone)]
struct Rocks {
    store: Arc<dyn Store>,
    files: Arc<dyn StoreFiles>,
}

/// The stores of a node. Clones share them.
#[derive(Clone)]
pub struct Stores {
    memory: Arc<MemoryStore>,
    /// The same.
    memory_store: Arc<dyn Store>,
    rocks: Option<Rocks>,
    /// Opened with the first table that wants it.
    journaled: Arc<OnceLock<Rocks>>,
    places: Arc<StorePlaces>,
    limits: Limits,
}

impl Stores {
    /// Opens them. The journaled one is opened when it is wanted.
    pub fn open(
        files: Arc<dyn env::Files>,
        places: StorePlaces,
        limits: &Limits,
        plants: env::Plants,
    ) -> Result<Stores, StoreError> {
        let memory = MemoryStore::open(files, &places.memory, limits, plants)?;
        let open = |dir: &PathBuf| open_rocks(dir, places.instances, false, limits);
        let rocks = places.rocks.as_ref().map(open).transpose()?.flatten();
        let journaled = Arc::default();
        let memory = Arc::new(memory);
        Ok(Stores {
            memory_store: memory.clone(),
            memory,
            rocks,
            journaled,
            places: Arc::new(places),
            limits: limits.clone(),
        })
    }

    /// Partitions that a store lost to damage, and why.
    pub fn damaged(&self) -> Vec<(PartitionId, StoreError)> {
        self.memory.damaged()
    }

    /// Has the store for tables with log `store` from now on.
    pub fn open_journaled(&self) -> Result<(), StoreError> {
        if self.places.rocks.is_some()
            && self.journaled.get().is_none()
            && let Some(store) = open_rocks(&self.places.journaled, 1, true, &self.limits)?
        {
            // Changes come one at a time, so nobody was quicker.
            let _ = self.journaled.set(store);
        }
        Ok(())
    }

    /// The store that a profile chooses; `None` where this build or this node
    /// does not have it.
    pub fn of(&self, profile: &Profile) -> Option<&Arc<dyn Store>> {
        match (profile.store, profile.log) {
            (StoreChoice::Memory, _) => Some(&self.memory_store),
            (StoreChoice::Rocks, LogChoice::Store) => self.journaled.get().map(|rocks| &rocks.store),
            (StoreChoice::Rocks, _) => self.rocks.as_ref().map(|rocks| &rocks.store),
        }
    }

    /// The same, for its contents as files.
    pub fn files_of(&self, profile: &Profile) -> Option<&dyn StoreFiles> {
        match (profile.store, profile.log) {
            (StoreChoice::Memory, _) => Some(&*self.memory),
            (StoreChoice::Rocks, LogChoice::Store) => self.journaled.get().map(|rocks| &*rocks.files),
            (StoreChoice::Rocks, _) => self.rocks.as_ref().map(|rocks| &*rocks.files),
        }
    }

    /// The same of the store that holds a partition.
    pub fn files_holding(&self, id: PartitionId) -> Result<&dyn StoreFiles, StoreError> {
        if self.memory_store.applied(id).is_ok() {
            return Ok(&*self.memory);
        }
        let rocks = [self.rocks.as_ref(), self.journaled.get()].into_iter().flatten();
        let holding = rocks.into_iter().find(|rocks| rocks.store.applied(id).is_ok());
        holding.map(|rocks| &*rocks.files).ok_or(StoreError::Unknown(id))
    }

    fn all(&self) -> impl Iterator<Item = &Arc<dyn Store>> {
        let rocks = [self.rocks.as_ref(), self.journaled.get()];
        std::iter::once(&self.memory_store).chain(rocks.into_iter().flatten().map(|rocks| &rocks.store))
    }

    /// The store that holds a partition.
    pub fn holding(&self, id: PartitionId) -> Result<&Arc<dyn Store>, StoreError> {
        let mut why = StoreError::Unknown(id);
        for store in self.all() {
            match store.applied(id) {
                Ok(_) => return Ok(store),
                Err(StoreError::Unknown(_)) => {}
                Err(error) => why = error,
            }
        }
        Err(why)
    }
}

#[cfg(feature = "rocksdb")]
fn open_rocks(
    dir: &Path,
    instances: usize,
    journaled: bool,
    limits: &Limits,
) -> Result<Option<Rocks>, StoreError> {
    let journal = if journaled { statestore::Journal::Synced } else { statestore::Journal::Off };
    let store = Arc::new(statestore::RocksStore::open(dir, instances, journal, limits, None)?);
    Ok(Some(Rocks { store: store.clone(), files: store }))
}

#[cfg(not(feature = "rocksdb"))]
fn open_rocks(_: &Path, _: usize, _: bool, _: &Limits) -> Result<Option<Rocks>, StoreError> {
    Ok(None)
}

/// All of them as one, by partition: what replay brings up.
impl Store for Stores {
    fn apply(&self, parts: &[Part]) -> Result<(), StoreError> {
        for store in self.all() {
            let is_own = |part: &&Part| store.applied(part.partition).is_ok();
            // Nearly always all of them are in one store.
            if parts.iter().all(|part| is_own(&part)) {
                return store.apply(parts);
            }
            let own: Vec<Part> = parts.iter().filter(is_own).cloned().collect();
            if !own.is_empty() {
                store.apply(&own)?;
            }
        }
        Ok(())
    }

    fn get(&self, partition: PartitionId, key: &[u8]) -> Result<Option<bytes::Bytes>, StoreError> {
        self.holding(partition)?.get(partition, key)
    }

    fn multi_get(
        &self,
        partition: PartitionId,
        keys: &[&[u8]],
    ) -> Result<Vec<Option<bytes::Bytes>>, StoreError> {
        self.holding(partition)?.multi_get(partition, keys)
    }

    fn multi_get_now(
        &self,
        partition: PartitionId,
        keys: &[&[u8]],
    ) -> Result<Option<Vec<Option<bytes::Bytes>>>, StoreError> {
        self.holding(partition)?.multi_get_now(partition, keys)
    }

    fn cursor(
        &self,
        partition: PartitionId,
        range: &KeyRange,
        walk: Walk,
    ) -> Result<Box<dyn Cursor>, StoreError> {
        self.holding(partition)?.cursor(partition, range, walk)
    }

    fn moment(&self, partition: PartitionId, look: Look<'_>) -> Result<(), StoreError> {
        self.holding(partition)?.moment(partition, look)
    }

    fn applied(&self, partition: PartitionId) -> Result<Index, StoreError> {
        self.holding(partition)?.applied(partition)
    }

    fn flushed(&self, partition: PartitionId) -> Result<Index, StoreError> {
        self.holding(partition)?.flushed(partition)
    }

    /// Passes over whom no store holds: those whom the log knows and nobody
    /// else must not keep the others from being flushed. Nor must a failure.
    fn flush(&self, partitions: &[PartitionId]) -> Result<(), StoreError> {
        let held = partitions.iter().filter_map(|id| Some((id, self.holding(*id).ok()?)));
        let flushed: Vec<_> = held.map(|(id, store)| store.flush(&[*id])).collect();
        flushed.into_iter().collect()
    }

    /// Never called: a partition is made in the store that its profile names.
    fn create(&self, partitions: &[PartitionId], origin: Index) -> Result<(), StoreError> {
        self.memory.create(partitions, origin)
    }

    fn remove(&self, partition: PartitionId) -> Result<(), StoreError> {
        match self.holding(partition) {
            Ok(store) => store.remove(partition),
            // What is left of one that cannot be read.
            Err(StoreError::Damaged { .. }) => self.memory.remove(partition),
            Err(error) => Err(error),
        }
    }

    fn partitions(&self) -> Result<Vec<PartitionId>, StoreError> {
        let mut all = Vec::new();
        for store in self.all() {
            all.extend(store.partitions()?);
        }
        all.sort_unstable();
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flush_passes_over_whom_no_store_holds() {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let places = StorePlaces {
            rocks: Some(dir.path().join("rocks")),
            journaled: dir.path().join("journaled"),
            memory: PathBuf::from("/memory"),
            instances: 1,
        };
        let disk = Arc::new(env::sim::SimDisk::new());
        let stores = Stores::open(disk, places, &Limits::default(), env::Plants::NONE).expect("opens");
        let ids = [1, 2, 3].map(PartitionId);
        stores.create(&ids[1..2], 0).expect("made");
        let part = Part { partition: ids[1], first_index: 1, count: 1, mutations: Vec::new() };
        stores.apply(&[part]).expect("the first one");
        stores.flush(&ids).expect("the one that is here");
        assert_eq!(stores.flushed(ids[1]).expect("held"), 1);
    }
}
