//! Replicas of the shard's partitions: what is said to them and by them, once a
//! round.
//!
//! ```text
//! peers, log, drained records ─► groups run ─┬─► promises for the log, messages for peers
//!                                            └─► events ─► partition: committed, leads, follows
//! ```

use super::message::{Effects, Replica, Report};
use super::round::{Shard, list, queue};
use env::Mono;
use model::PartitionId;
use partition::{Input, ReplyTo};
use pipeline::{Done, Refusal, Request, Ticket, Timings};
use replication::raft::Event;
use wal::Append;

/// A leader whom nobody follows is refused again and again: it proposes nothing for so
/// long in between.
const RESTS_MS: u64 = 100;

impl Shard {
    /// A replica begins, or goes on.
    pub(super) fn open_replica(&mut self, now: Mono, replica: Replica) {
        let Replica { partition, recovered, start, wanted } = replica;
        let id = partition.charter().id;
        self.open(now, partition);
        self.groups.open(recovered, start);
        self.groups.want(id, wanted);
    }

    /// Somebody wants to know whether the replica here may be read.
    pub(super) fn ask_group(&mut self, now: Mono, id: PartitionId, request: Request<ReplyTo>) {
        self.next_read += 1;
        let tenant = self.tenants.get_mut(&id).expect("it was just there");
        if let Some(refusal) = tenant.partition.refusal(now, &request) {
            return self.outbox.put(request.token, Err(refusal));
        }
        tenant.reads.ask(self.next_read, request.token);
        self.groups.read(id, self.next_read);
    }

    /// Lets the groups run. Returns what they have to say to the log in this turn.
    pub(super) fn run_groups(&mut self, now: Mono, turn: Ticket, effects: &mut Effects) -> Vec<Append> {
        let outputs = self.groups.run(turn);
        self.behind |= self.groups.is_behind();
        effects.messages.extend(outputs.messages);
        for (id, event) in outputs.events {
            self.hear(now, id, event, effects);
        }
        outputs.appends
    }

    fn hear(&mut self, now: Mono, id: PartitionId, event: Event, effects: &mut Effects) {
        // One that has ended is not told any more.
        let Some(tenant) = self.tenants.get_mut(&id) else { return };
        let input = match event {
            Event::Committed(record) => {
                list(&mut self.appliers, id, tenant);
                Input::Committed(record)
            }
            Event::Leads { term, last_index, last_stamp } => {
                tenant.rests_until = now;
                self.unarmed.push(id);
                queue(&mut self.queue, id, tenant);
                Input::Leads(term, last_index, last_stamp)
            }
            Event::Follows(leader) => {
                self.unarmed.push(id);
                Input::Follows(leader)
            }
            Event::Refused { term, first_index } => {
                tenant.rests_until = now.plus_ms(RESTS_MS);
                self.unarmed.push(id);
                Input::Withdrawn(term, first_index)
            }
            Event::Began(term) => Input::Began(term),
            Event::ReadAt(serials, index) => {
                tenant.reads.confirm(&serials, index);
                return self.let_read(now, id);
            }
            Event::ReadRefused(serials) => {
                let refused = tenant.reads.refuse(&serials);
                let elsewhere = Refusal::Elsewhere { leader: tenant.partition.leader() };
                return refused.into_iter().for_each(|to| self.outbox.put(to, Err(elsewhere.clone())));
            }
            Event::Settled { members, since } => {
                return effects.reports.push(Report::Settled(id, members, since));
            }
            Event::Behind { leader } => return effects.reports.push(Report::Behind(id, leader)),
            Event::TakeExport => {
                // What waits for the store is in the export, too.
                self.parked.forget(id);
                (tenant.storing, tenant.importing) = (false, true);
                return effects.reports.push(Report::TakeExport(id));
            }
            Event::DropExport => return effects.reports.push(Report::DropExport(id)),
            Event::Failed(why) => return self.fail(now, id, &why, effects),
        };
        tenant.partition.step(now, input, &mut self.outbox);
        // What gathered company until the record before it was decided may go on.
        self.behind |= tenant.queued;
    }

    /// The store has other content: the partition goes on behind that.
    pub(super) fn go_on_with_export(&mut self, now: Mono, id: PartitionId, effects: &mut Effects) {
        let Some(tenant) = self.tenants.get_mut(&id) else { return };
        tenant.importing = false;
        if let Err(error) = tenant.partition.reload(&mut self.outbox) {
            return self.fail(now, id, &format!("{} {error}", error.code()), effects);
        }
        // What the store had no room for is in it by now.
        tenant.set_full(now, tenant.log_full, false, &mut self.outbox);
        self.groups.taken(id);
        list(&mut self.appliers, id, tenant);
        self.unarmed.push(id);
        self.let_read(now, id);
    }

    /// Answers whoever may read by now.
    pub(super) fn let_read(&mut self, now: Mono, id: PartitionId) {
        let Some(tenant) = self.tenants.get_mut(&id) else { return };
        let charter = tenant.partition.charter();
        let published = tenant.partition.published();
        let applied = published.applied();
        for reader in tenant.reads.take_ready(applied) {
            let done = Done {
                partition: id,
                epoch: published.epoch(),
                first_index: applied + 1,
                count: 0,
                durability: charter.reaches,
                replies: Vec::new(),
                timings: Timings { arrived: now, dispatched: now, logged: now, applied: now },
            };
            self.outbox.put(reader, Ok(done));
        }
    }
}
