//! A replica's history as it has it: what its log holds, and what of it is
//! durable. Values in, values out; [`super::storage`] shows it to the library.

mod resting;

use super::kind::{Ballot, Entry, LogId, Membership, Proposal, StoredMembership, log_id};
use super::promise::{
    Base, Carried, Placed, Settled, decode_members, encode_ballot, encode_members, encode_position,
};
use bytes::Bytes;
use model::{Epoch, Index, PartitionId, Record, RecordKind, Stamp};
use openraft::EntryPayload;
use std::collections::VecDeque;
use wal::{Append, Carry};

/// What a replica has of its group's history.
///
/// Invariant: entries follow one another from `base.purged` on; those below
/// `durable` are on this node's disk.
#[derive(Debug)]
pub(crate) struct Journal {
    pub partition: PartitionId,
    generation: u64,
    /// What the log takes.
    pub payload_bytes_max: usize,
    pub ballot: Option<Ballot>,
    pub committed: Option<LogId>,
    pub base: Base,
    entries: VecDeque<Held>,
    /// The position of the first of them.
    start: u64,
    /// The first position that is not known to be durable.
    durable: u64,
    /// Raised with each truncation …
    era: u64,
    /// … to below here, since appends of this era were last heard of.
    cut: u64,
    /// For the library's suite, which begins its histories where it likes and
    /// applies what was never appended.
    #[cfg(test)]
    pub suits: bool,
}

/// An entry.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub term: u64,
    pub record: Record,
}

/// Entries on their way to disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Underway {
    /// The position behind the last of them.
    end: u64,
    era: u64,
}

/// An entry that cannot be one of this history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misplaced {
    #[error("an entry at {found} where {expected} was due")]
    Position { expected: u64, found: u64 },
    #[error("a record that begins at {found} where {expected} was due")]
    Index { expected: Index, found: Index },
    #[error("a record of term {found} in an entry of term {expected}")]
    Term { expected: u64, found: u64 },
    #[error("a record that is none of this partition's entries, or is too long")]
    Foreign,
}

impl Journal {
    /// Of a replica that has nothing.
    pub fn new(partition: PartitionId, generation: u64) -> Journal {
        Journal {
            partition,
            generation,
            payload_bytes_max: usize::MAX,
            ballot: None,
            committed: None,
            base: Base::default(),
            entries: VecDeque::new(),
            start: 0,
            durable: 0,
            era: 0,
            cut: u64::MAX,
            #[cfg(test)]
            suits: false,
        }
    }

    /// Of a replica that has nothing, of the same partition.
    pub fn blank(&self) -> Journal {
        Journal::new(self.partition, self.generation)
    }

    /// The same for a later life, which begins when all of it is on disk.
    pub fn rested(&self, generation: u64) -> Journal {
        let (ballot, committed, base) = (self.ballot, self.committed, self.base.clone());
        let (entries, start, durable) = (self.entries.clone(), self.start, self.next());
        Journal {
            ballot,
            committed,
            base,
            entries,
            start,
            durable,
            ..Journal::new(self.partition, generation)
        }
    }

    /// Of which generation it is.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Puts in what was read back, which is durable.
    pub fn refill(&mut self, entries: VecDeque<Held>) {
        self.entries = entries;
        self.start = self.base.purged.map_or(0, |purged| purged.index + 1);
        self.durable = self.next();
        self.committed = self.committed.min(self.last()).max(self.base.purged);
    }

    /// The position of the first entry that it has.
    pub fn first(&self) -> u64 {
        self.start
    }

    /// The position of the next entry.
    pub fn next(&self) -> u64 {
        self.first() + self.entries.len() as u64
    }

    /// The last entry that it has, or has had.
    pub fn last(&self) -> Option<LogId> {
        match self.entries.back() {
            Some(held) => Some(log_id(held.term, self.next() - 1)),
            None => self.base.purged,
        }
    }

    /// The last command, durable or not.
    pub fn last_index(&self) -> Index {
        self.entries.back().map_or(self.base.index, |held| held.record.last_index())
    }

    /// The stamp of the last entry; 0 where there is none here.
    pub fn last_stamp(&self) -> Stamp {
        self.entries.back().map_or(Stamp(0), |held| held.record.stamp)
    }

    /// Is this the library's suite?
    pub fn is_tried(&self) -> bool {
        #[cfg(test)]
        return self.suits;
        #[cfg(not(test))]
        false
    }

    /// Is everything up to and with this position on this node's disk?
    pub fn is_durable(&self, position: u64) -> bool {
        if self.is_tried() {
            return true;
        }
        position < self.durable
    }

    pub fn get(&self, position: u64) -> Option<&Held> {
        let at = position.checked_sub(self.first())?;
        self.entries.get(usize::try_from(at).ok()?)
    }

    /// The id of the entry at a position, also of the last one that is gone.
    pub fn id_at(&self, position: u64) -> Option<LogId> {
        let gone = self.base.purged.filter(|purged| purged.index == position);
        gone.or_else(|| self.get(position).map(|held| log_id(held.term, position)))
    }

    /// Entries from here on, below `end`, of about so many bytes and at least one.
    pub fn entries(&self, from: u64, end: u64, bytes_max: usize) -> Vec<Entry> {
        let mut bytes = 0;
        let mut out = Vec::new();
        for position in from.max(self.first())..end.min(self.next()) {
            let Some(held) = self.get(position) else { break };
            bytes += held.record.payload.len();
            if bytes > bytes_max && !out.is_empty() {
                break;
            }
            out.push(held.entry(position));
        }
        out
    }

    /// Who belonged to the group at a position.
    pub fn members_at(&self, upto: Option<LogId>) -> StoredMembership {
        let end = upto.map_or(0, |upto| upto.index + 1);
        for position in (self.first()..end.min(self.next())).rev() {
            if let Some(members) = self.get(position).and_then(Held::members) {
                return StoredMembership::new(self.id_at(position), members);
            }
        }
        self.base.members.clone()
    }

    /// All that a replica that goes on has promised, for the log to carry from now
    /// on. In records as well: until the log opens its next segment nothing else of
    /// it repeats what older segments say, and they may go.
    pub fn hand_in(&mut self) -> Vec<Append> {
        let placed = Placed { next: self.next(), before: self.last(), committed: self.committed };
        let placed = self.note(RecordKind::Committed, Settled::Placed(placed).encode());
        let base = self.base.purged.is_some().then(|| Settled::Base(self.base.clone()).encode());
        let ballot = self.ballot.as_ref().map(encode_ballot);
        let base = base.map(|base| self.note(RecordKind::Committed, base));
        let ballot = ballot.map(|ballot| self.note(RecordKind::Vote, ballot));
        let mut appends: Vec<Append> =
            base.into_iter().chain(ballot).chain([placed]).map(Append::from).collect();
        appends[0].carry = Some(self.carry());
        appends
    }

    /// What a candidate or leader is promised, for the log.
    pub fn vote(&mut self, ballot: Ballot) -> Append {
        self.ballot = Some(ballot);
        let record = self.note(RecordKind::Vote, encode_ballot(&ballot));
        Append { record, carry: Some(self.carry()) }
    }

    /// Takes entries in, for the log; on an error, none.
    pub fn append(
        &mut self,
        entries: impl IntoIterator<Item = Entry>,
    ) -> Result<(Vec<Append>, Underway), Misplaced> {
        let placed = Placed { next: self.next(), before: self.last(), committed: self.committed };
        let placed = self.note(RecordKind::Committed, Settled::Placed(placed).encode());
        let mut appends = vec![Append::from(placed)];
        let before = self.entries.len();
        for entry in entries {
            match self.hold(entry) {
                Ok((position, held)) => {
                    self.start = position - self.entries.len() as u64;
                    appends.push(Append::from(held.record.clone()));
                    self.entries.push_back(held);
                }
                Err(misplaced) => {
                    self.entries.truncate(before);
                    return Err(misplaced);
                }
            }
        }
        Ok((appends, Underway { end: self.next(), era: self.era }))
    }

    /// What was under way is on disk.
    pub fn settle(&mut self, underway: Underway) {
        let end = if underway.era == self.era {
            self.cut = u64::MAX;
            underway.end
        } else {
            // Part of it has been given up since, and its place may have been taken.
            underway.end.min(self.cut)
        };
        self.durable = self.durable.max(end);
    }

    /// Gives up what follows; for the log.
    pub fn truncate(&mut self, last: Option<LogId>) -> Append {
        let next = last.map_or(0, |last| last.index + 1);
        let keep = next.saturating_sub(self.first());
        self.entries.truncate(usize::try_from(keep).unwrap_or(usize::MAX));
        self.era += 1;
        self.cut = self.cut.min(next);
        self.durable = self.durable.min(next);
        Append::from(self.note(RecordKind::Truncate, encode_position(next)))
    }

    /// Entries without a command have no index that the log could purge by: it
    /// keeps them until it hears that none is needed.
    fn carry(&self) -> Carry {
        let state = Carried { ballot: self.ballot, base: self.base.clone() }.encode();
        Carry { state, alone: self.entries.is_empty() }
    }

    /// A record that takes no index.
    fn note(&self, kind: RecordKind, payload: Bytes) -> Record {
        Record {
            partition: self.partition,
            epoch: Epoch { generation: self.generation, term: self.ballot.map_or(0, |b| b.leader_id.term) },
            first_index: self.last_index() + 1,
            count: 0,
            stamp: self.last_stamp(),
            kind,
            payload,
        }
    }

    fn hold(&self, entry: Entry) -> Result<(u64, Held), Misplaced> {
        let (term, position, next) = (entry.log_id.leader_id.term, entry.log_id.index, self.next());
        let next = if self.is_tried() && self.entries.is_empty() { position } else { next };
        if position != next {
            return Err(Misplaced::Position { expected: next, found: position });
        }
        let record = match entry.payload {
            EntryPayload::Blank => self.of_term(term, RecordKind::Blank, Bytes::new()),
            EntryPayload::Membership(members) => {
                self.of_term(term, RecordKind::Membership, encode_members(&members))
            }
            EntryPayload::Normal(Proposal(record)) => record,
        };
        let is_entry = record.kind.counts() || is_entry(record.kind);
        let is_dense = record.kind.counts() == (record.count > 0);
        let is_short = record.payload.len() <= self.payload_bytes_max;
        if record.partition != self.partition || !is_entry || !is_dense || !is_short {
            return Err(Misplaced::Foreign);
        }
        if record.epoch.term != term {
            return Err(Misplaced::Term { expected: term, found: record.epoch.term });
        }
        let expected = self.last_index() + 1;
        if record.first_index != expected {
            return Err(Misplaced::Index { expected, found: record.first_index });
        }
        Ok((position, Held { term, record }))
    }

    fn of_term(&self, term: u64, kind: RecordKind, payload: Bytes) -> Record {
        let mut record = self.note(kind, payload);
        record.epoch.term = term;
        record
    }
}

/// Kinds that take no index and have a place in history all the same.
pub(crate) fn is_entry(kind: RecordKind) -> bool {
    matches!(kind, RecordKind::Blank | RecordKind::Membership | RecordKind::Hash)
}

impl Held {
    fn members(&self) -> Option<Membership> {
        (self.record.kind == RecordKind::Membership).then(|| decode_members(&self.record.payload)).flatten()
    }

    pub fn entry(&self, position: u64) -> Entry {
        let payload = match self.record.kind {
            RecordKind::Blank => EntryPayload::Blank,
            // Written by `hold`, or looked at when it was read.
            RecordKind::Membership => EntryPayload::Membership(self.members().unwrap_or_default()),
            _ => EntryPayload::Normal(Proposal(self.record.clone())),
        };
        Entry { log_id: log_id(self.term, position), payload }
    }
}

#[cfg(test)]
mod tests;
