//! One partition's actor: the single writer. Its shard moves it along; nobody
//! else touches it.

use crate::outlet::{Outbox, ReplyTo};
use crate::published::Published;
use env::{Mono, Wall};
use model::{Durability, Index, NodeId, PartitionId, Record, Stamp};
use pipeline::{
    Answer, ApplyError, ChoreLimits, DrainLimits, Line, Profile, Refusal, Request, Rig, Role, Rules,
    Standing, Ticket,
};
use statestore::{Part, Store, StoreError};
use std::sync::Arc;

/// What makes a partition this one.
#[derive(Clone)]
pub struct Charter {
    /// Which.
    pub id: PartitionId,
    /// Under whom it writes.
    pub epoch: model::Epoch,
    /// Its table's choices.
    pub profile: Profile,
    /// What an answer is worth on this node.
    pub reaches: Durability,
    /// Is its history agreed on with other nodes?
    pub replicated: bool,
    /// What makes rows of its records.
    pub rules: Rules,
    /// Where its rows are.
    pub store: Arc<dyn Store>,
    /// What only the simulated world sets.
    pub rig: Rig,
}

/// What happens to a partition.
pub enum Input {
    /// Somebody asks for something.
    Request(Request<ReplyTo>),
    /// The log has what it was handed under the ticket.
    Logged(Ticket),
    /// The log refused what it was handed under the ticket.
    Refused(Ticket, Refusal),
    /// The store has the part it was handed last.
    Stored,
    /// The log has no room, or has some again.
    Full(bool),
    /// Its history goes on with this record for good, and this node's log has it.
    Committed(Record),
    /// This replica writes from now on: its term, and the last command and the last
    /// stamp before it.
    Leads(u64, Index, Stamp),
    /// Another one writes, on this node if that is known.
    Follows(Option<NodeId>),
    /// A leader of this term has begun: what earlier ones wrote and nobody has settled
    /// is void.
    Began(u64),
    /// The record of this term that begins with this command has no place in
    /// history, nor has any behind it.
    Withdrawn(u64, Index),
    /// Nothing more is taken in; what is under way is finished.
    Retire,
    /// Nothing more can be done: what is under way is of unknown outcome.
    Abandon(String),
}

/// A single writer.
pub struct Partition {
    charter: Charter,
    line: Line<ReplyTo>,
    published: Arc<Published>,
    retired: bool,
    answers: Vec<(ReplyTo, Answer)>,
}

impl Partition {
    /// Takes over where the store stands.
    pub fn open(charter: Charter) -> Result<Partition, StoreError> {
        let line = line_of(&charter)?;
        let standing = line.standing();
        let published = Arc::new(Published::new(charter.epoch, standing.applied, standing.stamp));
        published.set_own(standing.own);
        if charter.replicated {
            published.set_replicated();
        }
        Ok(Partition { charter, line, published, retired: false, answers: Vec::new() })
    }

    /// Takes over where the store stands now: other content has taken its place. What was
    /// under way is of unknown outcome.
    pub fn reload(&mut self, outbox: &mut Outbox) -> Result<(), StoreError> {
        let leader = self.line.leader();
        let mut line = line_of(&self.charter)?;
        line.follow(leader, &mut self.answers);
        std::mem::swap(&mut self.line, &mut line);
        line.abandon("another replica's rows took the place of those here", &mut self.answers);
        if self.retired {
            self.line.turn_away(&mut self.answers);
        }
        let standing = self.line.standing();
        self.published.set_own(standing.own);
        self.published.set_applied(standing.applied, standing.stamp);
        self.send(outbox);
        Ok(())
    }

    /// What made it this one.
    pub fn charter(&self) -> &Charter {
        &self.charter
    }

    /// What it lets others see.
    pub fn published(&self) -> &Arc<Published> {
        &self.published
    }

    /// Is there anything for a record?
    pub fn has_waiting(&self) -> bool {
        self.line.has_waiting()
    }

    /// When, by the wall, a record is due that nobody asks for.
    pub fn wakes_at(&self, limits: &ChoreLimits) -> Option<Stamp> {
        if self.retired { None } else { self.line.wakes_at(limits) }
    }

    /// Why this request is not taken in, if it is not.
    pub fn refusal(&self, now: Mono, request: &Request<ReplyTo>) -> Option<Refusal> {
        if self.retired { Some(Refusal::Stopping) } else { self.line.refusal(now, request) }
    }

    /// On which other node it is written, if that is known.
    pub fn leader(&self) -> Option<NodeId> {
        self.line.leader()
    }

    /// Is its history agreed on with other nodes?
    pub fn is_replicated(&self) -> bool {
        self.charter.replicated
    }

    /// Is nothing under way?
    pub fn is_idle(&self) -> bool {
        self.line.is_idle()
    }

    /// Does the node's log hold its records?
    pub fn uses_log(&self) -> bool {
        self.line.uses_log()
    }

    /// Does what it was asked wait for a record of its own?
    pub fn is_held(&self) -> bool {
        self.line.is_held()
    }

    /// Does what waits gather company until a record before it is decided?
    pub fn gathers(&self, limits: &DrainLimits) -> bool {
        self.line.gathers(limits)
    }

    /// Where its history stands.
    pub fn applied(&self) -> Index {
        self.line.applied()
    }

    /// Something happens; what is answered by it goes into the outbox.
    pub fn step(&mut self, now: Mono, input: Input, outbox: &mut Outbox) {
        match input {
            Input::Request(request) if self.retired => outbox.put(request.token, Err(Refusal::Stopping)),
            Input::Request(request) => self.line.admit(now, request, &mut self.answers),
            Input::Logged(ticket) => self.line.logged(now, ticket),
            Input::Refused(ticket, refusal) => self.line.refused(ticket, &refusal, &mut self.answers),
            Input::Stored => {
                // Before any answer leaves: a read behind it finds the change.
                let standing = self.line.standing();
                self.published.set_own(standing.own);
                self.published.set_applied(standing.applied, standing.stamp);
                self.line.stored(now, &mut self.answers);
                self.say_role();
            }
            Input::Began(term) => {
                self.published.began(term);
                self.line.began(term, &mut self.answers);
            }
            Input::Committed(record) => self.line.committed(now, record, &mut self.answers),
            Input::Leads(term, last_index, last_stamp) => {
                self.line.lead(term, last_index, last_stamp);
                self.say_role();
            }
            Input::Follows(leader) => {
                self.line.follow(leader, &mut self.answers);
                self.say_role();
            }
            Input::Withdrawn(term, first_index) => {
                self.line.withdrawn(term, first_index, &mut self.answers);
            }
            Input::Full(full) => self.line.set_full(full, &mut self.answers),
            Input::Retire => {
                self.retired = true;
                self.published.stop();
                self.line.turn_away(&mut self.answers);
            }
            Input::Abandon(why) => {
                self.retired = true;
                self.published.stop();
                self.line.abandon(&why, &mut self.answers);
            }
        }
        self.send(outbox);
    }

    /// The next record for the log, of what waits.
    pub fn drain(
        &mut self,
        now: Mono,
        wall: Wall,
        ticket: Ticket,
        limits: DrainLimits,
        outbox: &mut Outbox,
    ) -> Option<Record> {
        let record = self.line.drain(now, wall, ticket, limits, &mut self.answers);
        self.send(outbox);
        record
    }

    /// Applies what the log has: a part for the store, to be followed by
    /// [`Input::Stored`] or [`Input::Abandon`].
    pub fn apply(&mut self) -> Result<Option<Part>, ApplyError> {
        self.line.apply(&*self.charter.store)
    }

    /// Says who may be asked.
    fn say_role(&mut self) {
        match self.line.role() {
            Role::Alone => {}
            // Not before it has applied what its predecessors have acknowledged.
            Role::Leads { ready: false, .. } => self.published.follow(None),
            Role::Leads { .. } => self.published.lead(self.line.epoch()),
            Role::Follows(leader) => self.published.follow(leader),
        }
    }

    fn send(&mut self, outbox: &mut Outbox) {
        for (to, answer) in self.answers.drain(..) {
            outbox.put(to, answer);
        }
    }
}

/// A line that begins where the store stands.
fn line_of(charter: &Charter) -> Result<Line<ReplyTo>, StoreError> {
    let standing = Standing::load(&*charter.store, charter.id)?;
    let retries = pipeline::retries::load(&*charter.store, charter.id)?;
    let (epoch, profile, rules) = (charter.epoch, charter.profile, charter.rules.clone());
    let line = Line::after(epoch, profile, charter.reaches, standing, rules, retries);
    let line = line.rigged(charter.rig.clone());
    Ok(if charter.replicated { line.replicated() } else { line })
}
