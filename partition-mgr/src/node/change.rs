//! Control: a call changes the desired state, and answers when what is here
//! has followed.

use super::{Core, Node, StartError, State};
use crate::desired::{Desired, DesiredFlaw, Refused, TableName, TableSpec, equal_ranges};
use model::{Code, Epoch, KeyRange, Layout, PartitionId, code};
use pipeline::LogChoice;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Why a control call did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// It is refused, and nothing changed.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The desired state changed, and what is here could not follow yet.
    #[error("it is desired, could not be carried out, and will be tried again: {0}")]
    Undone(Arc<StartError>),
    /// The desired state could not be written.
    #[error("it could not be written down: {0}")]
    Unwritten(StartError),
    /// The store that it needs does not open; nothing changed.
    #[error("nothing changed, because its store does not open: {0}")]
    Unopened(StartError),
    /// This build or node cannot.
    #[error("{0}")]
    Unable(String),
}

impl ChangeError {
    /// Its code.
    pub fn code(&self) -> Code {
        match self {
            ChangeError::Refused(refused) => refused.code(),
            ChangeError::Undone(error) => error.code(),
            ChangeError::Unwritten(error) | ChangeError::Unopened(error) => error.code(),
            ChangeError::Unable(_) => code::PROFILE_REFUSED,
        }
    }
}

impl Core {
    /// Changes the desired state, then what is here. The change names the
    /// partitions concerned: what others lack is not its failure.
    fn change(
        &self,
        change: impl FnOnce(&mut Desired, &BTreeSet<PartitionId>) -> Result<Vec<PartitionId>, Refused>,
    ) -> Result<Vec<PartitionId>, ChangeError> {
        let mut state = self.state();
        let state: &mut State = &mut state;
        self.make_sure(state)?;
        let here = state.here();
        let mut next = state.desired.clone();
        let concerned = change(&mut next, &here)?;
        if next != state.desired {
            state.file.write(&next).map_err(unwritten)?;
            state.desired = next;
        }
        let mut failures = self.reconcile(state);
        match concerned.iter().find_map(|id| failures.remove(id)) {
            Some(failure) => Err(ChangeError::Undone(failure)),
            None => Ok(concerned),
        }
    }

    /// After a write of unsure outcome the list is put back as it is here, so
    /// that what the next start finds is what this one goes by.
    pub(super) fn make_sure(&self, state: &mut State) -> Result<(), ChangeError> {
        if state.file.is_unsure() { state.file.write(&state.desired).map_err(unwritten) } else { Ok(()) }
    }
}

fn unwritten(flaw: DesiredFlaw) -> ChangeError {
    ChangeError::Unwritten(flaw.into())
}

impl Node {
    /// Makes a table, and partitions of equal ranges if it is hashed.
    pub fn create_table(
        &self,
        name: TableName,
        spec: TableSpec,
        partitions: u32,
    ) -> Result<Vec<PartitionId>, ChangeError> {
        let profile = spec.profile;
        profile.check(self.core.log_reaches).map_err(Refused::from)?;
        if self.core.machines.make(&spec.machine, spec.layout).is_none() {
            let known = self.core.machines.names().collect::<Vec<_>>().join(", ");
            return Err(Refused::NoMachine { machine: spec.machine, known }.into());
        }
        // No store is opened for what will be refused.
        self.core.state().desired.clone().create_table(name.clone(), spec.clone())?;
        if profile.log == LogChoice::Store {
            self.core.stores.open_journaled().map_err(|error| ChangeError::Unopened(error.into()))?;
        }
        if self.core.stores.of(&profile).is_none() {
            return Err(ChangeError::Unable("this build has no RocksDB; choose store `memory`".to_owned()));
        }
        let count = if spec.layout == Layout::Hashed { partitions.clamp(1, 1024) } else { 1 };
        self.core.change(|desired, _| {
            desired.create_table(name.clone(), spec)?;
            equal_ranges(count).into_iter().map(|range| desired.add_partition(&name, range, None)).collect()
        })
    }

    /// Drops a table without partitions.
    pub fn drop_table(&self, name: &TableName) -> Result<(), ChangeError> {
        self.core.change(|desired, _| desired.drop_table(name).map(|()| Vec::new())).map(drop)
    }

    /// Adds a partition.
    pub fn add_partition(
        &self,
        table: &TableName,
        range: KeyRange,
        id: Option<PartitionId>,
    ) -> Result<PartitionId, ChangeError> {
        let added = self.core.change(|desired, here| {
            // The data that lies here under that id is somebody else's.
            match id.filter(|id| here.contains(id)) {
                Some(taken) => Err(Refused::IdInUse(taken)),
                None => desired.add_partition(table, range, id).map(|id| vec![id]),
            }
        })?;
        Ok(added[0])
    }

    /// Stops a partition and quarantines its data.
    pub fn remove_partition(&self, id: PartitionId, expected: Option<Epoch>) -> Result<(), ChangeError> {
        let now_ms = self.core.env.clock.wall().0 / 1_000_000;
        self.core
            .change(|desired, _| desired.remove_partition(id, expected, now_ms).map(|()| vec![id]))
            .map(drop)
    }

    /// The same for the partitions that a range names.
    pub fn remove_range(
        &self,
        table: &TableName,
        range: &KeyRange,
        allow_many: bool,
        expected: Option<Epoch>,
    ) -> Result<Vec<PartitionId>, ChangeError> {
        let now_ms = self.core.env.clock.wall().0 / 1_000_000;
        self.core.change(|desired, _| {
            let ids = desired.named_by(table, range, allow_many)?;
            ids.iter().try_for_each(|id| desired.remove_partition(*id, expected, now_ms))?;
            Ok(ids)
        })
    }

    /// Deletes a quarantined partition's data, for good: also data that lies
    /// here and that nobody knows.
    pub fn erase(&self, id: PartitionId) -> Result<(), ChangeError> {
        self.core.change(|desired, here| desired.erase(id, here).map(|()| vec![id])).map(drop)
    }
}
