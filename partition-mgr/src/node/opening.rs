//! Opening a partition: what it is made of, and its way into a shard.

use super::{Core, StartError, State};
use crate::directory::Handle;
use crate::shard::{Message, Order, Replica};
use coordinator::{PartitionSpec, Placement, TableSpec};
use model::{PartitionId, ReplicaId, ReplicaSet};
use partition::{Charter, Mailbox, Partition, Room};
use pipeline::{Profile, Rules};
use replication::raft::{Members, Recovered, Start, Timing, rests_at};
use statestore::{Store, StoreError};
use std::sync::Arc;

impl Core {
    pub(super) fn open(&self, state: &mut State, id: PartitionId) -> Result<(), StartError> {
        let spec = state.desired.partitions[&id].clone();
        let charter = self.charter(id, &spec, &state.desired.tables[&spec.table])?;
        let (store, agreed) = (charter.store.clone(), charter.replicated);
        let partition = Partition::open(charter)?;
        let published = partition.published().clone();
        let moves = self.directory.moves().clone();
        published.on_move(move || moves.note(id));
        let order = match agreed {
            true => Order::OpenReplica(Box::new(self.replica(state, id, &spec, partition)?)),
            false => Order::Open(Box::new(partition)),
        };
        let past = Arc::new(self.boots.past_of(id));
        let room = Room::new(self.limits.partition_requests_max, self.limits.partition_request_bytes_max);
        let inbox = self.inbox_of(id).clone();
        let mailbox = Mailbox::new(id, inbox.clone(), self.limits.shard_inbox_max, room);
        let _ = inbox.send(Message::Order(order));
        state.handles.insert(id, Handle { id, mailbox, published, store, past });
        if let Some(held) = state.held.get_mut(&id) {
            held.serving = true;
        }
        Ok(())
    }

    fn charter(
        &self,
        id: PartitionId,
        spec: &PartitionSpec,
        table: &TableSpec,
    ) -> Result<Charter, StartError> {
        let profile = table.profile;
        let store = self.store_of(&profile)?.clone();
        let rules = self.rules_of(table)?;
        profile.check(self.log_reaches)?;
        let (reaches, replicated) = (profile.reaches(self.log_reaches), profile.replication.is_agreed());
        let rig = self.rig.clone();
        Ok(Charter { id, epoch: spec.epoch, profile, reaches, replicated, rules, store, rig })
    }

    /// The partition with what its log has told others, or with nothing, where it
    /// begins.
    fn replica(
        &self,
        state: &mut State,
        id: PartitionId,
        spec: &PartitionSpec,
        partition: Partition,
    ) -> Result<Replica, StartError> {
        let own = self.data_dir.node();
        // One that knows of no other node is all of its group.
        let alone = || Placement::of(ReplicaSet { generation: 1, seats: [(ReplicaId(1), own)].into() });
        let placement = spec.placement.clone().unwrap_or_else(alone);
        let replica = placement.on(own).ok_or(StartError::Unplaced(id))?;
        // Without it, it would promise again what it has promised otherwise.
        let recovered = state.histories.remove(&id).ok_or(StartError::Untaught(id))?;
        let recovered = recovered.under(spec.epoch.generation);
        let applied = partition.published().applied();
        let founds = recovered.is_blank() && placement.founding.seats.contains_key(&replica);
        let recovered = match founds {
            true => {
                let members = Members::founding(&placement.founding);
                // A copy begins with rows; nobody else has to have them.
                let index = if placement.founding.seats.len() == 1 { applied } else { 0 };
                Recovered::founded(id, spec.epoch.generation, index, members)
            }
            false => recovered,
        };
        // Answers that it gives are not of an earlier term than those before.
        partition.published().began(recovered.last_term());
        // Written down before the store had come so far: until then it is of no account.
        let rests_on = state.bases.remove(&id).filter(|base| rests_at(base).is_some_and(|at| at <= applied));
        let start = Start { replica, applied, rests_on, timing: self.timing() };
        Ok(Replica { partition, recovered, start, wanted: placement.wanted })
    }

    fn timing(&self) -> Timing {
        let limits = &self.limits;
        Timing {
            heartbeat_ms: limits.raft_heartbeat_ms,
            election_ms: (limits.raft_election_ms_min, limits.raft_election_ms_max),
            append_patience_ms: limits.raft_election_ms_max,
        }
    }

    pub(super) fn store_of(&self, profile: &Profile) -> Result<&Arc<dyn Store>, StoreError> {
        self.stores.of(profile).ok_or_else(|| {
            let what = format!("this node has no store `{}` for log `{}`", profile.store, profile.log);
            StoreError::layout(self.data_dir.path(), what)
        })
    }

    pub(super) fn rules_of(&self, spec: &TableSpec) -> Result<Rules, StartError> {
        spec.rules(&self.machines).ok_or_else(|| StartError::Machine(spec.machine.clone()))
    }
}
