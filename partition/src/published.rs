//! What a partition lets others see without asking it.

use model::{Epoch, Index};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Written by the partition's shard, read by anybody.
///
/// Reads that pass the shard check here whether they may be served, and then
/// read the store: the check is their linearization point.
#[derive(Debug)]
pub struct Published {
    serving: AtomicBool,
    generation: AtomicU64,
    term: AtomicU64,
    applied: AtomicU64,
}

impl Published {
    /// Of a partition that serves under this epoch.
    pub fn new(epoch: Epoch, applied: Index) -> Published {
        Published {
            serving: AtomicBool::new(true),
            generation: AtomicU64::new(epoch.generation),
            term: AtomicU64::new(epoch.term),
            applied: AtomicU64::new(applied),
        }
    }

    /// May it be read here?
    pub fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Acquire)
    }

    /// It may not be read here any more.
    pub fn stop(&self) {
        self.serving.store(false, Ordering::Release);
    }

    /// The epoch it serves under. Changes only while it does not serve.
    pub fn epoch(&self) -> Epoch {
        Epoch { generation: self.generation.load(Ordering::Acquire), term: self.term.load(Ordering::Acquire) }
    }

    /// Everything up to here is in its store.
    pub fn applied(&self) -> Index {
        self.applied.load(Ordering::Acquire)
    }

    /// The store has everything up to here: before any answer says so.
    pub fn set_applied(&self, applied: Index) {
        let before = self.applied.swap(applied, Ordering::AcqRel);
        assert!(before <= applied, "the applied index went back from {before} to {applied}");
    }
}
