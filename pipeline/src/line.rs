//! The line: what is under way in one partition, from the door to the reply.
//!
//! ```text
//! admit → waiting → drain (clock, dispatch) → flights (log) → apply → reply
//! ```
//!
//! The caller moves it along: it drains, gives records to the log, says what
//! became of them, hands parts to the store, and sends what comes out.

mod flight;
mod own;
mod replicated;

pub use replicated::Role;

use crate::answer::{Answer, Done, Refusal, Reply, Timings};
use crate::apply::{Applier, ApplyError};
use crate::chores::{ChoreLimits, Owed};
use crate::clock::PartitionClock;
use crate::ordering;
use crate::profile::Profile;
use crate::request::Request;
use crate::retries::RetryTable;
use crate::rig::Rig;
use crate::rules::Rules;
use crate::standing::Standing;
use bytes::Bytes;
use env::{Mono, Plant, Wall, sometimes};
use flight::{Flight, Parked};
use model::{Durability, Epoch, Index, PartitionId, Record, RecordKind, Stamp};
use statestore::{Part, Store};
use std::collections::VecDeque;

/// Of [`Plant::ParkedReplyLost`].
const LOST_EVERY: Index = 13;

/// Names what the log was handed in one go. Rises.
pub type Ticket = u64;

/// What one drain takes at most, beyond its first request.
#[derive(Clone, Copy, Debug)]
pub struct DrainLimits {
    /// Commands of a record.
    pub commands_max: u32,
    /// Bytes of a record's payload.
    pub bytes_max: usize,
    /// What the owner does of its own accord.
    pub chores: ChoreLimits,
}

/// What is under way in one partition.
///
/// Invariant: flights with commands rise, and those that are durable follow one
/// another from `applier.applied() + 1`. The rest follow them up to `next_index - 1`,
/// but for what a leader has found in its log and has not seen settled.
pub struct Line<T> {
    partition: PartitionId,
    epoch: Epoch,
    profile: Profile,
    /// What its answers are worth on this node.
    reaches: Durability,
    clock: PartitionClock,
    waiting: VecDeque<Request<T>>,
    flights: VecDeque<Flight<T>>,
    applier: Applier,
    /// Applied, and not yet known to be in the store.
    applied: Vec<(T, Done)>,
    next_index: Index,
    durable: Index,
    /// What this replica is to the partition.
    role: Role,
    /// Records that were written here by a leader that leads no more, and that
    /// nobody has decided about.
    orphans: VecDeque<Flight<T>>,
    /// What the owner still owes, and the index of what of it is under way.
    owed: Owed,
    chore: Option<Index>,
    /// Nothing more is taken in.
    ending: bool,
    /// The log has no room but for what makes room.
    full: bool,
    rig: Rig,
}

impl<T> Line<T> {
    /// Goes on behind what the store has.
    pub fn after(
        epoch: Epoch,
        profile: Profile,
        reaches: Durability,
        standing: Standing,
        rules: Rules,
        retries: RetryTable,
    ) -> Line<T> {
        let applied = standing.applied;
        Line {
            partition: standing.partition,
            epoch,
            profile,
            reaches,
            clock: PartitionClock::after(standing.stamp),
            waiting: VecDeque::new(),
            flights: VecDeque::new(),
            owed: Owed::at(&standing, &rules),
            chore: None,
            ending: false,
            applier: Applier::after(standing, rules, retries),
            applied: Vec::new(),
            next_index: applied + 1,
            durable: applied,
            role: Role::Alone,
            orphans: VecDeque::new(),
            full: false,
            rig: Rig::default(),
        }
    }

    /// The same in the simulated world.
    #[must_use]
    pub fn rigged(mut self, rig: Rig) -> Line<T> {
        self.applier = self.applier.rigged(rig.clone());
        Line { rig, ..self }
    }

    /// Under whom it writes.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The table's choices.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// What the store has, and what it is about to get.
    pub fn applied(&self) -> Index {
        self.applier.applied()
    }

    /// Where that stands.
    pub fn standing(&self) -> &Standing {
        self.applier.standing()
    }

    /// When, by the wall, a record is due that nobody asks for. None while one is
    /// under way.
    pub fn wakes_at(&self, limits: &ChoreLimits) -> Option<Stamp> {
        match self.chore {
            Some(_) => None,
            None if !self.writes() => None,
            None => self.owed.next(self.applier.standing(), self.applier.rules(), limits),
        }
    }

    /// Does anything wait for a place in a record?
    pub fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Is nothing under way?
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty()
            && self.flights.is_empty()
            && self.applied.is_empty()
            && self.orphans.is_empty()
    }

    /// Takes a request in, or answers it at the door.
    pub fn admit(&mut self, now: Mono, request: Request<T>, answers: &mut Vec<(T, Answer)>) {
        match self.refusal(now, &request) {
            Some(refusal) => answers.push((request.token, Err(refusal))),
            None => self.waiting.push_back(request),
        }
    }

    /// Why this request is not taken in, if it is not.
    pub fn refusal(&self, now: Mono, request: &Request<T>) -> Option<Refusal> {
        let given = self.reaches;
        if request.deadline.is_some_and(|deadline| deadline <= now) {
            sometimes!("a request came too late");
            return Some(Refusal::Late);
        }
        if let Role::Follows(leader) = self.role {
            return Some(Refusal::Elsewhere { leader });
        }
        let believes = request.expected_epoch.filter(|_| !self.rig.plants.has(Plant::EpochUnchecked));
        if let Some(expected) = believes.filter(|expected| *expected != self.epoch) {
            sometimes!("a request named another epoch");
            return Some(Refusal::Epoch { expected, current: self.epoch });
        }
        if let Some(demanded) = request.min_durability.filter(|demanded| !given.satisfies(*demanded)) {
            return Some(Refusal::Durability { demanded, given });
        }
        (self.full && !request.makes_room && request.count > 0).then_some(Refusal::Full)
    }

    /// While the log is full, only what makes room is taken in, and nothing
    /// else waits: it would take the room that is kept for what makes some.
    pub fn set_full(&mut self, full: bool, answers: &mut Vec<(T, Answer)>) {
        self.full = full;
        if full {
            let (stay, go) = self.waiting.drain(..).partition(|request: &Request<T>| request.makes_room);
            self.waiting = stay;
            let go: VecDeque<Request<T>> = go;
            answers.extend(go.into_iter().map(|request| (request.token, Err(Refusal::Full))));
        }
    }

    /// Makes a record of what is due or of what waits, for the log under this
    /// ticket. `None` when nothing is.
    pub fn drain(
        &mut self,
        now: Mono,
        wall: Wall,
        ticket: Ticket,
        limits: DrainLimits,
        answers: &mut Vec<(T, Answer)>,
    ) -> Option<Record> {
        if !self.writes() {
            return None;
        }
        if let Some(record) = self.do_chore(now, wall, ticket, &limits.chores) {
            return Some(record);
        }
        if self.is_held() {
            return None;
        }
        let (mut payloads, mut parked, mut count) = (Vec::new(), Vec::new(), 0u32);
        let (mut rows, mut bytes) = (0u32, 0);
        while let Some(request) = self.waiting.front() {
            let fits = rows.saturating_add(request.rows) <= limits.commands_max
                && bytes + request.payload.len() <= limits.bytes_max;
            if !fits && count > 0 {
                break;
            }
            let request = self.waiting.pop_front().expect("it was just looked at");
            if request.deadline.is_some_and(|deadline| deadline <= now) {
                answers.push((request.token, Err(Refusal::Late)));
                continue;
            }
            (count, bytes) = (count + request.count, bytes + request.payload.len());
            rows = rows.saturating_add(request.rows);
            parked.push(Parked { token: request.token, count: request.count, arrived: request.arrived });
            payloads.push(request.payload);
        }
        let content = (RecordKind::Commands, count, join(payloads, bytes));
        (count > 0).then(|| self.launch(now, wall, ticket, content, parked))
    }

    /// Gives a record its place in history.
    fn launch(
        &mut self,
        now: Mono,
        wall: Wall,
        ticket: Ticket,
        (kind, count, payload): (RecordKind, u32, Bytes),
        parked: Vec<Parked<T>>,
    ) -> Record {
        let record = Record {
            partition: self.partition,
            epoch: self.epoch,
            first_index: self.next_index,
            count,
            stamp: self.clock.next(wall),
            kind,
            payload,
        };
        self.next_index = record.last_index() + 1;
        let logged = Mono(0);
        self.flights.push_back(Flight { record: record.clone(), ticket, parked, dispatched: now, logged });
        record
    }

    /// The log has what it was handed under this ticket. Tables without a log
    /// of their own call it at once: apply makes durable what can be.
    pub fn logged(&mut self, now: Mono, ticket: Ticket) {
        for flight in self.flights.iter_mut().filter(|flight| flight.ticket == ticket) {
            ordering::assert_follows(flight.record.first_index, self.durable);
            self.durable = flight.record.last_index();
            flight.logged = now;
        }
    }

    /// The log refused what it was handed under this ticket. Everything behind
    /// it falls with it, since indexes have no holes: the log refuses that too.
    pub fn refused(&mut self, ticket: Ticket, refusal: &Refusal, answers: &mut Vec<(T, Answer)>) {
        // A note takes no index: nothing falls with it.
        self.flights.retain(|flight| flight.ticket != ticket || flight.record.count > 0);
        // None, when a refusal before this one took it along.
        let Some(from) = self.flights.iter().position(|flight| flight.ticket == ticket) else { return };
        self.next_index = self.flights[from].record.first_index;
        self.chore = self.chore.filter(|index| *index < self.next_index);
        for parked in self.flights.drain(from..).flat_map(|flight| flight.parked) {
            answers.push((parked.token, Err(refusal.clone())));
        }
    }

    /// Applies what is durable; the part is for the store, and what it answers
    /// waits for [`Line::stored`].
    pub fn apply(&mut self, store: &dyn Store) -> Result<Option<Part>, ApplyError> {
        while let Some(flight) = self.flights.front().filter(|f| f.record.last_index() <= self.durable) {
            ordering::assert_applies_behind_log(flight.record.last_index(), self.durable);
            if flight.record.kind == RecordKind::Hash {
                self.flights.pop_front();
                continue;
            }
            let mut replies = Vec::with_capacity(flight.record.count as usize);
            self.applier.apply(&flight.record, store, &mut replies)?;
            let flight = self.flights.pop_front().expect("it was just looked at");
            if self.chore == Some(flight.record.first_index) {
                self.chore = None;
                self.owed.resumes &= flight.record.kind != RecordKind::Resumed;
            }
            self.park_answers(flight, replies);
        }
        Ok(self.applier.part())
    }

    fn park_answers(&mut self, flight: Flight<T>, replies: Vec<Reply>) {
        let mut first_index = flight.record.first_index;
        let mut replies = replies.into_iter();
        for parked in flight.parked {
            let own: Vec<Reply> = replies.by_ref().take(parked.count as usize).collect();
            let done = Done {
                partition: self.partition,
                epoch: flight.record.epoch,
                first_index,
                count: parked.count,
                durability: self.reaches,
                replies: if own.iter().all(Reply::is_plain) { Vec::new() } else { own },
                timings: Timings {
                    arrived: parked.arrived,
                    dispatched: flight.dispatched,
                    logged: flight.logged,
                    applied: Mono(0),
                },
            };
            first_index += Index::from(parked.count);
            first_index += Index::from(self.rig.plants.has(Plant::IndexNotDense));
            self.applied.push((parked.token, done));
        }
    }

    /// The store has the last part: its answers may leave.
    pub fn stored(&mut self, now: Mono, answers: &mut Vec<(T, Answer)>) {
        for (token, mut done) in self.applied.drain(..) {
            ordering::assert_answers_behind_apply(done.last_index(), self.applier.applied());
            if self.rig.plants.has(Plant::ParkedReplyLost) && done.first_index % LOST_EVERY == 0 {
                continue;
            }
            done.timings.applied = now;
            answers.push((token, Ok(done)));
        }
        self.get_ready();
    }

    /// Answers everything under way: the partition stops. What may be in
    /// history is of unknown outcome; what only waits is not in it.
    pub fn abandon(&mut self, why: &str, answers: &mut Vec<(T, Answer)>) {
        let unknown = Refusal::Unknown(why.to_owned());
        for (token, _) in self.applied.drain(..) {
            answers.push((token, Err(unknown.clone())));
        }
        let undecided = self.flights.drain(..).chain(self.orphans.drain(..));
        for parked in undecided.flat_map(|flight| flight.parked) {
            answers.push((parked.token, Err(unknown.clone())));
        }
        self.turn_away(answers);
    }

    /// Answers what waits for a place in history: it gets none. What other nodes
    /// decide about is not waited for.
    pub fn turn_away(&mut self, answers: &mut Vec<(T, Answer)>) {
        self.ending = true;
        self.let_go(answers);
        answers.extend(self.waiting.drain(..).map(|request| (request.token, Err(Refusal::Stopping))));
    }

    /// Does the node's log have to hold its records?
    pub fn uses_log(&self) -> bool {
        self.profile.log.is_local()
    }
}

/// The payload of a record is that of its requests, one behind the other.
fn join(mut payloads: Vec<Bytes>, bytes: usize) -> Bytes {
    if payloads.len() == 1 {
        return payloads.remove(0);
    }
    let mut joined = Vec::with_capacity(bytes);
    payloads.iter().for_each(|payload| joined.extend_from_slice(payload));
    Bytes::from(joined)
}
