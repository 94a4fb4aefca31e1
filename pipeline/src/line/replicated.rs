//! The line of a partition whose history is agreed on with other nodes: who may
//! write changes, and what was written is decided elsewhere.
//!
//! ```text
//! leads: drain → proposed ─┬─► committed → apply → reply
//!                          └─► withdrawn: it has no place, nor what is behind it
//! follows: undecided ─► orphans ─┬─► committed after all → reply
//!                                └─► another record has its place → refused
//! ```

#[cfg(test)]
mod tests;

use super::{DrainLimits, Flight, Line};
use crate::answer::{Answer, Refusal};
use crate::chores::Owed;
use crate::clock::PartitionClock;
use crate::ordering;
use env::{Mono, sometimes};
use model::{Index, NodeId, Record, Stamp};
use std::collections::VecDeque;

/// Records of a partition that other nodes have not decided about.
const UNDECIDED_MAX: usize = 16;
/// This part of what a record may hold fills it well.
const WELL: u8 = 4;

/// What this replica is to its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The only one.
    Alone,
    /// It writes; once everything up to here is applied.
    Leads {
        /// The last command before it led.
        behind: Index,
        /// Is that applied?
        ready: bool,
    },
    /// Another one writes, on this node if that is known.
    Follows(Option<NodeId>),
}

impl<T> Line<T> {
    /// The same, for a replica that nobody has told yet what it is.
    #[must_use]
    pub fn replicated(self) -> Line<T> {
        Line { role: Role::Follows(None), ..self }
    }

    /// What this replica is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// It writes from now on, in this term, behind what its log has.
    pub fn lead(&mut self, term: u64, last_index: Index, last_stamp: Stamp) {
        self.disown();
        self.epoch.term = term;
        self.next_index = last_index + 1;
        // What the log has let go of is in the store, and what it has not is in neither
        // of the clocks.
        let applied = self.applier.standing().stamp;
        self.clock = PartitionClock::after(last_stamp.max(self.clock.last()).max(applied));
        self.chore = None;
        self.role = Role::Leads { behind: last_index, ready: false };
        self.get_ready();
    }

    /// Another one writes. Who waits for a place gets none here.
    pub fn follow(&mut self, leader: Option<NodeId>, answers: &mut Vec<(T, Answer)>) {
        self.disown();
        self.role = Role::Follows(leader);
        self.chore = None;
        let elsewhere = Refusal::Elsewhere { leader };
        answers.extend(self.waiting.drain(..).map(|request| (request.token, Err(elsewhere.clone()))));
    }

    /// History goes on with this record for good, and this node's log has it.
    pub fn committed(&mut self, now: Mono, record: Record, answers: &mut Vec<(T, Answer)>) {
        if record.count == 0 {
            return;
        }
        ordering::assert_follows(record.first_index, self.durable);
        self.durable = record.last_index();
        if let Some(own) = self.flights.iter_mut().find(|flight| flight.record == record) {
            own.logged = now;
            return;
        }
        let takes = |flight: &Flight<T>| {
            flight.record.first_index <= record.last_index()
                && flight.record.last_index() >= record.first_index
        };
        if self.flights.iter().any(takes) {
            // This replica does not lead any more, and hears of that a moment later.
            sometimes!("another leader's record came before word of that leader");
            self.disown_from(record.first_index);
        }
        let parked = self.adopt(&record, answers);
        let at = self.flights.partition_point(|flight| flight.record.first_index < record.first_index);
        self.flights.insert(at, Flight { record, ticket: 0, parked, dispatched: now, logged: now });
        self.next_index = self.next_index.max(self.durable + 1);
    }

    /// A leader of this term has begun: what is undecided of earlier terms is not in its
    /// history, and never will be.
    pub fn began(&mut self, term: u64, answers: &mut Vec<(T, Answer)>) {
        if self.epoch.term < term {
            self.disown();
        }
        let leader = self.leader();
        let (void, rest) = self.orphans.drain(..).partition(|orphan| orphan.record.epoch.term < term);
        self.orphans = rest;
        let void: VecDeque<Flight<T>> = void;
        let gone = void.into_iter().flat_map(|orphan| orphan.parked);
        answers.extend(gone.map(|one| (one.token, Err(Refusal::Elsewhere { leader }))));
    }

    /// On which other node it is written, if that is known.
    pub fn leader(&self) -> Option<NodeId> {
        match self.role {
            Role::Follows(leader) => leader,
            Role::Alone | Role::Leads { .. } => None,
        }
    }

    /// A record of this term has no place in history, nor has any behind it.
    pub fn withdrawn(&mut self, term: u64, first_index: Index, answers: &mut Vec<(T, Answer)>) {
        if !matches!(self.role, Role::Leads { .. }) || self.epoch.term != term {
            return;
        }
        sometimes!("a proposal had no place in history");
        // What is settled stays: a later leader's record may have come first.
        let first_index = first_index.max(self.durable + 1);
        let from = self.flights.partition_point(|flight| flight.record.first_index < first_index);
        self.next_index = self.next_index.min(first_index);
        self.chore = self.chore.filter(|index| *index < first_index);
        for parked in self.flights.drain(from..).flat_map(|flight| flight.parked) {
            answers.push((parked.token, Err(Refusal::Elsewhere { leader: None })));
        }
    }

    /// Nobody here will hear what becomes of what is undecided.
    pub(super) fn let_go(&mut self, answers: &mut Vec<(T, Answer)>) {
        if self.role == Role::Alone {
            return;
        }
        self.disown();
        let unknown = Refusal::Unknown("the replica that was asked is being stopped".to_owned());
        let undecided = self.orphans.drain(..).flat_map(|orphan| orphan.parked);
        answers.extend(undecided.map(|one| (one.token, Err(unknown.clone()))));
    }

    /// What it has written and nobody has decided is not its own any more.
    fn disown(&mut self) {
        self.disown_from(self.durable + 1);
    }

    fn disown_from(&mut self, first_index: Index) {
        // A note takes no index, and nobody waits for it.
        self.flights.retain(|flight| flight.record.count > 0);
        let at = self.flights.partition_point(|flight| flight.record.first_index < first_index);
        self.orphans.extend(self.flights.drain(at..));
        self.next_index = self.durable + 1;
    }

    /// Who waits for this record, if it is one that was given up here. Those whose
    /// places it takes are not in history, and never will be.
    fn adopt(&mut self, record: &Record, answers: &mut Vec<(T, Answer)>) -> Vec<super::Parked<T>> {
        let mut parked = Vec::new();
        let orphans: VecDeque<Flight<T>> = std::mem::take(&mut self.orphans);
        for orphan in orphans {
            if orphan.record == *record {
                sometimes!("what another leader found in its log was committed");
                parked = orphan.parked;
            } else if orphan.record.first_index <= record.last_index() {
                let leader = self.leader();
                let gone = orphan.parked.into_iter();
                answers.extend(gone.map(|one| (one.token, Err(Refusal::Elsewhere { leader }))));
            } else {
                self.orphans.push_back(orphan);
            }
        }
        parked
    }

    /// Does what waits gather company until a record before it is decided? A record costs
    /// each replica much the same however little is in it, and other nodes take their time
    /// anyway; what fills one well goes at once.
    pub fn gathers(&self, limits: &DrainLimits) -> bool {
        if self.role == Role::Alone {
            return false;
        }
        // A note has no place that anybody decides about.
        let is_open =
            |flight: &&Flight<T>| flight.record.count > 0 && flight.record.first_index > self.durable;
        match self.flights.iter().filter(is_open).count() {
            0 => false,
            UNDECIDED_MAX.. => true,
            _ => !self.fills_well(limits),
        }
    }

    fn fills_well(&self, limits: &DrainLimits) -> bool {
        let (mut commands, mut bytes) = (0, 0);
        self.waiting.iter().any(|request| {
            commands += request.count;
            bytes += request.payload.len();
            commands >= limits.commands_max / u32::from(WELL) || bytes >= limits.bytes_max / usize::from(WELL)
        })
    }

    /// Whoever has begun to lead owes what the partition stands for once it stands
    /// where its log ends.
    pub(super) fn get_ready(&mut self) {
        if let Role::Leads { behind, ready: false } = self.role
            && self.applier.applied() >= behind
        {
            self.role = Role::Leads { behind, ready: true };
            self.owed = Owed::at(self.applier.standing(), self.applier.rules());
        }
    }

    /// Does it write now?
    pub(super) fn writes(&self) -> bool {
        matches!(self.role, Role::Alone | Role::Leads { ready: true, .. })
    }
}
