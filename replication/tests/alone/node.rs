//! A node with one replica: its log and its store as what was written to them.

use bytes::Bytes;
use env::sim::SimClock;
use env::{Plants, Rng};
use model::{Epoch, Index, Limits, PartitionId, Record, RecordKind, ReplicaId, Stamp};
use replication::raft::{Envelope, Event, Groups, Members, Recovered, Recovering, Start, Ticket, Timing};
use std::sync::Arc;
use wal::Append;

pub const PARTITION: PartitionId = PartitionId(7);
const GENERATION: u64 = 3;
pub const TIMING: Timing = Timing { heartbeat_ms: 50, election_ms: (150, 300), append_patience_ms: 1_000 };

/// What a store has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Store {
    pub records: Vec<Record>,
    /// What an export has brought along.
    rests_on: Option<Bytes>,
}

impl Store {
    pub fn upto(&self) -> Index {
        self.records.last().map_or(0, Record::last_index)
    }
}

/// A node.
pub struct Node {
    pub groups: Groups,
    pub replica: ReplicaId,
    ticket: Ticket,
    /// What its log has, each submission by itself.
    log: Vec<Vec<Append>>,
    /// What the log was handed and has not written.
    queued: Vec<(Ticket, Vec<Append>)>,
    /// Its log writes nothing.
    pub stalled: bool,
    pub store: Store,
    /// An export that was fetched.
    pub staged: Option<Store>,
    /// Nobody fetches exports for it, nor puts them into the store's place.
    pub left_alone: bool,
    /// What its partition was told, but for commits.
    pub heard: Vec<Event>,
    /// In which term it leads, and what it has proposed last.
    leads: Option<(u64, Index)>,
}

impl Node {
    /// A node's first process, and how many there have been decide its luck.
    pub fn new(id: u64, clock: &Arc<SimClock>) -> Node {
        Node {
            groups: Node::groups(id, 0, clock),
            replica: ReplicaId(10 + id),
            ticket: 0,
            log: Vec::new(),
            queued: Vec::new(),
            stalled: false,
            store: Store::default(),
            staged: None,
            left_alone: false,
            heard: Vec::new(),
            leads: None,
        }
    }

    fn groups(id: u64, boots: u64, clock: &Arc<SimClock>) -> Groups {
        let draws = Rng::from_seed(id + 1_000 * boots).stream("groups");
        Groups::new(clock.clone(), draws, Plants::NONE, &Limits::default())
    }

    /// Its process ends, and another one begins: what was not written is lost.
    pub fn crash(&mut self, id: u64, clock: &Arc<SimClock>) {
        self.groups = Node::groups(id, self.ticket, clock);
        self.queued.clear();
        self.leads = None;
    }

    /// `applied`: what its store has.
    pub fn open(&mut self, recovered: Recovered, applied: Index) {
        let start =
            Start { replica: self.replica, applied, rests_on: self.store.rests_on.clone(), timing: TIMING };
        self.groups.open(recovered, start);
    }

    /// Goes on with what its log has, and with what its store has up to here.
    pub fn reopen(&mut self, applied: Index) {
        self.store.records.retain(|record| record.last_index() <= applied);
        self.open(self.read_back(), applied);
    }

    pub fn founded(index: Index, members: Members) -> Recovered {
        Recovered::founded(PARTITION, GENERATION, index, members)
    }

    pub fn nothing() -> Recovered {
        Recovered::nothing(PARTITION, GENERATION)
    }

    /// What its log still has to have: the rest it has let go of. What stands before
    /// is promised again, has been purged, or takes no index and is not needed.
    pub fn kept(&self) -> Vec<Record> {
        let is_alone = |append: &Append| append.carry.as_ref().is_some_and(|carry| carry.alone);
        let all = self.log.iter().flatten();
        let purges = all.filter(|append| append.record.kind == RecordKind::Purge);
        let purged = purges.filter_map(|append| wal::index(&append.record.payload)).max().unwrap_or(0);
        let is_needed = |append: &Append| append.record.count > 0 && append.record.last_index() > purged;
        let alone = self.log.iter().rposition(|batch| batch.iter().any(is_alone)).unwrap_or(0);
        let needed = self.log.iter().position(|batch| batch.iter().any(is_needed)).unwrap_or(alone);
        self.log[alone.min(needed)..].iter().flatten().map(|append| append.record.clone()).collect()
    }

    fn read_back(&self) -> Recovered {
        let mut carries = self.log.iter().flatten().rev().filter_map(|append| append.carry.as_ref());
        let carried = carries.next().map_or(&[][..], |carry| &carry.state);
        let mut history = Recovering::new(PARTITION, GENERATION, carried, false).expect("its own bytes");
        for record in self.kept() {
            history.take(&record).expect("its own bytes");
        }
        history.finish().expect("its log is whole")
    }

    /// Lets it run. Returns what it says to others, and whether anything came of it.
    pub fn turn(&mut self) -> (Vec<Envelope>, bool) {
        self.ticket += 1;
        let outputs = self.groups.run(self.ticket);
        let mut busy = !outputs.is_empty() || self.groups.is_behind();
        if !outputs.appends.is_empty() {
            self.queued.push((self.ticket, outputs.appends));
        }
        if !self.stalled {
            busy |= !self.queued.is_empty();
            self.write();
        }
        for (partition, event) in outputs.events {
            assert_eq!(partition, PARTITION);
            self.hear(event);
        }
        (outputs.messages, busy)
    }

    /// Writes what is queued, and says so.
    fn write(&mut self) {
        for (ticket, appends) in std::mem::take(&mut self.queued) {
            self.log.push(appends);
            self.groups.logged(ticket);
        }
    }

    fn hear(&mut self, event: Event) {
        match &event {
            Event::Committed(record) => {
                assert_eq!(record.first_index, self.store.upto() + 1, "twice, or not in order: {record:?}");
                let is_written =
                    |append: &Append| append.record.kind == record.kind && append.record == *record;
                assert!(self.log.iter().flatten().any(is_written), "its log does not have {record:?}");
                self.store.records.push(record.clone());
                return;
            }
            Event::Leads { term, last_index, .. } => self.leads = Some((*term, *last_index)),
            Event::Follows(_) | Event::Failed(_) => self.leads = None,
            Event::Refused { first_index, .. } => {
                self.leads = self.leads.map(|(term, last)| (term, last.min(first_index - 1)));
            }
            Event::TakeExport if !self.left_alone => self.take_export(),
            _ => {}
        }
        self.heard.push(event);
    }

    /// The export takes the store's place.
    pub fn take_export(&mut self) {
        self.store = self.staged.take().expect("it was fetched");
        self.groups.taken(PARTITION);
    }

    /// What an export of it would be.
    pub fn export(&self) -> Option<Store> {
        let rests_on = self.groups.base(PARTITION, self.store.upto())?;
        Some(Store { rests_on: Some(rests_on), ..self.store.clone() })
    }

    /// An export is here.
    pub fn fetched(&mut self, export: Option<Store>) {
        let base = export.as_ref().and_then(|export| export.rests_on.clone());
        self.staged = export;
        self.groups.fetched(PARTITION, base);
    }

    /// In which term it leads.
    pub fn leads(&self) -> Option<u64> {
        self.leads.map(|(term, _)| term)
    }

    /// A record of its own, behind those that it has proposed.
    pub fn next_record(&self, count: u32) -> Record {
        let (term, last) = self.leads.expect("it leads");
        Record {
            partition: PARTITION,
            epoch: Epoch { generation: GENERATION, term },
            first_index: last + 1,
            count,
            stamp: Stamp(last * 10 + 1),
            kind: RecordKind::Commands,
            payload: Bytes::from(format!("{last} of {term}")),
        }
    }

    pub fn propose(&mut self, count: u32) -> Record {
        let record = self.next_record(count);
        self.leads = self.leads.map(|(term, _)| (term, record.last_index()));
        self.groups.propose(record.clone());
        record
    }

    /// What it has heard since it was asked last.
    pub fn hears(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.heard)
    }
}
