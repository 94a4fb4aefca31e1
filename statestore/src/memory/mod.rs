//! The memory store: rows in ordered maps, checkpoints in local files.
//!
//! A reader takes a snapshot of a partition's map in constant time, so a scan,
//! an export or a checkpoint never holds up the writer. A crash returns each
//! partition to its last checkpoint; the log brings back the rest.

pub mod checkpoint;
mod cursor;
mod files;
mod home;
mod moment;
mod partition;
mod store;

use crate::error::StoreError;
use env::{Files, Lock, Plants};
use home::Home;
pub(crate) use home::partition_of;
use model::{Limits, PartitionId};
use partition::Partition;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// Rows of one partition. Keys are stored keys.
pub(crate) type Rows = imbl::OrdMap<bytes::Bytes, bytes::Bytes>;

/// A store in memory.
pub struct MemoryStore {
    home: Home,
    plants: Plants,
    checkpoint_bytes: u64,
    read_bytes_max: usize,
    partitions: RwLock<BTreeMap<PartitionId, Arc<Partition>>>,
    /// Held while partitions come or go, so that two of a kind cannot.
    control: Lock<()>,
    /// Whose checkpoint cannot be read, where it is, and why.
    damaged: Lock<BTreeMap<PartitionId, (PathBuf, String)>>,
}

impl MemoryStore {
    /// Opens the checkpoints in a directory, making it if it is not there (its
    /// parent must be). Every file is verified whole; one that is damaged costs
    /// its own partition, which is not held then, and nobody else.
    pub fn open(
        files: Arc<dyn Files>,
        dir: &Path,
        limits: &Limits,
        plants: Plants,
    ) -> Result<MemoryStore, StoreError> {
        let home = Home::open(files, dir)?;
        let loaded = home.load()?;
        let sound = loaded.sound.into_iter().map(|(id, rows)| (id, Arc::new(Partition::new(id, rows))));
        let store = MemoryStore::with(home, limits, plants, sound.collect());
        for (id, path, why) in loaded.damaged {
            tracing::error!(partition = id.0, path = %path.display(), %why, "a checkpoint is damaged");
            store.damaged.hold().insert(id, (path, why));
        }
        Ok(store)
    }

    /// Whose checkpoint cannot be read, and why. They are not held.
    pub fn damaged(&self) -> Vec<(PartitionId, StoreError)> {
        let damaged = self.damaged.hold();
        damaged.iter().map(|(id, (path, why))| (*id, StoreError::damaged(path, why.clone()))).collect()
    }

    /// A store without files, for simulations: see [`MemoryStore::crash`].
    pub fn volatile(limits: &Limits, plants: Plants) -> MemoryStore {
        MemoryStore::with(Home::nowhere(), limits, plants, BTreeMap::new())
    }

    fn with(
        home: Home,
        limits: &Limits,
        plants: Plants,
        partitions: BTreeMap<PartitionId, Arc<Partition>>,
    ) -> MemoryStore {
        let partitions = RwLock::new(partitions);
        let checkpoint_bytes = limits.checkpoint_bytes;
        let read_bytes_max = limits.read_bytes_max;
        let (control, damaged) = (Lock::new(()), Lock::default());
        MemoryStore { home, plants, checkpoint_bytes, read_bytes_max, partitions, control, damaged }
    }

    /// Returns every partition of a volatile store to its last flush, as a
    /// power loss returns a store with files to its checkpoints.
    ///
    /// # Panics
    /// When the store has files: what a crash leaves of those is on the disk,
    /// so drop the store and open it again.
    pub fn crash(&self) {
        assert!(self.home.is_nowhere(), "a store with files crashes by being dropped and opened again");
        let held = self.partitions.read().unwrap_or_else(PoisonError::into_inner);
        for partition in held.values() {
            partition.return_to_saved();
        }
    }
}
