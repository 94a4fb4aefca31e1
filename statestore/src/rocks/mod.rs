//! The RocksDB store: a few instances, a column family for each partition.
//!
//! Every create, drop or import of a column family rewrites the whole options
//! file of its instance, so there are several instances, column families are
//! named by *slot* and not by partition, and spare ones are made ahead. Which
//! partition a slot holds stands in the slot itself, beside the applied index.
//! Layout and meta rows: `docs/formats/store.md`.

mod cursor;
mod disk;
mod exchange;
mod failure;
mod handle;
mod inspect;
mod instance;
mod listener;
mod moment;
mod open;
mod options;
mod slot;
mod store;

pub use inspect::inspect;
pub use listener::FlushObserver;

use instance::Instance;
use model::PartitionId;
use rocksdb::{ReadOptions, ReadTier};
use slot::Slot;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, RwLock};

/// Who makes an applied batch durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Journal {
    /// A log elsewhere: a batch is durable here once it is flushed.
    Off,
    /// The store itself: a batch is in RocksDB's own journal, synced, before
    /// `apply` returns. For tables whose log choice is `store`.
    Synced,
}

/// A store in RocksDB.
pub struct RocksStore {
    dir: PathBuf,
    journal: Journal,
    instances: Vec<Instance>,
    slots: RwLock<BTreeMap<PartitionId, Arc<Slot>>>,
    /// Held while partitions come or go: two of a kind must not, and RocksDB
    /// would make them wait for each other anyway.
    control: Mutex<()>,
    reads: ReadOptions,
    reads_persisted: ReadOptions,
    reads_cached: ReadOptions,
    read_bytes_max: usize,
}

impl RocksStore {
    fn with(
        dir: PathBuf,
        journal: Journal,
        instances: Vec<Instance>,
        slots: BTreeMap<PartitionId, Arc<Slot>>,
        read_bytes_max: usize,
    ) -> RocksStore {
        let mut reads = ReadOptions::default();
        reads.set_value_size_soft_limit(read_bytes_max as u64);
        let mut reads_persisted = ReadOptions::default();
        reads_persisted.set_read_tier(ReadTier::Persisted);
        let mut reads_cached = ReadOptions::default();
        reads_cached.set_read_tier(ReadTier::BlockCache);
        reads_cached.set_value_size_soft_limit(read_bytes_max as u64);
        RocksStore {
            dir,
            journal,
            instances,
            slots: RwLock::new(slots),
            control: Mutex::new(()),
            reads,
            reads_persisted,
            reads_cached,
            read_bytes_max,
        }
    }
}
