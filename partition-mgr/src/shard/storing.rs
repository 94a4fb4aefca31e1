//! Batches for stores: handed over, taken, refused, or put aside for later.

use super::message::{Effects, Report, StoreJob, Stored, is_journaled};
use super::parked::Parked;
use super::round::{Shard, list};
use env::{Clock, Mono, sometimes};
use model::PartitionId;
use partition::Input;
use statestore::{Part, Store, StoreError};
use std::sync::Arc;

impl Shard {
    pub(super) fn store(&mut self, clock: &dyn Clock, batch: StoreJob, effects: &mut Effects) {
        let journaled = batch.partitions.iter().any(|id| is_journaled(self.tenants[id].partition.charter()));
        if !journaled {
            let stored = batch.run();
            return self.take_stored(clock.mono(), stored, effects);
        }
        for id in &batch.partitions {
            let tenant = self.tenants.get_mut(id).expect("a partition stays while something of it waits");
            tenant.storing = true;
        }
        effects.stores.push(batch);
    }

    pub(super) fn take_stored(&mut self, now: Mono, stored: Stored, effects: &mut Effects) {
        for id in stored.partitions {
            let Some(tenant) = self.tenants.get_mut(&id) else { continue };
            tenant.storing = false;
            tenant.partition.step(now, Input::Stored, &mut self.outbox);
            tenant.set_full(now, tenant.log_full, false, &mut self.outbox);
            list(&mut self.appliers, id, tenant);
            if tenant.partition.wakes_at(&self.drain.chores) != tenant.armed {
                self.unarmed.push(id);
            }
            // What came in meanwhile was passed over.
            self.behind |= tenant.queued;
            self.let_read(now, id);
        }
        for (id, error) in stored.refused {
            self.fail(now, id, &format!("{} {error}", error.code()), effects);
        }
        if let Some((batch, why)) = stored.later {
            self.park(now, batch, &why, effects);
        }
    }

    /// The batch is tried again in a while. Who is to end does not wait long for
    /// that: nothing of it was answered.
    fn park(&mut self, now: Mono, mut batch: StoreJob, why: &StoreError, effects: &mut Effects) {
        sometimes!("a store took a batch later");
        let told = format!("{} {why}", why.code());
        let ends = |id: &PartitionId| self.tenants[id].closing && !Parked::may_wait(now, &batch, why);
        let ending: Vec<PartitionId> = batch.partitions.iter().copied().filter(ends).collect();
        batch.drop_parts_of(&ending);
        ending.into_iter().for_each(|id| self.fail(now, id, &told, effects));
        if batch.parts.is_empty() {
            return;
        }
        let ids = batch.partitions.clone();
        let say = self.parked.put(now, batch, why);
        for id in ids {
            let tenant = self.tenants.get_mut(&id).expect("a partition stays while something of it waits");
            tenant.storing = true;
            let was_full = tenant.store_full;
            tenant.set_full(now, tenant.log_full, why.is_full(), &mut self.outbox);
            if say || (why.is_full() && !was_full) {
                effects.reports.push(Report::Waits(id, told.clone()));
            }
        }
    }
}

pub(super) fn gather(batches: &mut Vec<StoreJob>, store: Arc<dyn Store>, part: Part) {
    match batches.iter_mut().find(|batch| Arc::ptr_eq(&batch.store, &store)) {
        Some(batch) => batch.add(part),
        None => {
            let mut batch = StoreJob::new(store);
            batch.add(part);
            batches.push(batch);
        }
    }
}
