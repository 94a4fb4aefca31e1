//! From what is here to what should be: carries out the delta.

use super::telling::forget;
use super::{Core, State};
use crate::data_dir::DataDirError;
use crate::delta::{Held, Op, delta};
use crate::directory::{Map, Place, Standing, TableMap};
use crate::node::StartError;
use crate::shard::{Message, Order};
use env::sometimes;
use model::{PartitionId, code};

use pipeline::{LogChoice, Profile};
use replication::raft::Recovered;
use statestore::{Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What could not be done with a partition.
pub(super) type Failures = BTreeMap<PartitionId, Arc<StartError>>;

impl Core {
    /// Carries out what differs, then publishes what is served. What fails with
    /// one partition keeps no other waiting, and is tried again the next time.
    pub(super) fn reconcile(&self, state: &mut State) -> Failures {
        self.note_failures(state);
        let ops = delta(self.data_dir.node(), &state.desired, &state.held, &state.strangers);
        let of = |is_wanted: fn(&Op) -> bool| picked(&ops, is_wanted);
        let mut failures = Failures::new();
        for id in of(|op| matches!(op, Op::Missing(_))) {
            self.say_missing(state, id);
        }
        self.close(state, &of(|op| matches!(op, Op::Close(_))));
        for id in of(|op| matches!(op, Op::Delete(_))) {
            note(&mut failures, &[id], self.delete(state, id));
        }
        self.create(state, &of(|op| matches!(op, Op::Create(_))), &mut failures);
        let made = |id: &PartitionId| !failures.contains_key(id);
        let open: Vec<PartitionId> = of(|op| matches!(op, Op::Open(_))).into_iter().filter(made).collect();
        let unborn: Vec<PartitionId> =
            open.iter().filter(|id| !state.desired.partitions[id].born).copied().collect();
        note(&mut failures, &unborn, self.bear(state, &unborn));
        for id in open {
            if !failures.contains_key(&id) {
                note(&mut failures, &[id], self.open(state, id));
            }
        }
        list_undone(state, &failures);
        self.publish(state);
        failures
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
        let why = match self.stores.holding(id) {
            Err(error @ StoreError::Damaged { .. }) => format!("{} {error}", error.code()),
            _ => format!("{} its store does not hold it", code::STORE_DAMAGED),
        };
        tracing::error!(partition = id.0, %why, "a partition is not served");
        sometimes!("a partition had lost its store");
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
        state.histories.extend(self.reports.wait_closed(ids));
        for id in ids {
            if let Some(held) = state.held.get_mut(id) {
                held.serving = false;
            }
        }
    }

    /// There is a tombstone: the log forgets, then the rows go. A crash between
    /// leaves rows with a tombstone, or, where an answer of the log outruns its
    /// sync, a stranger with one: the next start does the rest of either.
    fn delete(&self, state: &mut State, id: PartitionId) -> Result<(), StartError> {
        self.tell_log(&[forget(id)])?;
        match self.stores.remove(id) {
            // Only the log knew it, or it went the last time.
            Ok(()) | Err(StoreError::Unknown(_)) => {}
            Err(error) => return Err(error.into()),
        }
        let left = self.exports.forget(id);
        left.map_err(DataDirError::system("remove what was fetched in", self.data_dir.path()))?;
        sometimes!("a partition was erased");
        state.held.remove(&id);
        state.strangers.remove(&id);
        state.purged.remove(&id);
        state.histories.remove(&id);
        state.bases.remove(&id);
        Ok(())
    }

    /// Makes stores for new partitions: all of a store's in one go, or each
    /// alone where that fails.
    fn create(&self, state: &mut State, ids: &[PartitionId], failures: &mut Failures) {
        let mut by_store: BTreeMap<_, (Profile, Vec<PartitionId>)> = BTreeMap::new();
        for id in ids {
            let profile = profile_of(state, *id);
            by_store.entry((profile.store, profile.log)).or_insert((profile, Vec::new())).1.push(*id);
        }
        for (profile, ids) in by_store.into_values() {
            let make = |ids: &[PartitionId]| Ok(self.store_of(&profile)?.create(ids, 0)?);
            if make(&ids).is_err() {
                ids.iter().for_each(|id| note(failures, &[*id], make(&[*id])));
            }
            for id in ids.into_iter().filter(|id| !failures.contains_key(id)) {
                state.held.insert(id, Held { applied: 0, serving: false, refusal: None });
                state.begin_history(id);
            }
        }
    }

    /// Writes down that their stores are made, before anybody can be answered
    /// by them: from then on a store without them has lost them.
    fn bear(&self, state: &mut State, unborn: &[PartitionId]) -> Result<(), StartError> {
        if unborn.is_empty() {
            return Ok(());
        }
        let mut next = state.desired.clone();
        unborn.iter().for_each(|id| next.set_born(*id));
        state.file.write(&next)?;
        state.desired = next;
        Ok(())
    }

    /// What is served, for everybody who looks up keys.
    pub(super) fn publish(&self, state: &State) {
        let tables = state.desired.tables.iter().map(|(name, spec)| {
            let places = state.desired.of_table(name).map(|(id, partition)| {
                let standing = match state.handles.get(&id) {
                    Some(handle) => Standing::Serving(handle.clone()),
                    None if !partition.is_on(self.data_dir.node()) => Standing::Elsewhere(partition.nodes()),
                    None => {
                        let why = state.why_not(id);
                        Standing::Failed(why.unwrap_or_else(|| "it is being opened or closed".to_owned()))
                    }
                };
                Place { id, range: partition.range.clone(), epoch: partition.epoch, standing }
            });
            let reaches = spec.profile.reaches(self.log_reaches);
            TableMap {
                name: name.clone(),
                spec: spec.clone(),
                machine: self.rules_of(spec).ok().map(|rules| rules.machine),
                reaches,
                places: places.collect(),
            }
        });
        let agreed = state.handles.iter().filter(|(id, _)| state.desired.is_agreed(**id));
        self.peers.open_to_all(agreed.map(|(id, handle)| (*id, handle.mailbox.clone())).collect());
        let mut map = Map::new(state.desired.version, tables.collect::<Vec<_>>());
        map.nodes = state.desired.nodes.iter().map(|(node, spec)| (*node, spec.data.clone())).collect();
        self.directory.publish(map);
    }

    /// Rows of tables without a log survive an orderly end.
    pub(super) fn flush_what_no_log_has(&self) {
        let state = self.state();
        let is_unlogged = |id: &&PartitionId| {
            state.desired.spec_of(**id).is_some_and(|spec| spec.profile.log == LogChoice::None)
        };
        let ids: Vec<PartitionId> = state.held.keys().filter(is_unlogged).copied().collect();
        if let Err(error) = self.stores.flush(&ids) {
            tracing::error!(code = %error.code(), %error, "tables without a log could not be flushed");
        }
    }
}

impl State {
    /// One that is made now has told nobody anything.
    pub(super) fn begin_history(&mut self, id: PartitionId) {
        let epoch = self.desired.epoch_of(id).filter(|_| self.desired.is_agreed(id));
        if let Some(epoch) = epoch {
            self.histories.insert(id, Recovered::nothing(id, epoch.generation));
        }
    }

    /// What lies here, in a store or in the log alone.
    pub(super) fn here(&self) -> BTreeSet<PartitionId> {
        self.held.keys().chain(&self.strangers).copied().collect()
    }

    /// Why a partition is not served, if somebody knows.
    pub(super) fn why_not(&self, id: PartitionId) -> Option<String> {
        let refusal = self.held.get(&id).and_then(|held| held.refusal.clone());
        refusal.or_else(|| self.undone.get(&id).cloned())
    }
}

fn note(failures: &mut Failures, ids: &[PartitionId], result: Result<(), StartError>) {
    if let Err(error) = result {
        let error = Arc::new(error);
        failures.extend(ids.iter().map(|id| (*id, error.clone())));
    }
}

/// What is new among it is said once; it is tried again often.
fn list_undone(state: &mut State, failures: &Failures) {
    let told = |(id, error): (&PartitionId, &Arc<StartError>)| (*id, format!("{} {error}", error.code()));
    let undone: BTreeMap<PartitionId, String> = failures.iter().map(told).collect();
    for (id, why) in undone.iter().filter(|(id, why)| state.undone.get(id) != Some(why)) {
        tracing::error!(partition = id.0, %why, "what should be done with a partition cannot be");
    }
    state.undone = undone;
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
