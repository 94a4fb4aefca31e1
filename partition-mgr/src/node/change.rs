//! Control: a call changes the desired state, and answers when what is here
//! has followed.

use super::catalog::CatalogError;
use super::{Core, Node, StartError, State};
use crate::desired::DesiredFlaw;
use coordinator::{Desired, Due, OWN_NAMESPACE, Refused, TableName};
use model::{Code, Epoch, KeyRange, PartitionId, code};
use statestore::StoreError;
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
    /// The cluster's desired state cannot be reached.
    #[error("{0}")]
    Catalog(CatalogError),
    /// It cannot belong to that cluster.
    #[error("{0}")]
    NotJoined(String),
    /// This build or node cannot.
    #[error("{0}")]
    Unable(String),
    /// A partition that is to be read is not served.
    #[error("partition {0} is not served: {1}")]
    NotServed(PartitionId, String),
    /// Its rows could not be copied; nothing changed.
    #[error("nothing changed, because partition {0} could not be copied: {1}")]
    NotCopied(PartitionId, StoreError),
}

impl ChangeError {
    /// Its code.
    pub fn code(&self) -> Code {
        match self {
            ChangeError::Refused(refused) => refused.code(),
            ChangeError::Undone(error) => error.code(),
            ChangeError::Unwritten(error) | ChangeError::Unopened(error) => error.code(),
            ChangeError::Catalog(error) => error.code(),
            ChangeError::NotJoined(_) => code::NOT_JOINED,
            ChangeError::Unable(_) => code::PROFILE_REFUSED,
            ChangeError::NotServed(..) => code::PARTITION_FAILED,
            ChangeError::NotCopied(_, error) => error.code(),
        }
    }
}

impl Core {
    /// Changes the desired state, then what is here. The change names the
    /// partitions concerned: what others lack is not its failure. In a cluster it may be
    /// asked several times, of later states.
    pub(super) fn change(
        &self,
        mut change: impl FnMut(&mut Desired, &BTreeSet<PartitionId>) -> Result<Vec<PartitionId>, Refused>,
    ) -> Result<Vec<PartitionId>, ChangeError> {
        let is_alone = self.state().desired.catalog_partition().is_none();
        if !is_alone {
            return self.change_together(&mut change);
        }
        self.change_alone(|desired, here| {
            let before = desired.clone();
            let concerned = change(desired, here)?;
            refused_if_own(&before, desired)?;
            Ok(concerned)
        })
    }

    /// The same on a node that is all there is.
    pub(super) fn change_alone(
        &self,
        change: impl FnOnce(&mut Desired, &BTreeSet<PartitionId>) -> Result<Vec<PartitionId>, Refused>,
    ) -> Result<Vec<PartitionId>, ChangeError> {
        let mut state = self.state();
        let state: &mut State = &mut state;
        if state.desired.catalog_partition().is_some() {
            return Err(ChangeError::Unable("the node has become a cluster meanwhile: ask again".to_owned()));
        }
        self.make_sure(state)?;
        let here = state.here();
        let mut next = state.desired.clone();
        let concerned = change(&mut next, &here)?;
        write_down(state, next)?;
        self.follow(state, &concerned)?;
        Ok(concerned)
    }

    /// Makes what is here what is desired.
    pub(super) fn follow(&self, state: &mut State, concerned: &[PartitionId]) -> Result<(), ChangeError> {
        let mut failures = self.reconcile(state);
        match concerned.iter().find_map(|id| failures.remove(id)) {
            Some(failure) => Err(ChangeError::Undone(failure)),
            None => Ok(()),
        }
    }

    /// Milliseconds since 1970.
    pub(super) fn now_ms(&self) -> u64 {
        self.env.clock.wall().0 / 1_000_000
    }

    /// After a write of unsure outcome the list is put back as it is here, so
    /// that what the next start finds is what this one goes by.
    pub(super) fn make_sure(&self, state: &mut State) -> Result<(), ChangeError> {
        if state.file.is_unsure() { state.file.write(&state.desired).map_err(unwritten) } else { Ok(()) }
    }
}

/// This is desired from now on.
pub(super) fn write_down(state: &mut State, next: Desired) -> Result<(), ChangeError> {
    if next != state.desired {
        state.file.write(&next).map_err(unwritten)?;
        state.desired = next;
    }
    Ok(())
}

/// The cluster's own tables are not for those who ask.
pub(super) fn refused_if_own(before: &Desired, next: &Desired) -> Result<(), Refused> {
    let own = |desired: &Desired| {
        let is_own = |name: &TableName| name.namespace() == OWN_NAMESPACE;
        let tables = desired.tables.iter().filter(|(name, _)| is_own(name));
        let partitions = desired.partitions.iter().filter(|(_, spec)| is_own(&spec.table));
        let tables: Vec<_> = tables.map(|(name, spec)| (name.clone(), spec.clone())).collect();
        (tables, partitions.map(|(id, spec)| (*id, spec.clone())).collect::<Vec<_>>())
    };
    if own(before) == own(next) { Ok(()) } else { Err(Refused::Own) }
}

fn unwritten(flaw: DesiredFlaw) -> ChangeError {
    ChangeError::Unwritten(flaw.into())
}

impl Node {
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
                None => desired.add_partition(table, range.clone(), id).map(|id| vec![id]),
            }
        })?;
        Ok(added[0])
    }

    /// Stops a partition of this namespace and quarantines its data.
    pub fn remove_partition(
        &self,
        namespace: &str,
        id: PartitionId,
        expected: Option<Epoch>,
    ) -> Result<(), ChangeError> {
        let now_ms = self.core.now_ms();
        let removed = self.core.change(|desired, _| match desired.is_foreign(id, namespace) {
            true => Err(Refused::NoPartition(id.to_string())),
            false => desired.remove_partition(id, expected, now_ms).map(|()| vec![id]),
        });
        removed.map(drop)
    }

    /// The same for the partitions that a range names.
    pub fn remove_range(
        &self,
        table: &TableName,
        range: &KeyRange,
        allow_many: bool,
        expected: Option<Epoch>,
    ) -> Result<Vec<PartitionId>, ChangeError> {
        let now_ms = self.core.now_ms();
        self.core.change(|desired, _| {
            let ids = desired.named_by(table, range, allow_many)?;
            ids.iter().try_for_each(|id| desired.remove_partition(*id, expected, now_ms))?;
            Ok(ids)
        })
    }

    /// Deletes a quarantined partition's data, for good: also data that lies
    /// here and that nobody knows. What belongs to a dropped table that is kept
    /// goes only where that is said.
    pub fn erase(&self, namespace: &str, id: PartitionId, early: bool) -> Result<(), ChangeError> {
        let kept = Due::Kept { now_ms: self.core.now_ms(), kept_ms: self.core.limits.dropped_kept_ms };
        let due = if early { Due::Now } else { kept };
        let erased = self.core.change(|desired, here| match desired.is_foreign(id, namespace) {
            true => Err(Refused::NotQuarantined(id)),
            false => desired.erase(id, here, due).map(|()| vec![id]),
        });
        erased.map(drop)
    }
}
