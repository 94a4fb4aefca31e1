//! What shards report, for whoever waits for it.

use crate::shard::Report;
use model::PartitionId;
use prometheus_client::metrics::counter::Counter;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, Mutex, PoisonError};

/// Reports that nobody has picked up yet.
pub struct Reports {
    failures: Counter,
    heard: Mutex<Heard>,
    news: Condvar,
}

#[derive(Default)]
struct Heard {
    closed: BTreeSet<PartitionId>,
    failed: BTreeMap<PartitionId, String>,
}

impl Reports {
    /// Nothing heard yet.
    pub fn new(failures: Counter) -> Reports {
        Reports { failures, heard: Mutex::default(), news: Condvar::new() }
    }

    /// A shard says something.
    pub fn hear(&self, report: Report) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        match report {
            Report::Closed(id) => {
                heard.closed.insert(id);
            }
            Report::Failed(id, why) => {
                tracing::error!(partition = id.0, %why, "a partition had to be stopped");
                self.failures.inc();
                heard.failed.insert(id, why);
            }
        }
        self.news.notify_all();
    }

    /// Waits until all of them have ended, in order or not.
    pub fn wait_closed(&self, ids: &[PartitionId]) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let waits =
            |heard: &Heard| ids.iter().any(|id| !heard.closed.contains(id) && !heard.failed.contains_key(id));
        while waits(&heard) {
            heard = self.news.wait(heard).unwrap_or_else(PoisonError::into_inner);
        }
        for id in ids {
            heard.closed.remove(id);
        }
    }

    /// Why a partition failed, if it did since it was last asked.
    pub fn failure_of(&self, id: PartitionId) -> Option<String> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).failed.get(&id).cloned()
    }

    /// Those that failed since it was last asked, and why.
    pub fn take_failed(&self) -> BTreeMap<PartitionId, String> {
        std::mem::take(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner).failed)
    }
}
