//! What groups want done by others, gathered until their shard collects it.

use super::journal::Underway;
use super::kind::{Kind, Members};
use super::message::Envelope;
use super::site::Site;
use model::{Index, NodeId, PartitionId, Record, Stamp};
use openraft::storage::IOFlushed;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;
use wal::Append;

/// What a shard has to do for its groups.
#[derive(Default)]
pub struct Outputs {
    /// For the node's log, in this order and in one submission.
    pub appends: Vec<Append>,
    /// For other nodes, in this order for each.
    pub messages: Vec<Envelope>,
    /// For the partitions, in this order for each.
    pub events: Vec<(PartitionId, Event)>,
    /// Who waits for the appends.
    pub(crate) flushes: Vec<Flush>,
}

impl Outputs {
    /// Is there nothing to do?
    pub fn is_empty(&self) -> bool {
        self.appends.is_empty() && self.messages.is_empty() && self.events.is_empty()
    }
}

/// What a partition is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// History goes on with this record for good, and it is on this node's disk.
    Committed(Record),
    /// A leader of this term has begun, and that is settled: what earlier ones wrote and
    /// is not settled by now never will be.
    Began(u64),
    /// This replica leads, and writes behind what it has.
    Leads {
        /// Its term.
        term: u64,
        /// The last command before it.
        last_index: Index,
        /// The last stamp before it, where it is known.
        last_stamp: Stamp,
    },
    /// This replica does not lead; who does, where that is known.
    Follows(Option<NodeId>),
    /// These make up the group, and that is settled.
    Settled {
        /// They.
        members: Members,
        /// Term and position of the entry that says so: a later one counts.
        since: (u64, u64),
    },
    /// A record did not enter history, and nothing that was proposed behind it.
    Refused {
        /// The term of its leader.
        term: u64,
        /// The first command of the record.
        first_index: Index,
    },
    /// These reads may be served once this command is applied.
    ReadAt(Vec<u64>, Index),
    /// These reads may not be served here.
    ReadRefused(Vec<u64>),
    /// What this replica needs is not to be had but by an export. Fetch one from the
    /// leader's node, check it, and say so.
    Behind {
        /// Where it is to be had.
        leader: NodeId,
    },
    /// The export that was fetched takes the store's place. Say so once that is
    /// durable: until then nothing else is committed here.
    TakeExport,
    /// The export that was fetched is not needed.
    DropExport,
    /// The replica has ended; why.
    Failed(String),
}

/// Who waits for the disk.
pub(crate) enum Flush {
    Entries { site: Arc<Site>, underway: Underway, done: IOFlushed<Kind> },
    Vote(oneshot::Sender<()>),
}

impl Flush {
    /// It is on disk.
    pub fn done(self) {
        match self {
            Flush::Entries { site, underway, done } => {
                site.settle(underway);
                done.io_completed(Ok(()));
            }
            Flush::Vote(waits) => {
                let _ = waits.send(());
            }
        }
    }
}

/// Where groups put what they want done.
#[derive(Default)]
pub(crate) struct Outbox(Mutex<Outputs>);

impl Outbox {
    pub fn put(&self, put: impl FnOnce(&mut Outputs)) {
        put(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub fn take(&self) -> Outputs {
        mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
