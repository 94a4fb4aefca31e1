//! From what is here to what should be: carries out the delta.

use super::{Core, State};
use crate::delta::{Held, Op, delta};
use crate::desired::TableSpec;
use crate::directory::{Handle, Map, Place, Standing, TableMap};
use crate::node::StartError;
use crate::shard::{Message, Order};
use machine::{Kv, Machine};
use model::{PartitionId, Record, RecordKind, Stamp, code};
use partition::{Charter, Mailbox, Partition, Room};
use pipeline::Profile;
use statestore::{Store, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;
use wal::{Append, Submission, Urgency};

/// The machine of a table. Tables are only made of machines that are there.
pub(super) fn machine_of(spec: &TableSpec) -> Arc<dyn Machine> {
    Arc::new(Kv { layout: spec.layout })
}

impl Core {
    /// Carries out what differs, then publishes what is served.
    pub(super) fn reconcile(&self, state: &mut State) -> Result<(), StartError> {
        self.note_failures(state);
        let ops = delta(&state.desired, &state.held);
        let close: Vec<PartitionId> = picked(&ops, |op| matches!(op, Op::Close(_)));
        let delete = picked(&ops, |op| matches!(op, Op::Delete(_)));
        let create = picked(&ops, |op| matches!(op, Op::Create(_)));
        let open = picked(&ops, |op| matches!(op, Op::Open(_)));
        for id in picked(&ops, |op| matches!(op, Op::Missing(_))) {
            self.say_missing(state, id);
        }
        self.close(state, &close);
        delete.into_iter().try_for_each(|id| self.delete(state, id))?;
        self.create(state, &create)?;
        for id in open {
            self.open(state, id)?;
        }
        self.publish(state);
        Ok(())
    }

    /// Partitions that shards had to stop since the last look.
    pub(super) fn note_failures(&self, state: &mut State) -> bool {
        let failed = self.reports.take_failed();
        let any = !failed.is_empty();
        for (id, why) in failed {
            state.handles.remove(&id);
            if let Some(held) = state.held.get_mut(&id) {
                (held.serving, held.refusal) = (false, Some(why));
            }
        }
        any
    }

    fn say_missing(&self, state: &mut State, id: PartitionId) {
        let why = format!("{} its store does not hold it", code::STORE_DAMAGED);
        tracing::error!(partition = id.0, %why, "a partition is not served");
        state.held.insert(id, Held { applied: 0, serving: false, refusal: Some(why) });
    }

    fn close(&self, state: &mut State, ids: &[PartitionId]) {
        for id in ids {
            state.handles.remove(id);
        }
        // Nobody finds the way in any more; who is in is answered.
        self.publish(state);
        for id in ids {
            let _ = self.inbox_of(*id).send(Message::Order(Order::Close(*id)));
        }
        self.reports.wait_closed(ids);
        for id in ids {
            if let Some(held) = state.held.get_mut(id) {
                held.serving = false;
            }
        }
    }

    /// There is a tombstone: the rows go, and the log forgets.
    fn delete(&self, state: &mut State, id: PartitionId) -> Result<(), StartError> {
        self.stores.remove(id)?;
        let record = Record {
            partition: id,
            epoch: model::Epoch::default(),
            first_index: 1,
            count: 0,
            stamp: Stamp(0),
            kind: RecordKind::Forget,
            payload: bytes::Bytes::new(),
        };
        self.tell_log(&[Append::from(record)])?;
        state.held.remove(&id);
        state.purged.remove(&id);
        Ok(())
    }

    /// Hands the log what nobody waits for.
    pub(super) fn tell_log(&self, appends: &[Append]) -> Result<(), wal::LogError> {
        let packet = self.inlet.frame(appends)?;
        // A full disk refuses it; it is said again at the next start or tick.
        let answer = Box::new(|_| ());
        self.inlet.submit(Submission { packet, urgency: Urgency::Urgent, answer })
    }

    /// Makes stores for new partitions: all of a store's in one go.
    fn create(&self, state: &mut State, ids: &[PartitionId]) -> Result<(), StartError> {
        let mut by_profile: BTreeMap<String, (Profile, Vec<PartitionId>)> = BTreeMap::new();
        for id in ids {
            let profile = profile_of(state, *id);
            let of = by_profile.entry(format!("{profile:?}")).or_insert((profile, Vec::new()));
            of.1.push(*id);
        }
        for (profile, ids) in by_profile.into_values() {
            self.store_of(&profile)?.create(&ids, 0)?;
            for id in ids {
                state.held.insert(id, Held { applied: 0, serving: false, refusal: None });
                state.desired.set_born(id);
            }
        }
        if !ids.is_empty() {
            state.file.write(&state.desired)?;
        }
        Ok(())
    }

    pub(super) fn store_of(&self, profile: &Profile) -> Result<&Arc<dyn Store>, StoreError> {
        self.stores.of(profile).ok_or_else(|| {
            let what = format!("this node has no store `{}` for log `{}`", profile.store, profile.log);
            StoreError::layout(self.data_dir.path(), what)
        })
    }

    fn open(&self, state: &mut State, id: PartitionId) -> Result<(), StartError> {
        let profile = profile_of(state, id);
        let spec = &state.desired.partitions[&id];
        let store = self.store_of(&profile)?.clone();
        let machine = machine_of(&state.desired.tables[&spec.table]);
        let charter = Charter { id, epoch: spec.epoch, profile, machine, store: store.clone() };
        let partition = Partition::open(charter)?;
        let published = partition.published().clone();
        let room = Room::new(self.limits.partition_requests_max, self.limits.partition_request_bytes_max);
        let inbox = self.inbox_of(id).clone();
        let mailbox = Mailbox::new(id, inbox.clone(), self.limits.shard_inbox_max, room);
        let _ = inbox.send(Message::Order(Order::Open(Box::new(partition))));
        state.handles.insert(id, Handle { id, mailbox, published, store });
        if let Some(held) = state.held.get_mut(&id) {
            held.serving = true;
        }
        Ok(())
    }

    /// What is served, for everybody who looks up keys.
    pub(super) fn publish(&self, state: &State) {
        let tables = state.desired.tables.iter().map(|(name, spec)| {
            let places = state.desired.of_table(name).map(|(id, partition)| {
                let standing = match (state.handles.get(&id), state.held.get(&id)) {
                    (Some(handle), _) => Standing::Serving(handle.clone()),
                    (None, held) => {
                        let why = held.and_then(|held| held.refusal.clone());
                        Standing::Failed(why.unwrap_or_else(|| "it is being opened or closed".to_owned()))
                    }
                };
                Place { id, range: partition.range.clone(), epoch: partition.epoch, standing }
            });
            TableMap { name: name.clone(), spec: spec.clone(), places: places.collect() }
        });
        self.directory.publish(Map::new(state.desired.version, tables.collect::<Vec<_>>()));
    }

    /// Rows of tables without a log survive an orderly end.
    pub(super) fn flush_what_no_log_has(&self) {
        let state = self.state();
        let unlogged = state.held.keys().filter(|id| {
            let table =
                state.desired.partitions.get(id).and_then(|spec| state.desired.tables.get(&spec.table));
            table.is_some_and(|table| table.profile.log == pipeline::LogChoice::None)
        });
        let ids: Vec<PartitionId> = unlogged.copied().collect();
        if let Err(error) = self.stores.flush(&ids) {
            tracing::error!(code = %error.code(), %error, "tables without a log could not be flushed");
        }
    }
}

fn picked(ops: &[Op], is_wanted: impl Fn(&Op) -> bool) -> Vec<PartitionId> {
    let id = |op: &Op| match op {
        Op::Close(id) | Op::Delete(id) | Op::Create(id) | Op::Open(id) | Op::Missing(id) => *id,
    };
    ops.iter().filter(|op| is_wanted(op)).map(id).collect()
}

pub(super) fn profile_of(state: &State, id: PartitionId) -> Profile {
    let table = &state.desired.partitions[&id].table;
    state.desired.tables[table].profile
}
