//! News of flushes, passed on and nothing more.

use crate::rocks::slot;
use model::PartitionId;
use rocksdb::event_listener::{EventListener, FlushJobInfo};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Hears that a partition's flushed index may have risen.
pub trait FlushObserver: Send + Sync {
    /// Called on a thread of RocksDB, which waits meanwhile: pass the id on
    /// and return. Ask the store for the flushed index later, elsewhere.
    fn flushed(&self, partition: PartitionId);
}

/// Which slot of an instance holds which partition.
///
/// Apart from the slots themselves: those keep their database open, and a
/// database keeps its listener.
#[derive(Default)]
pub(super) struct Tenants(RwLock<BTreeMap<u32, PartitionId>>);

impl Tenants {
    pub fn moved_in(&self, slot: u32, partition: PartitionId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(slot, partition);
    }

    pub fn moved_out(&self, slot: u32) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&slot);
    }

    pub fn count(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn of(&self, slot: u32) -> Option<PartitionId> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&slot).copied()
    }
}

pub(super) struct Listener {
    pub tenants: Arc<Tenants>,
    pub observer: Arc<dyn FlushObserver>,
}

impl EventListener for Listener {
    fn on_flush_completed(&self, info: &FlushJobInfo) {
        let name = info.cf_name().and_then(|name| String::from_utf8(name).ok());
        let tenant = name.and_then(|name| slot::number_of(&name)).and_then(|slot| self.tenants.of(slot));
        if let Some(partition) = tenant {
            self.observer.flushed(partition);
        }
    }
}
