//! What goes into a round, and what comes out of it.

use bytes::Bytes;
use env::{Mono, Sender, buggify};
use model::{Index, NodeId, PartitionId, ReplicaId, ReplicaSet};
use partition::{Charter, Envelope, Partition};
use pipeline::Ticket;
use replication::raft::{Members, Recovered, Start};
use statestore::{Part, Store, StoreError};
use std::path::PathBuf;
use std::sync::Arc;
use wal::{Append, Link, Urgency};

/// What a shard is told.
pub enum Message {
    /// Somebody asks one of its partitions for something.
    Request(Envelope),
    /// Replicas on other nodes say something.
    Peers(Vec<replication::raft::Envelope>),
    /// The way to a node is lost, and what was on it.
    Lost(NodeId),
    /// The process of a node has ended.
    Ended(NodeId),
    /// What became of a submission to the log.
    Log(Ticket, LogOutcome),
    /// What became of a batch that the store makes durable itself.
    Stored(Stored),
    /// The manager's.
    Order(Order),
    /// The shard's thread is to end. The pure shard never sees it.
    Stop,
}

impl From<Envelope> for Message {
    fn from(envelope: Envelope) -> Message {
        Message::Request(envelope)
    }
}

/// What became of a submission. A log that fails otherwise ends the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogOutcome {
    /// It is as durable as the log promises.
    Durable,
    /// There was no room; nothing of it was written.
    Full,
}

/// What the manager wants of a shard.
pub enum Order {
    /// Serve this partition.
    Open(Box<Partition>),
    /// Serve this partition together with replicas on other nodes.
    OpenReplica(Box<Replica>),
    /// These are to make up the partition's group.
    Want(PartitionId, ReplicaSet),
    /// The store has flushed this partition up to here.
    Flushed(PartitionId, Index),
    /// Another replica is to lead the partition, if the one here does: this one, or the
    /// nearest.
    HandOver(PartitionId, Option<ReplicaId>),
    /// What does an export rest on that has everything up to this index?
    Base(PartitionId, Index, Sender<Option<Bytes>>),
    /// An export for the partition's replica is here, and rests on this; or none can be
    /// had.
    Fetched(PartitionId, Option<Bytes>),
    /// It has taken the store's place.
    Taken(PartitionId),
    /// Nothing more can be done with the partition: why.
    Stop(PartitionId, String),
    /// Finish what is under way, take in nothing more, and report. What a store
    /// has no room for is given up.
    Close(PartitionId),
    /// Finish what is under way everywhere, and report each.
    CloseAll,
}

/// A partition with replicas elsewhere, and what its log has of that.
pub struct Replica {
    /// The partition.
    pub partition: Partition,
    /// Its history.
    pub recovered: Recovered,
    /// How it starts.
    pub start: Start,
    /// Who is to make up the group.
    pub wanted: ReplicaSet,
}

/// What the manager hears of a shard.
#[derive(Debug)]
pub enum Report {
    /// The partition has ended in order; everything it answered is in its store. Of a
    /// replica: what it has told others, if all of that is in the log.
    Closed(PartitionId, Option<Recovered>),
    /// The partition had to be stopped.
    Failed(PartitionId, String),
    /// These make up the partition's group: a later entry (its term and position) counts.
    Settled(PartitionId, Members, (u64, u64)),
    /// The partition's replica needs an export of its leader's, which is there.
    Behind(PartitionId, NodeId),
    /// The export that was fetched is to take the store's place. Nothing is applied
    /// until it has.
    TakeExport(PartitionId),
    /// The export that was fetched is not needed.
    DropExport(PartitionId),
    /// The partition waits until its store takes something again.
    Waits(PartitionId, String),
}

/// What the log is to be handed.
pub struct LogJob {
    /// Under which name.
    pub ticket: Ticket,
    /// What.
    pub appends: Vec<Append>,
    /// May it use the reserve?
    pub urgency: Urgency,
    /// Its place among what replicas say.
    pub link: Option<Link>,
}

/// What a store is to apply: where it makes that durable itself, on a thread
/// that may wait for the disk.
pub struct StoreJob {
    /// Which store.
    pub store: Arc<dyn Store>,
    /// What.
    pub parts: Vec<Part>,
    /// Whose parts they are.
    pub partitions: Vec<PartitionId>,
    /// It was refused before, for the first time then.
    pub refused_since: Option<Mono>,
    /// How often it was said since then that it waits.
    pub said: u64,
}

/// What became of a batch for a store.
#[derive(Default)]
pub struct Stored {
    /// These have their parts.
    pub partitions: Vec<PartitionId>,
    /// These do not.
    pub refused: Vec<(PartitionId, StoreError)>,
    /// These will, when the store takes something again.
    pub later: Option<(StoreJob, StoreError)>,
}

impl StoreJob {
    /// Without parts so far.
    pub fn new(store: Arc<dyn Store>) -> StoreJob {
        StoreJob { store, parts: Vec::new(), partitions: Vec::new(), refused_since: None, said: 0 }
    }

    /// Applies the parts as one batch. Where the store refuses that, each is
    /// applied alone, so that what keeps one out costs its own partition only;
    /// what the store cannot take now it is asked to take later. A part that is
    /// in already is skipped the second time.
    pub fn run(self) -> Stored {
        let applied = match buggify!("store-is-busy", 5) {
            true => Err(StoreError::Busy { path: PathBuf::default() }),
            false => self.store.apply(&self.parts),
        };
        match applied {
            Ok(()) => Stored { partitions: self.partitions, ..Stored::default() },
            Err(_) if self.parts.len() > 1 => self.run_singly(),
            Err(error) if error.passes() => Stored { later: Some((self, error)), ..Stored::default() },
            Err(error) => Stored { refused: vec![(self.partitions[0], error)], ..Stored::default() },
        }
    }

    fn run_singly(self) -> Stored {
        let StoreJob { store, parts, refused_since, said, .. } = self;
        let mut stored = Stored::default();
        for part in parts {
            let id = part.partition;
            match store.apply(std::slice::from_ref(&part)) {
                Ok(()) => stored.partitions.push(id),
                Err(error) if error.passes() => {
                    let job = || StoreJob { refused_since, said, ..StoreJob::new(store.clone()) };
                    let (later, _) = stored.later.get_or_insert_with(|| (job(), error));
                    later.add(part);
                }
                Err(error) => stored.refused.push((id, error)),
            }
        }
        stored
    }

    /// One more part, of another partition.
    pub fn add(&mut self, part: Part) {
        self.partitions.push(part.partition);
        self.parts.push(part);
    }

    /// Without the parts of these.
    pub fn drop_parts_of(&mut self, ids: &[PartitionId]) {
        self.parts.retain(|part| !ids.contains(&part.partition));
        self.partitions.retain(|id| !ids.contains(id));
    }
}

/// What a round leaves to be done.
#[derive(Default)]
pub struct Effects {
    /// For the log, in this order.
    pub log: Vec<LogJob>,
    /// For stores with a journal.
    pub stores: Vec<StoreJob>,
    /// For replicas on other nodes, in this order for each node.
    pub messages: Vec<replication::raft::Envelope>,
    /// For the manager.
    pub reports: Vec<Report>,
}

/// Which of a store's batches go to a thread of its own.
pub(super) fn is_journaled(charter: &Charter) -> bool {
    charter.profile.log == pipeline::LogChoice::Store
}
