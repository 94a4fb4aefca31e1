//! A replica's history read back from the node's log.

use super::journal::{Held, Journal, is_entry};
use super::kind::{Ballot, Members, StoredMembership, log_id};
use super::promise::{Base, Carried, Placed, Settled, decode_ballot, decode_members, decode_position};
use model::{Code, Index, PartitionId, Record, RecordKind, code};
use std::collections::VecDeque;

/// Why a replica cannot go on with what the log has of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// It may have promised what nobody can read any more.
    #[error("what it last promised its peers may be lost")]
    Promise,
    /// Entries are missing.
    #[error("entries before position {0} are missing")]
    Hole(u64),
    /// An operator gave up a part of it, or a store went ahead of it.
    #[error("a part of its history was given up")]
    GivenUp,
    /// Bytes that no build of ours writes.
    #[error("a record of kind {0} cannot be read")]
    Unreadable(RecordKind),
}

impl Lost {
    /// Its code.
    pub fn code(&self) -> Code {
        match self {
            Lost::Promise | Lost::Hole(_) | Lost::GivenUp => code::LOG_DAMAGED,
            Lost::Unreadable(_) => code::RECORD_UNREADABLE,
        }
    }
}

/// Takes in a replica's records, in the log's order.
#[derive(Debug)]
pub struct Recovering {
    journal: Journal,
    /// What the log carries from segment to segment.
    carried: Carried,
    /// The position of the first of `entries`, once one is known.
    start: Option<u64>,
    entries: VecDeque<Held>,
}

impl Recovering {
    /// Begins with what the log carries from segment to segment. `suspect`: later
    /// promises may have been lost to damage.
    pub fn new(
        partition: PartitionId,
        generation: u64,
        carried: &[u8],
        suspect: bool,
    ) -> Result<Recovering, Lost> {
        if suspect {
            return Err(Lost::Promise);
        }
        let carried = match carried {
            [] => Carried::default(),
            bytes => Carried::decode(bytes).ok_or(Lost::Unreadable(RecordKind::Checkpoint))?,
        };
        let journal = Journal::new(partition, generation);
        Ok(Recovering { journal, carried, start: None, entries: VecDeque::new() })
    }

    /// Takes in the next of its records.
    ///
    /// Openings may carry what is newer than the oldest records: promises only
    /// ever grow. Of entries for one place the last one holds.
    pub fn take(&mut self, record: &Record) -> Result<(), Lost> {
        let unreadable = Lost::Unreadable(record.kind);
        match record.kind {
            RecordKind::Vote => self.vote(decode_ballot(&record.payload).ok_or(unreadable)?),
            RecordKind::Committed => match Settled::decode(&record.payload).ok_or(unreadable)? {
                Settled::Placed(placed) => {
                    self.journal.committed = self.journal.committed.max(placed.committed);
                    self.go_to(placed.next);
                    self.stands_behind(&placed)?;
                }
                Settled::Base(base) => {
                    self.pass(&base);
                    self.rest_on(base);
                }
            },
            // What stood before was of another replica, which was here and left.
            RecordKind::Forget => {
                self.journal = self.journal.blank();
                (self.start, self.entries) = (None, VecDeque::new());
            }
            RecordKind::AcceptLoss | RecordKind::Gap => return Err(Lost::GivenUp),
            RecordKind::Truncate => {
                let next = decode_position(&record.payload).ok_or(unreadable)?;
                if self.start.is_some_and(|start| next <= start + self.entries.len() as u64) {
                    self.go_to(next);
                }
            }
            RecordKind::Membership if decode_members(&record.payload).is_none() => return Err(unreadable),
            // Without a place it is of the time before the table was replicated.
            kind if (kind.counts() || is_entry(kind)) && self.start.is_some() => {
                self.entries.push_back(Held { term: record.epoch.term, record: record.clone() });
            }
            _ => {}
        }
        Ok(())
    }

    fn vote(&mut self, ballot: Ballot) {
        if self.journal.ballot.is_none_or(|known| known < ballot) {
            self.journal.ballot = Some(ballot);
        }
    }

    fn rest_on(&mut self, base: Base) {
        if self.journal.base.purged < base.purged {
            self.journal.base = base;
        }
    }

    /// What the store has from here on is not needed. Where another entry stood at its
    /// end, an export has taken the place of a history that was none.
    fn pass(&mut self, base: &Base) {
        let (Some(start), Some(upto)) = (self.start, base.purged) else { return };
        if upto.index < start {
            return;
        }
        let at = usize::try_from(upto.index - start).expect("they are in memory");
        let is_same = self.entries.get(at).is_some_and(|held| held.term == upto.leader_id.term);
        self.entries.drain(..if is_same { at + 1 } else { self.entries.len() });
        self.start = Some(upto.index + 1);
    }

    /// Is the last entry the one that this was written behind?
    fn stands_behind(&self, placed: &Placed) -> Result<(), Lost> {
        let other = |held: &Held| placed.before.is_none_or(|before| before.leader_id.term != held.term);
        if self.entries.back().is_some_and(other) { Err(Lost::Hole(placed.next)) } else { Ok(()) }
    }

    /// The next entry goes here.
    fn go_to(&mut self, next: u64) {
        let end = self.start.map_or(next, |start| start + self.entries.len() as u64);
        let start = *self.start.get_or_insert(next);
        if next < start || next > end {
            // What is missing in between was purged, or `finish` says that it is missing.
            self.entries.clear();
            self.start = Some(next);
        } else {
            self.entries.truncate(usize::try_from(next - start).expect("they are in memory"));
        }
    }

    /// The history, all of it durable.
    pub fn finish(mut self) -> Result<Recovered, Lost> {
        let Carried { ballot, base } = std::mem::take(&mut self.carried);
        ballot.into_iter().for_each(|ballot| self.vote(ballot));
        self.rest_on(base);
        let base = self.journal.base.clone();
        self.pass(&base);
        let first = base.purged.map_or(0, |purged| purged.index + 1);
        if let Some(start) = self.start.filter(|start| *start > first) {
            return Err(Lost::Hole(start));
        }
        self.journal.refill(self.entries);
        Ok(Recovered(self.journal))
    }
}

/// Up to which command a store has to have come that rests on what an export brought
/// along; `None` for bytes that no export brings.
pub fn rests_at(base: &[u8]) -> Option<Index> {
    Base::index_of(base)
}

/// A replica's history as the log has it.
#[derive(Debug)]
pub struct Recovered(pub(crate) Journal);

impl Recovered {
    /// Of a replica that is made now, of a group that goes on elsewhere: it is
    /// given what it needs.
    pub fn nothing(partition: PartitionId, generation: u64) -> Recovered {
        Recovered(Journal::new(partition, generation))
    }

    /// Of one that makes up a new group with these, each of which has everything up
    /// to this command in its store.
    pub fn founded(partition: PartitionId, generation: u64, index: Index, members: Members) -> Recovered {
        let founding = Some(log_id(0, 0));
        let members = StoredMembership::new(founding, members.0);
        let mut journal = Journal::new(partition, generation);
        journal.stand_on_settled(Base { purged: founding, index, members });
        Recovered(journal)
    }

    /// The same under a later owner of the partition's name.
    pub fn under(self, generation: u64) -> Recovered {
        Recovered(self.0.rested(generation))
    }

    /// What its store has to have: everything before that the log has let go of.
    pub fn rests_on(&self) -> Index {
        self.0.base.index
    }

    /// The term of its last entry: somebody has led in it.
    pub fn last_term(&self) -> u64 {
        self.0.last().map_or(0, |last| last.leader_id.term)
    }

    /// Has the log nothing of it at all?
    pub fn is_blank(&self) -> bool {
        self.0.last().is_none() && self.0.ballot.is_none()
    }
}

#[cfg(test)]
mod tests;
