//! What shards report, for whoever waits for it.

use crate::shard::Report;
use env::{Env, Lock, Receiver, Sender};
use model::PartitionId;
use prometheus_client::metrics::counter::Counter;
use std::collections::{BTreeMap, BTreeSet};

/// Reports that nobody has picked up yet. One at a time waits for them: whoever
/// changes the node, or ends it.
pub struct Reports {
    failures: Counter,
    heard: Lock<Heard>,
    /// A token for whoever waits: there is something new.
    tell: Sender<()>,
    told: Receiver<()>,
}

#[derive(Default)]
struct Heard {
    closed: BTreeSet<PartitionId>,
    failed: BTreeMap<PartitionId, String>,
}

impl Reports {
    /// Nothing heard yet.
    pub fn new(env: &Env, failures: Counter) -> Reports {
        let (tell, told) = env.channel(1);
        Reports { failures, heard: Lock::new(Heard::default()), tell, told }
    }

    /// A shard says something.
    pub fn hear(&self, report: Report) {
        let mut heard = self.heard.hold();
        match report {
            Report::Closed(id) => {
                heard.closed.insert(id);
            }
            Report::Failed(id, why) => {
                tracing::error!(partition = id.0, %why, "a partition had to be stopped");
                self.failures.inc();
                heard.failed.insert(id, why);
            }
            // Whoever places replicas is told; nobody does yet.
            Report::Settled(..) | Report::Behind(..) => {}
            Report::Waits(id, why) => {
                tracing::warn!(partition = id.0, %why, "a partition waits for its store")
            }
        }
        drop(heard);
        // A token that lies there says it, too.
        let _ = self.tell.try_send(());
    }

    /// Waits until all of them have ended, in order or not.
    pub fn wait_closed(&self, ids: &[PartitionId]) {
        loop {
            let mut heard = self.heard.hold();
            if ids.iter().all(|id| heard.closed.contains(id) || heard.failed.contains_key(id)) {
                ids.iter().for_each(|id| {
                    heard.closed.remove(id);
                });
                return;
            }
            drop(heard);
            // Never an error: this side holds a sender as well.
            let _ = self.told.recv();
        }
    }

    /// Why a partition failed, if it did since it was last asked.
    pub fn failure_of(&self, id: PartitionId) -> Option<String> {
        self.heard.hold().failed.get(&id).cloned()
    }

    /// Those that failed since it was last asked, and why.
    pub fn take_failed(&self) -> BTreeMap<PartitionId, String> {
        std::mem::take(&mut self.heard.hold().failed)
    }
}
