//! A partition as its shard keeps it.

use super::reads::Reads;
use env::Mono;
use model::Stamp;
use partition::{Input, Outbox, Partition};

/// A partition, and where it stands in the shard's round.
pub(super) struct Tenant {
    pub partition: Partition,
    /// It is in the line of those that have something to drain.
    pub queued: bool,
    /// It is in the list of those that have something to apply.
    pub listed: bool,
    /// A batch for its store is under way, or waits until that takes it.
    pub storing: bool,
    /// An export takes its store's place.
    pub importing: bool,
    /// It is to end once nothing is under way.
    pub closing: bool,
    /// Its log has no room.
    pub log_full: bool,
    /// Its store has none.
    pub store_full: bool,
    /// Who waits until it may be read.
    pub reads: Reads,
    /// What it wrote of its own accord had no place in history: it rests until then.
    pub rests_until: Mono,
    /// For when, by the wall, its timer is set.
    pub armed: Option<Stamp>,
}

impl Tenant {
    pub fn new(partition: Partition) -> Tenant {
        Tenant {
            partition,
            queued: false,
            listed: false,
            storing: false,
            importing: false,
            closing: false,
            log_full: false,
            store_full: false,
            reads: Reads::default(),
            rests_until: Mono(0),
            armed: None,
        }
    }

    /// Is there room for what it writes?
    pub fn set_full(&mut self, now: Mono, log: bool, store: bool, outbox: &mut Outbox) {
        let (before, after) = (self.log_full || self.store_full, log || store);
        (self.log_full, self.store_full) = (log, store);
        if after || before {
            self.partition.step(now, Input::Full(after), outbox);
        }
    }
}
