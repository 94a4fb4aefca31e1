//! One round of a shard.

use super::at_log::{Answered, AtLog, Records};
use super::message::{Effects, LogOutcome, Message, Order, Report, StoreJob};
use super::parked::{FULL_MS, Parked};
use super::storing::gather;
use super::tenant::Tenant;
use super::timers::{Timers, look_at};
use env::{Clock, Mono, Plant, Wall, sometimes};
use model::{Limits, PartitionId};
use partition::{Envelope, Input, Outbox, Partition};
use pipeline::{ChoreLimits, DrainLimits, Refusal, Ticket};
use replication::raft::{Groups, Recovered};
use std::collections::{BTreeMap, VecDeque};
use wal::Append;

/// Commands and rows that a round applies, and then sees to the next partition in the
/// next round: between the two the log gets what has come in meanwhile.
const APPLY_WORK_MAX: usize = 2048;

/// Many partitions, moved along together.
///
/// Invariant: a partition's commands run here, one at a time, and nowhere else.
pub struct Shard {
    pub(super) tenants: BTreeMap<PartitionId, Tenant>,
    /// Their replicas, of those that have others elsewhere.
    pub(super) groups: Groups,
    /// Who has something to drain, in turn.
    pub(super) queue: VecDeque<PartitionId>,
    /// Who has something to apply.
    pub(super) appliers: VecDeque<PartitionId>,
    at_log: AtLog,
    next_ticket: Ticket,
    pub(super) next_read: u64,
    /// What stores take later.
    pub(super) parked: Parked,
    timers: Timers,
    /// Partitions that have ended, in which turn, and what their replicas have told others.
    leaving: Vec<(PartitionId, Ticket, Option<Recovered>)>,
    /// Whose timers may have to be set anew.
    pub(super) unarmed: Vec<PartitionId>,
    /// There was no room: for a while only what makes room is taken.
    full_since: Option<Mono>,
    pub(super) outbox: Outbox,
    pub(super) drain: DrainLimits,
    round_bytes_max: usize,
    /// The last round left something that it could have drained or applied.
    pub(super) behind: bool,
    rounds: u64,
}

impl Shard {
    /// A shard without partitions. Its number tells its promises from others'.
    pub fn new(number: u64, limits: &Limits, groups: Groups) -> Shard {
        Shard {
            tenants: BTreeMap::new(),
            queue: VecDeque::new(),
            appliers: VecDeque::new(),
            groups,
            at_log: AtLog::new(number),
            next_ticket: 1,
            next_read: 0,
            parked: Parked::default(),
            timers: Timers::default(),
            leaving: Vec::new(),
            unarmed: Vec::new(),
            full_since: None,
            outbox: Outbox::default(),
            drain: DrainLimits {
                commands_max: limits.record_commands_max,
                bytes_max: limits.record_payload_bytes_max,
                chores: ChoreLimits::of(limits),
            },
            round_bytes_max: limits.shard_round_bytes_max,
            behind: false,
            rounds: 0,
        }
    }

    /// Rounds so far.
    pub fn rounds(&self) -> u64 {
        self.rounds
    }

    /// One of its partitions.
    pub fn partition(&self, id: PartitionId) -> Option<&Partition> {
        Some(&self.tenants.get(&id)?.partition)
    }

    /// Did the last round leave something that it could have drained or applied?
    /// What waits for the log or a journal is moved along by their answer.
    pub fn is_behind(&self) -> bool {
        self.behind || self.groups.is_behind()
    }

    /// When a round is due although nobody says anything.
    pub fn wakes_at(&self) -> Option<Mono> {
        let room = self.full_since.filter(|_| self.at_log.is_broken()).map(|since| since.plus_ms(FULL_MS));
        [self.parked.again(), self.timers.first(), self.groups.wakes_at(), room].into_iter().flatten().min()
    }

    /// The first half of a round: takes the messages, and says what goes to the
    /// log, which then works while this thread is busy with the second half.
    pub fn take_in(&mut self, clock: &dyn Clock, messages: &mut Vec<Message>) -> Effects {
        let now = clock.mono();
        self.rounds += 1;
        let mut effects = Effects::default();
        if self.full_since.is_some_and(|since| now >= since.plus_ms(FULL_MS)) {
            self.set_full(now, None);
        }
        for message in messages.drain(..) {
            self.take(now, message, &mut effects);
        }
        for id in self.timers.take_due(now) {
            if let Some(tenant) = self.tenants.get_mut(&id) {
                tenant.armed = None;
                queue(&mut self.queue, id, tenant);
            }
        }
        self.drain(now, clock.wall(), &mut effects);
        effects
    }

    /// The second half: applies what is durable. Answers have gone out when it
    /// returns.
    pub fn move_on(&mut self, clock: &dyn Clock) -> Effects {
        let mut effects = Effects::default();
        for job in self.parked.take_due(clock.mono()) {
            self.store(clock, job, &mut effects);
        }
        self.apply(clock, &mut effects);
        self.close_finished(&mut effects);
        self.arm(clock);
        self.outbox.send();
        effects
    }

    fn take(&mut self, now: Mono, message: Message, effects: &mut Effects) {
        match message {
            Message::Request(envelope) => self.take_request(now, envelope),
            Message::Log(ticket, outcome) => self.take_log_outcome(now, ticket, outcome),
            Message::Stored(stored) => self.take_stored(now, stored, effects),
            Message::Peers(said) => said.into_iter().for_each(|envelope| self.groups.deliver(envelope)),
            Message::Lost(node) => self.groups.lose(node),
            Message::Ended(node) => self.groups.bereave(node),
            Message::Order(order) => self.take_order(now, order, effects),
            Message::Stop => unreachable!("the thread that drives the shard keeps it"),
        }
    }

    fn take_order(&mut self, now: Mono, order: Order, effects: &mut Effects) {
        match order {
            Order::Open(partition) => self.open(now, *partition),
            Order::OpenReplica(replica) => self.open_replica(now, *replica),
            Order::Want(id, wanted) => self.groups.want(id, wanted),
            Order::Flushed(id, index) => self.groups.purge(id, index),
            Order::HandOver(id, heir) => self.groups.hand_over(id, heir),
            Order::Base(id, index, tell) => {
                // Whoever asked may have given up.
                let _ = tell.try_send(self.groups.base(id, index));
            }
            Order::Fetched(id, base) => self.groups.fetched(id, base),
            Order::Taken(id) => self.go_on_with_export(now, id, effects),
            Order::Stop(id, why) => self.fail(now, id, &why, effects),
            Order::Close(id) => self.retire(now, id),
            Order::CloseAll => {
                let ids: Vec<PartitionId> = self.tenants.keys().copied().collect();
                ids.into_iter().for_each(|id| self.retire(now, id));
            }
        }
    }

    /// One more partition. On a full disk it begins as the others are.
    pub(super) fn open(&mut self, now: Mono, partition: Partition) {
        let id = partition.charter().id;
        let full = self.full_since.is_some() && partition.uses_log();
        let mut tenant = Tenant::new(partition);
        tenant.set_full(now, full, false, &mut self.outbox);
        self.unarmed.push(id);
        let before = self.tenants.insert(id, tenant);
        assert!(before.is_none(), "partition {id} would be opened twice");
    }

    fn take_request(&mut self, now: Mono, Envelope { partition, request }: Envelope) {
        let Some(tenant) = self.tenants.get_mut(&partition) else {
            return self.outbox.put(request.token, Err(Refusal::Stopping));
        };
        if request.count == 0 && tenant.partition.is_replicated() {
            return self.ask_group(now, partition, request);
        }
        tenant.partition.step(now, Input::Request(request), &mut self.outbox);
        if tenant.partition.has_waiting() {
            queue(&mut self.queue, partition, tenant);
        }
    }

    /// Submissions come back in the order in which they went.
    fn take_log_outcome(&mut self, now: Mono, ticket: Ticket, outcome: LogOutcome) {
        let Answered { partitions, turns } = self.at_log.answered(ticket, outcome);
        turns.into_iter().for_each(|turn| self.groups.logged(turn));
        if outcome == LogOutcome::Full {
            self.set_full(now, Some(now));
        }
        for id in partitions {
            let Some(tenant) = self.tenants.get_mut(&id) else { continue };
            let input = match outcome {
                LogOutcome::Durable => Input::Logged(ticket),
                LogOutcome::Full => Input::Refused(ticket, Refusal::Full),
            };
            tenant.partition.step(now, input, &mut self.outbox);
            list(&mut self.appliers, id, tenant);
            if outcome == LogOutcome::Full {
                self.unarmed.push(id);
            }
        }
    }

    fn set_full(&mut self, now: Mono, since: Option<Mono>) {
        self.full_since = since;
        for tenant in self.tenants.values_mut().filter(|tenant| tenant.partition.uses_log()) {
            tenant.set_full(now, since.is_some(), tenant.store_full, &mut self.outbox);
        }
    }

    /// Makes a record for each partition in turn, until the round has enough.
    fn drain(&mut self, now: Mono, wall: Wall, effects: &mut Effects) {
        let (ticket, log_is_busy) = (self.next_ticket, self.at_log.is_busy());
        self.next_ticket += 1;
        self.behind = false;
        let (mut records, mut bytes) = (Records::default(), 0);
        for _ in 0..self.queue.len() {
            let id = self.queue.pop_front().expect("as many as were counted");
            let Some(tenant) = self.tenants.get_mut(&id) else { continue };
            // What was refused a moment ago would be refused again, for ever if this thread
            // did nothing else.
            let rests = now < tenant.rests_until && tenant.partition.is_replicated();
            if rests {
                self.unarmed.push(id);
            }
            let held = rests || tenant.storing || tenant.partition.is_held();
            if held && tenant.partition.is_replicated() && !tenant.partition.has_waiting() {
                // It leads no more, or not yet: whatever makes it lead queues it.
                tenant.queued = false;
                continue;
            }
            let gathers = tenant.partition.gathers(&self.drain);
            let blocked = held || gathers || (log_is_busy && tenant.partition.uses_log());
            if blocked || bytes >= self.round_bytes_max {
                self.behind |= !blocked;
                self.queue.push_back(id);
                continue;
            }
            if let Some(record) = tenant.partition.drain(now, wall, ticket, self.drain, &mut self.outbox) {
                bytes += record.payload.len();
                if tenant.partition.is_replicated() {
                    self.groups.propose(record);
                } else if tenant.partition.uses_log() {
                    if tenant.partition.charter().rig.plants.has(Plant::ReplyBeforeCommit) {
                        tenant.partition.step(now, Input::Logged(ticket), &mut self.outbox);
                        list(&mut self.appliers, id, tenant);
                    }
                    records.appends.push(Append::from(record));
                    records.partitions.push(id);
                } else {
                    tenant.partition.step(now, Input::Logged(ticket), &mut self.outbox);
                    list(&mut self.appliers, id, tenant);
                }
            }
            tenant.queued = tenant.partition.has_waiting();
            if tenant.armed.is_none() {
                self.unarmed.push(id);
            }
            if tenant.queued {
                self.behind = true;
                self.queue.push_back(id);
            }
        }
        let said = self.run_groups(now, ticket, effects);
        effects.log.extend(self.at_log.hand_in(ticket, records, said, self.full_since.is_some()));
    }

    /// Applies what is durable: one batch for each store.
    fn apply(&mut self, clock: &dyn Clock, effects: &mut Effects) {
        let mut batches: Vec<StoreJob> = Vec::new();
        let mut work = 0;
        while let Some(id) = self.appliers.pop_front() {
            let Some(tenant) = self.tenants.get_mut(&id) else { continue };
            tenant.listed = false;
            if tenant.storing || tenant.importing {
                continue;
            }
            match tenant.partition.apply() {
                Ok(None) => {}
                Ok(Some(part)) => {
                    // Many commands may come to one row, and one to many.
                    work += part.mutations.len().max(part.count as usize);
                    gather(&mut batches, tenant.partition.charter().store.clone(), part);
                    if work >= APPLY_WORK_MAX {
                        self.behind |= !self.appliers.is_empty();
                        break;
                    }
                }
                Err(error) => self.fail(clock.mono(), id, &error.to_string(), effects),
            }
        }
        for batch in batches {
            self.store(clock, batch, effects);
        }
    }

    /// Sets timers. Where there is no room, nothing is tried for a while.
    fn arm(&mut self, clock: &dyn Clock) {
        if self.unarmed.is_empty() {
            return;
        }
        let (now, wall) = (clock.mono(), clock.wall());
        for id in self.unarmed.drain(..) {
            let Some(tenant) = self.tenants.get_mut(&id) else {
                self.timers.set(id, None);
                continue;
            };
            tenant.armed = tenant.partition.wakes_at(&self.drain.chores);
            let rests = if tenant.log_full || tenant.store_full { FULL_MS } else { 0 };
            let rests_until = now.plus_ms(rests).max(tenant.rests_until);
            let due = tenant.armed.map(|due| look_at(now, wall, due).max(rests_until));
            let rested = Some(tenant.rests_until).filter(|until| tenant.queued && *until > now);
            self.timers.set(id, due.into_iter().chain(rested).min());
        }
    }

    /// What is under way is of unknown outcome; the partition is gone from here.
    pub(super) fn fail(&mut self, now: Mono, id: PartitionId, why: &str, effects: &mut Effects) {
        self.unarmed.push(id);
        if let Some(mut tenant) = self.tenants.remove(&id) {
            tenant.partition.step(now, Input::Abandon(why.to_owned()), &mut self.outbox);
            self.parked.forget(id);
            let unread = tenant.reads.take_all();
            unread.into_iter().for_each(|to| self.outbox.put(to, Err(Refusal::Stopping)));
            self.groups.close(id);
            effects.reports.push(Report::DropExport(id));
            sometimes!("a partition had to be stopped");
            effects.reports.push(Report::Failed(id, why.to_owned()));
        }
    }

    fn retire(&mut self, now: Mono, id: PartitionId) {
        if let Some(tenant) = self.tenants.get_mut(&id) {
            tenant.closing = true;
            tenant.partition.step(now, Input::Retire, &mut self.outbox);
        }
    }

    fn close_finished(&mut self, effects: &mut Effects) {
        let finished = |tenant: &Tenant| {
            tenant.closing && !tenant.storing && !tenant.importing && tenant.partition.is_idle()
        };
        let (groups, outbox, leaving) = (&mut self.groups, &mut self.outbox, &mut self.leaving);
        let turn = self.next_ticket;
        self.tenants.retain(|id, tenant| {
            let ends = finished(tenant);
            if ends {
                let unread = tenant.reads.take_all();
                unread.into_iter().for_each(|to| outbox.put(to, Err(Refusal::Stopping)));
                sometimes!("a partition was closed");
                leaving.push((*id, turn, groups.close(*id)));
                self.unarmed.push(*id);
            }
            !ends
        });
        self.let_leave(effects);
    }

    /// Reports those that have ended, and of which the log has all. Where it has no room,
    /// nobody waits for that: what they have told others is in the log by the next start,
    /// or was never told.
    fn let_leave(&mut self, effects: &mut Effects) {
        let (at_log, is_broken) = (&self.at_log, self.at_log.is_broken());
        self.leaving.retain_mut(|(id, turn, history)| {
            let is_written = history.is_none() || at_log.has_written(*turn);
            let leaves = is_written || is_broken;
            if leaves {
                let history = history.take().filter(|_| is_written);
                effects.reports.push(Report::Closed(*id, history));
            }
            !leaves
        });
    }
}

pub(super) fn queue(queue: &mut VecDeque<PartitionId>, id: PartitionId, tenant: &mut Tenant) {
    if !std::mem::replace(&mut tenant.queued, true) {
        queue.push_back(id);
    }
}

pub(super) fn list(appliers: &mut VecDeque<PartitionId>, id: PartitionId, tenant: &mut Tenant) {
    if !std::mem::replace(&mut tenant.listed, true) {
        appliers.push_back(id);
    }
}
