//! Control: a call changes the desired state, and answers when what is here
//! has followed.

use super::{Core, Node, StartError, State};
use crate::desired::{Desired, Refused, TableName, TableSpec, equal_ranges};
use model::{Code, Epoch, KeyRange, Layout, PartitionId, code};
use pipeline::LogChoice;

/// Why a control call did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// It is refused, and nothing changed.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The desired state changed, and what is here could not follow.
    #[error("it is desired, and could not be carried out: {0}")]
    Undone(StartError),
    /// The desired state could not be written.
    #[error("it could not be written down: {0}")]
    Unwritten(StartError),
    /// This build or node cannot.
    #[error("{0}")]
    Unable(String),
}

impl ChangeError {
    /// Its code.
    pub fn code(&self) -> Code {
        match self {
            ChangeError::Refused(refused) => refused.code(),
            ChangeError::Undone(error) | ChangeError::Unwritten(error) => error.code(),
            ChangeError::Unable(_) => code::PROFILE_REFUSED,
        }
    }
}

impl Core {
    fn change<T>(&self, change: impl FnOnce(&mut Desired) -> Result<T, Refused>) -> Result<T, ChangeError> {
        let mut state = self.state();
        let state: &mut State = &mut state;
        let mut next = state.desired.clone();
        let done = change(&mut next)?;
        state.file.write(&next).map_err(|flaw| ChangeError::Unwritten(flaw.into()))?;
        state.desired = next;
        self.reconcile(state).map_err(ChangeError::Undone)?;
        Ok(done)
    }
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
        profile.check().map_err(Refused::from)?;
        if profile.log == LogChoice::Store {
            self.core.stores.open_journaled().map_err(|error| ChangeError::Undone(error.into()))?;
        }
        if self.core.stores.of(&profile).is_none() {
            return Err(ChangeError::Unable("this build has no RocksDB; choose store `memory`".to_owned()));
        }
        let count = if spec.layout == Layout::Hashed { partitions.clamp(1, 1024) } else { 1 };
        self.core.change(|desired| {
            desired.create_table(name.clone(), spec)?;
            equal_ranges(count).into_iter().map(|range| desired.add_partition(&name, range, None)).collect()
        })
    }

    /// Drops a table without partitions.
    pub fn drop_table(&self, name: &TableName) -> Result<(), ChangeError> {
        self.core.change(|desired| desired.drop_table(name))
    }

    /// Adds a partition.
    pub fn add_partition(
        &self,
        table: &TableName,
        range: KeyRange,
        id: Option<PartitionId>,
    ) -> Result<PartitionId, ChangeError> {
        self.core.change(|desired| desired.add_partition(table, range, id))
    }

    /// Stops a partition and quarantines its data.
    pub fn remove_partition(&self, id: PartitionId, expected: Option<Epoch>) -> Result<(), ChangeError> {
        let now_ms = self.core.env.clock.wall().0 / 1_000_000;
        self.core.change(|desired| desired.remove_partition(id, expected, now_ms))
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
        self.core.change(|desired| {
            let ids = desired.named_by(table, range, allow_many)?;
            ids.iter().try_for_each(|id| desired.remove_partition(*id, expected, now_ms))?;
            Ok(ids)
        })
    }

    /// Deletes a quarantined partition's data, for good.
    pub fn erase(&self, id: PartitionId) -> Result<(), ChangeError> {
        self.core.change(|desired| desired.erase(id))
    }
}
