//! What shards report, for whoever waits for it.

use crate::exports::Errands;
use crate::shard::Report;
use env::{Env, Lock, Receiver, Sender};
use model::PartitionId;
use prometheus_client::metrics::counter::Counter;
use replication::raft::{Members, Recovered};
use std::collections::BTreeMap;

/// Reports that nobody has picked up yet. One at a time waits for them: whoever
/// changes the node, or ends it.
pub struct Reports {
    failures: Counter,
    errands: Errands,
    heard: Lock<Heard>,
    /// A token for whoever waits: there is something new.
    tell: Sender<()>,
    told: Receiver<()>,
}

#[derive(Default)]
struct Heard {
    /// And what their replicas have told others.
    closed: BTreeMap<PartitionId, Option<Recovered>>,
    failed: BTreeMap<PartitionId, String>,
    /// Who makes up each group, and by which entry.
    settled: BTreeMap<PartitionId, (Members, (u64, u64))>,
}

impl Reports {
    /// Nothing heard yet.
    pub fn new(env: &Env, failures: Counter, errands: Errands) -> Reports {
        let (tell, told) = env.channel(1);
        Reports { failures, errands, heard: Lock::new(Heard::default()), tell, told }
    }

    /// A shard says something.
    pub fn hear(&self, report: Report) {
        let mut heard = self.heard.hold();
        match report {
            Report::Closed(id, history) => {
                heard.closed.insert(id, history);
            }
            Report::Failed(id, why) => {
                tracing::error!(partition = id.0, %why, "a partition had to be stopped");
                self.failures.inc();
                heard.failed.insert(id, why);
            }
            Report::Behind(id, leader) => self.errands.fetch(id, leader),
            Report::TakeExport(id) => self.errands.take(id),
            Report::DropExport(id) => self.errands.drop_fetched(id),
            Report::Settled(id, members, since) => {
                let known = heard.settled.get(&id);
                if known.is_none_or(|(_, known)| *known < since) {
                    heard.settled.insert(id, (members, since));
                }
            }
            Report::Waits(id, why) => {
                tracing::warn!(partition = id.0, %why, "a partition waits for its store")
            }
        }
        drop(heard);
        // A token that lies there says it, too.
        let _ = self.tell.try_send(());
    }

    /// Waits until all of them have ended, in order or not. Returns what those among
    /// them that are replicas have told others.
    pub fn wait_closed(&self, ids: &[PartitionId]) -> BTreeMap<PartitionId, Recovered> {
        loop {
            let mut heard = self.heard.hold();
            if ids.iter().all(|id| heard.closed.contains_key(id) || heard.failed.contains_key(id)) {
                let closed = ids.iter().filter_map(|id| Some((*id, heard.closed.remove(id)??)));
                return closed.collect();
            }
            drop(heard);
            // Never an error: this side holds a sender as well.
            let _ = self.told.recv();
        }
    }

    /// Who makes up the groups of which there is a replica here, as far as it knows.
    pub fn settled(&self) -> BTreeMap<PartitionId, Members> {
        let heard = self.heard.hold();
        heard.settled.iter().map(|(id, (members, _))| (*id, members.clone())).collect()
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
