//! A replica as it lives: what happens to its journal, and what its log has of it.

use super::{GENERATION, PARTITION, ballot, commands, entry, members, read, records};
use crate::raft::journal::Journal;
use crate::raft::kind::{Ballot, Entry, LogId, StoredMembership, log_id};
use crate::raft::promise::Base;
use crate::raft::recover::Lost;
use model::{Index, Record, RecordKind};
use openraft::EntryPayload;
use proptest::prelude::*;
use wal::Append;

/// What befalls it. Numbers choose among what is possible there.
#[derive(Clone, Debug)]
pub enum Op {
    /// Its process ends and another one begins.
    Starts,
    /// Another candidate, or the word that it leads.
    Vote(u64),
    /// Entries: how far each one's term is above the last, and what it is.
    Append(Vec<(u64, u8)>),
    /// A leader of a later term has something else from some position on.
    Truncate(u16),
    /// More is settled.
    Commit(u16),
    /// It lets go of entries up to a position.
    PurgeUpto(u16),
    /// It lets go of entries up to a command.
    PurgeAt(u16),
    /// An export takes its store's place; with a crash before its log knew.
    Export(Whence, u16, bool),
}

/// Where an export rests.
#[derive(Clone, Copy, Debug)]
pub enum Whence {
    /// On an entry that is here.
    Here,
    /// In the place of another entry, which is given up.
    Instead,
    /// Behind all that is here.
    Beyond,
}

pub fn ops() -> impl Strategy<Value = Vec<Op>> {
    let whence = prop_oneof![Just(Whence::Here), Just(Whence::Instead), Just(Whence::Beyond)];
    let export = (whence, any::<u16>(), any::<bool>());
    let op = prop_oneof![
        2 => Just(Op::Starts),
        2 => (0u64..4).prop_map(Op::Vote),
        6 => proptest::collection::vec((0u64..3, 0u8..6), 1..5).prop_map(Op::Append),
        2 => any::<u16>().prop_map(Op::Truncate),
        4 => any::<u16>().prop_map(Op::Commit),
        2 => any::<u16>().prop_map(Op::PurgeUpto),
        2 => any::<u16>().prop_map(Op::PurgeAt),
        1 => export.prop_map(|(whence, number, crash)| Op::Export(whence, number, crash)),
    ];
    proptest::collection::vec(op, 1..40)
}

/// One replica.
pub struct Replica {
    pub journal: Journal,
    /// What was written for each that befell it.
    pub batches: Vec<Vec<Append>>,
    /// Those of them that a process has begun with.
    pub begun: Vec<usize>,
    /// The furthest that was ever settled: nobody gives that up.
    settled: Option<LogId>,
    /// The furthest that its log says is settled.
    pub noted: Option<LogId>,
    /// Entries of earlier terms have had the places that come: none comes again.
    floor: u64,
}

/// Any of these.
fn pick(number: u16, least: u64, most: u64) -> u64 {
    least + u64::from(number) % (most - least + 1)
}

fn behind(id: Option<LogId>) -> u64 {
    id.map_or(0, |id| id.index + 1)
}

impl Replica {
    pub fn new() -> Replica {
        let journal = Journal::new(PARTITION, GENERATION);
        let mut new =
            Replica { journal, batches: Vec::new(), begun: Vec::new(), settled: None, noted: None, floor: 0 };
        let appends = new.hand_in();
        new.batches.push(appends);
        new
    }

    pub fn befall(&mut self, op: &Op) {
        let appends = match op {
            Op::Starts => {
                self.begun.push(self.batches.len());
                self.journal = self.read(self.carried()).expect("its log is whole");
                self.hand_in()
            }
            Op::Vote(number) => vec![self.vote(*number)],
            Op::Append(entries) => self.append(entries),
            Op::Truncate(number) => self.truncate(*number),
            Op::Commit(number) => self.commit(*number),
            Op::PurgeUpto(number) => self.purge_upto(*number),
            Op::PurgeAt(number) => self.purge_at(*number),
            Op::Export(whence, number, crash) => self.export(*whence, *number, *crash),
        };
        self.batches.push(appends);
    }

    /// What the log carries from segment to segment now.
    pub fn carried(&self) -> &[u8] {
        let mut carries = self.batches.iter().flatten().rev().filter_map(|append| append.carry.as_ref());
        carries.next().map_or(&[], |carry| &carry.state)
    }

    pub fn read(&self, carried: &[u8]) -> Result<Journal, Lost> {
        read(carried, &records(self.batches.iter().flatten()))
    }

    /// Batches that its log has to keep: what stands before is promised again, has
    /// been purged, or takes no index and is not needed.
    pub fn kept(&self) -> &[Vec<Append>] {
        let is_alone = |append: &Append| append.carry.as_ref().is_some_and(|carry| carry.alone);
        let all = self.batches.iter().flatten();
        let purges = all.filter(|append| append.record.kind == RecordKind::Purge);
        let purged = purges.filter_map(|append| wal::index(&append.record.payload)).max().unwrap_or(0);
        let is_needed = |append: &Append| append.record.count > 0 && append.record.last_index() > purged;
        let alone = self.batches.iter().rposition(|batch| batch.iter().any(is_alone)).unwrap_or(0);
        let needed = self.batches.iter().position(|batch| batch.iter().any(is_needed));
        &self.batches[alone.min(needed.unwrap_or(alone))..]
    }

    fn hand_in(&mut self) -> Vec<Append> {
        self.noted = self.noted.max(self.journal.committed);
        self.journal.hand_in()
    }

    fn ballot(&self) -> Ballot {
        self.journal.ballot.unwrap_or(ballot(0, 0, false))
    }

    fn vote(&mut self, number: u64) -> Append {
        let known = self.ballot();
        let term = known.leader_id.term;
        let leads = number == 0 && term > 0 && !known.committed;
        let next = if leads { Ballot { committed: true, ..known } } else { ballot(term + 1, number, false) };
        self.journal.vote(next)
    }

    fn append(&mut self, entries: &[(u64, u8)]) -> Vec<Append> {
        let mut appends = Vec::new();
        if self.journal.ballot.is_none() {
            appends.push(self.vote(1));
        }
        let most = self.ballot().leader_id.term;
        let mut term = self.journal.last().map_or(0, |last| last.leader_id.term).max(self.floor);
        let (mut position, mut index) = (self.journal.next(), self.journal.last_index());
        let mut next = |(above, what): &(u64, u8)| -> Entry {
            term = (term + above).min(most);
            let at = position;
            position += 1;
            let without = |payload| Entry { log_id: log_id(term, at), payload };
            match what {
                0 => without(EntryPayload::Blank),
                1 => without(EntryPayload::Membership(members(&[term, at]).0)),
                2 => entry(term, at, hash(term, index + 1)),
                count => {
                    let record = commands(term, index + 1, u32::from(count - 2));
                    index = record.last_index();
                    entry(term, at, record)
                }
            }
        };
        let entries: Vec<Entry> = entries.iter().map(&mut next).collect();
        self.noted = self.noted.max(self.journal.committed);
        appends.extend(self.journal.append(entries).expect("they follow").0);
        appends
    }

    /// From here on positions may be given up.
    fn free(&self) -> u64 {
        behind(self.settled).max(self.journal.first())
    }

    /// What a later leader has instead is of a later term than all of this.
    fn truncate(&mut self, number: u16) -> Vec<Append> {
        let (least, next) = (self.free(), self.journal.next());
        if least >= next {
            return Vec::new();
        }
        let vote = self.vote(1);
        self.floor = self.ballot().leader_id.term;
        let last = pick(number, least, next - 1).checked_sub(1).and_then(|last| self.journal.id_at(last));
        vec![vote, self.journal.truncate(last)]
    }

    fn commit(&mut self, number: u16) -> Vec<Append> {
        let (least, next) = (behind(self.journal.committed).max(self.journal.first()), self.journal.next());
        if least < next {
            self.journal.committed = self.journal.id_at(pick(number, least, next - 1));
            self.settled = self.settled.max(self.journal.committed);
        }
        Vec::new()
    }

    fn purge_upto(&mut self, number: u16) -> Vec<Append> {
        let (first, end) = (self.journal.first(), behind(self.journal.committed));
        if first >= end {
            return Vec::new();
        }
        let upto = self.journal.id_at(pick(number, first, end - 1)).expect("it is there");
        let base = self.journal.base_upto(upto).expect("it is there");
        self.journal.purge(base)
    }

    fn purge_at(&mut self, number: u16) -> Vec<Append> {
        let upto = self.journal.committed.and_then(|committed| self.journal.index_at(committed.index));
        let Some(upto) = upto else { return Vec::new() };
        let index = pick(number, self.journal.base.index, upto);
        let Some(base) = self.journal.base_at(index) else { return Vec::new() };
        assert!(base.purged <= self.settled, "what is not settled is let go of");
        self.journal.purge(base)
    }

    fn export(&mut self, whence: Whence, number: u16, crash: bool) -> Vec<Append> {
        let mut appends = vec![self.vote(1)];
        let (free, next) = (self.free(), self.journal.next());
        let base = match whence {
            Whence::Here if free < next => {
                let upto = self.journal.id_at(pick(number, free, next - 1)).expect("it is there");
                self.journal.base_upto(upto).expect("it is there")
            }
            Whence::Instead if free < next => {
                let before = free.checked_sub(1).and_then(|position| self.journal.id_at(position));
                appends.push(self.journal.truncate(before));
                self.base(pick(number, free, next - 1), self.journal.last_index() + Index::from(number % 4))
            }
            _ => {
                let index = self.journal.last_index() + Index::from(number % 5);
                self.base(next + u64::from(number % 3), index)
            }
        };
        self.floor = self.floor.max(base.purged.map_or(0, |upto| upto.leader_id.term));
        self.settled = self.settled.max(base.purged);
        if crash {
            self.journal.stand_on_settled(base);
            appends.extend(self.hand_in());
        } else {
            appends.extend(self.journal.purge(base));
        }
        appends
    }

    /// Of this term's leader.
    fn base(&self, position: u64, index: Index) -> Base {
        let upto = log_id(self.ballot().leader_id.term, position);
        let members = StoredMembership::new(Some(upto), members(&[position + 1]).0);
        Base { purged: Some(upto), index, members }
    }
}

/// An entry of a leader's that takes no index.
fn hash(term: u64, first_index: Index) -> Record {
    Record { count: 0, kind: RecordKind::Hash, ..commands(term, first_index, 1) }
}
