//! What an owner writes of its own accord: it waits for nobody, and nobody for it.

use super::{Flight, Line, Ticket};
use crate::chores::ChoreLimits;
use env::{Mono, Wall};
use model::{Record, RecordKind, StateHash};

impl<T> Line<T> {
    /// The record that is due, if one is and none is under way.
    pub(super) fn do_chore(
        &mut self,
        now: Mono,
        wall: Wall,
        ticket: Ticket,
        limits: &ChoreLimits,
    ) -> Option<Record> {
        // On a full disk, what clients want to be rid of goes first, and notes wait.
        if self.chore.is_some() || self.ending || (self.full && self.has_waiting()) {
            return None;
        }
        let (standing, rules) = (self.applier.standing(), self.applier.rules());
        let notes = self.uses_log() && !self.full;
        if let Some(hash) = self.owed.hash(standing, limits).filter(|_| notes) {
            self.owed.hashed = hash.at;
            return Some(self.note(now, ticket, hash));
        }
        let chore = self.owed.due(standing, rules, limits, self.clock.peek(wall))?;
        self.chore = Some(self.next_index);
        Some(self.launch(now, wall, ticket, (chore.kind(), 1, chore.encode()), Vec::new()))
    }

    /// Does what clients ask wait for a record that is under way? Nothing is applied
    /// before the time that nobody owned is noted, nor by a version that was to be
    /// left.
    pub fn is_held(&self) -> bool {
        if !self.writes() {
            return true;
        }
        let Some(index) = self.chore else { return false };
        let changes_machine = |flight: &Flight<T>| {
            flight.record.first_index == index && flight.record.kind == RecordKind::UseMachine
        };
        let is_outdated = self.applier.standing().version < self.applier.rules().machine.latest().version();
        (self.owed.resumes || is_outdated) && !self.flights.iter().any(changes_machine)
    }

    /// Notes a state hash: about what is applied already, so nobody waits for it.
    fn note(&mut self, now: Mono, ticket: Ticket, hash: StateHash) -> Record {
        let record = Record {
            partition: self.partition,
            epoch: self.epoch,
            first_index: self.next_index,
            count: 0,
            stamp: self.applier.standing().stamp,
            kind: RecordKind::Hash,
            payload: hash.encode(),
        };
        let (parked, logged) = (Vec::new(), Mono(0));
        self.flights.push_back(Flight { record: record.clone(), ticket, parked, dispatched: now, logged });
        record
    }
}
