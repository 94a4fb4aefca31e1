//! The groups of a shard.
//!
//! A shard tells them what has happened, lets them run, and does what they want
//! done. Nothing here waits.

use super::answer::answer;
use super::group::{Group, Start};
use super::message::{Envelope, Message};
use super::outbox::{Flush, Outbox, Outputs};
use super::promise::Base;
use super::recover::Recovered;
use super::runtime::Executor;
use super::site::Site;
use super::streams::Sender;
use bytes::Bytes;
use env::rng::Stream;
use env::{Clock, Mono, Plants};
use model::{Index, Limits, NodeId, PartitionId, Record, ReplicaId, ReplicaSet};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Polls of one run: what is left is for the next.
const POLLS_MAX: usize = 10_000;

/// Names what the log was handed in one go. Rises.
pub type Ticket = u64;

/// Replicas that one shard moves along.
pub struct Groups {
    executor: Executor,
    outbox: Arc<Outbox>,
    plants: Plants,
    groups: BTreeMap<PartitionId, Group>,
    /// Who waits for what the log was handed.
    flushes: BTreeMap<Ticket, Vec<Flush>>,
    draws: Stream,
    /// What the log takes.
    payload_bytes_max: usize,
}

impl Groups {
    /// Without a group. Its random numbers decide about elections.
    pub fn new(clock: Arc<dyn Clock>, mut draws: Stream, plants: Plants, limits: &Limits) -> Groups {
        let own = env::Rng::from_seed(draws.next_u64()).stream("raft");
        Groups {
            payload_bytes_max: limits.request_payload_bytes_max(),
            executor: Executor::new(clock, own),
            outbox: Arc::default(),
            plants,
            groups: BTreeMap::new(),
            flushes: BTreeMap::new(),
            draws,
        }
    }

    /// A replica begins, or goes on.
    pub fn open(&mut self, recovered: Recovered, start: Start) {
        let partition = recovered.0.partition;
        assert!(!self.groups.contains_key(&partition), "partition {partition} would have two replicas here");
        let site = Site::new(start.replica, self.plants, recovered, self.outbox.clone());
        let appends = {
            let mut journal = site.journal();
            journal.payload_bytes_max = self.payload_bytes_max;
            // A crash may have come between the store and the log.
            if let Some(base) = start.rests_on.as_deref().and_then(Base::decode) {
                journal.stand_on_settled(base);
            }
            journal.hand_in()
        };
        site.log(appends, None);
        // Numbers of an earlier life must not be taken for this one's.
        site.calls().begin(self.draws.next_u64() >> 1);
        self.groups.insert(partition, Group::start(&self.executor, site, start));
    }

    /// A record, written by the leader of its term.
    pub fn propose(&mut self, record: Record) {
        if let Some(group) = self.groups.get_mut(&record.partition) {
            group.propose(record);
        }
    }

    /// What the store has up to this command is not needed here any more.
    pub fn purge(&mut self, partition: PartitionId, index: Index) {
        if let Some(group) = self.groups.get(&partition) {
            group.purge(&self.executor, index);
        }
    }

    /// These are to make up a partition's group: whoever leads it sees to that, now
    /// and after each election, until something else is wanted.
    pub fn want(&mut self, partition: PartitionId, wanted: ReplicaSet) {
        if let Some(group) = self.groups.get(&partition) {
            group.want(wanted);
        }
    }

    /// Another one is to lead instead of the replica here: this one, which has to be
    /// there, and near, since until it leads nobody does; or whichever is nearest. To be
    /// told again if nothing comes of it.
    pub fn hand_over(&mut self, partition: PartitionId, heir: Option<ReplicaId>) {
        if let Some(group) = self.groups.get_mut(&partition) {
            group.hand_over(&self.executor, heir);
        }
    }

    /// What an export of its store rests on, if that has everything up to this
    /// command: goes with the export, and is handed in where it arrives.
    pub fn base(&self, partition: PartitionId, index: Index) -> Option<Bytes> {
        self.groups.get(&partition)?.base(index)
    }

    /// An export is here and is in order, and rests on this; `None`: none could be had.
    pub fn fetched(&mut self, partition: PartitionId, base: Option<Bytes>) {
        if let Some(group) = self.groups.get(&partition) {
            group.fetched(&self.executor, base);
        }
    }

    /// The export has taken the store's place, durably, and with what it rests on.
    pub fn taken(&mut self, partition: PartitionId) {
        if let Some(group) = self.groups.get(&partition) {
            group.taken();
        }
    }

    /// A replica ends. Returns what it goes on with in a later life, once the log has
    /// what it has been handed.
    pub fn close(&mut self, partition: PartitionId) -> Option<Recovered> {
        let group = self.groups.remove(&partition)?;
        let mut history = {
            let journal = group.site.journal();
            journal.rested(journal.generation())
        };
        // The store rests on it already, and the log had no time to hear of it.
        if let Some(base) = group.site.arrival().take_taken() {
            history.stand_on_settled(base);
        }
        group.close(&self.executor);
        Some(Recovered(history))
    }

    /// May a read be served here? An event says.
    pub fn read(&mut self, partition: PartitionId, serial: u64) {
        if let Some(group) = self.groups.get(&partition) {
            group.read(serial);
        }
    }

    /// A peer says something. What nobody here is meant by is passed over.
    pub fn deliver(&mut self, envelope: Envelope) {
        let Envelope { node, partition, from, to, message } = envelope;
        let Some(group) = self.groups.get_mut(&partition).filter(|group| group.site.replica == to) else {
            return;
        };
        match message {
            Message::Answer(serial, answer) => group.site.calls().answer(serial, answer),
            Message::Appended(stream, serial, appended) => {
                group.site.calls().appended(stream, serial, appended);
            }
            Message::Append(stream, serial, append) => {
                let Some(handle) = group.handle() else { return };
                let sender = Sender { node, replica: from, stream };
                group.streams.take(&self.executor, &group.site, &handle, (sender, serial), append);
            }
            Message::Ask(serial, ask) => {
                let Some(handle) = group.handle() else { return };
                let site = group.site.clone();
                self.executor.spawn(async move {
                    if let Some(answer) = answer(&site, &handle, node, ask).await {
                        site.send(node, from, Message::Answer(serial, answer));
                    }
                });
            }
        }
    }

    /// The way to a node is lost: nothing that was asked of it is answered.
    pub fn lose(&mut self, node: NodeId) {
        for group in self.groups.values_mut() {
            group.site.calls().lose(node);
        }
    }

    /// The process on this node has ended, and what it led is led from elsewhere as soon
    /// as most of the others know. To be told as often as it is found out.
    pub fn bereave(&mut self, node: NodeId) {
        for group in self.groups.values() {
            group.bereave(&self.executor, node);
        }
    }

    /// What the log was handed under this ticket is on disk. In the order of the
    /// tickets: what is given up behind an append is told apart by it.
    pub fn logged(&mut self, ticket: Ticket) {
        let first = self.flushes.first_key_value().map_or(ticket, |(first, _)| *first);
        assert!(first >= ticket, "the log answered {ticket} before {first}");
        for flush in self.flushes.remove(&ticket).into_iter().flatten() {
            flush.done();
        }
    }

    /// Lets the groups run, and takes what they want done. The appends are the
    /// log's under this ticket.
    pub fn run(&mut self, ticket: Ticket) -> Outputs {
        self.executor.run(POLLS_MAX);
        let mut outputs = self.outbox.take();
        for (partition, event) in &outputs.events {
            if let Some(group) = self.groups.get_mut(partition) {
                group.note(event);
            }
        }
        let flushes = std::mem::take(&mut outputs.flushes);
        if !flushes.is_empty() {
            self.flushes.insert(ticket, flushes);
        }
        outputs
    }

    /// When they have to run again, if nothing happens before.
    pub fn wakes_at(&self) -> Option<Mono> {
        self.executor.wakes_at()
    }

    /// Was something left by the last run?
    pub fn is_behind(&self) -> bool {
        self.executor.is_ready()
    }
}
