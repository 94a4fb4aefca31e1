//! What is here, in rows, for whoever asks.

use super::{Core, Node, State};
use crate::desired::{Gone, PartitionSpec, TableName};
use model::{Epoch, Index, KeyRange, PartitionId};
use statestore::Store;
use std::sync::atomic::Ordering;

/// How a partition stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListedState {
    /// It takes requests.
    Serving,
    /// It cannot be served: why.
    Failed(String),
    /// It was removed; its data waits to be erased.
    Quarantined,
}

/// One partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Which.
    pub id: PartitionId,
    /// Whose keys; `None` for data that nobody knows.
    pub table: Option<TableName>,
    /// Which keys.
    pub range: Option<KeyRange>,
    /// Under whom.
    pub epoch: Epoch,
    /// How it stands.
    pub state: ListedState,
    /// What its store has.
    pub applied: Index,
    /// Requests under way, and their bytes.
    pub under_way: (usize, usize),
}

/// The node as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vitals {
    /// Its cluster.
    pub cluster: model::ClusterId,
    /// Its number.
    pub node: model::NodeId,
    /// The number of this start.
    pub boot: u64,
    /// Seconds since it was started.
    pub uptime_s: u64,
    /// Tables.
    pub tables: usize,
    /// The log's size, as it was at most a second ago.
    pub log_bytes: u64,
}

impl Node {
    /// Every partition that belongs here or lies here, by id.
    pub fn list(&self) -> Vec<Listed> {
        let state = self.core.state();
        let here = state.desired.partitions.iter().map(|(id, spec)| self.core.of_here(&state, *id, spec));
        let stays = state.here().into_iter().filter(|id| !state.desired.partitions.contains_key(id));
        let stays = stays.map(|id| self.core.of_quarantined(&state, id));
        let mut all: Vec<Listed> = here.chain(stays).collect();
        all.sort_by_key(|one| one.id);
        all
    }

    /// The node as a whole.
    pub fn vitals(&self) -> Vitals {
        let core = &self.core;
        Vitals {
            cluster: core.data_dir.cluster(),
            node: core.data_dir.node(),
            boot: core.data_dir.boot(),
            uptime_s: core.env.clock.mono().ms_since(core.started) / 1000,
            tables: core.state().desired.tables.len(),
            log_bytes: core.log_bytes.load(Ordering::Relaxed),
        }
    }
}

impl Core {
    fn of_here(&self, state: &State, id: PartitionId, spec: &PartitionSpec) -> Listed {
        let handle = state.handles.get(&id);
        // Looked at and left there: who notes it publishes it, too.
        let failed = self.reports.failure_of(id);
        let is_serving = handle.is_some() && failed.is_none();
        let why = failed.or_else(|| state.why_not(id)).unwrap_or_default();
        Listed {
            id,
            table: Some(spec.table.clone()),
            range: Some(spec.range.clone()),
            epoch: spec.epoch,
            state: if is_serving { ListedState::Serving } else { ListedState::Failed(why) },
            applied: self.stores.applied(id).unwrap_or_default(),
            under_way: handle.map_or((0, 0), |handle| handle.mailbox.room().held()),
        }
    }

    fn of_quarantined(&self, state: &State, id: PartitionId) -> Listed {
        let (table, range, epoch) = match state.desired.gone.get(&id) {
            Some(Gone::Quarantined { table, range, epoch, .. }) => {
                (Some(table.clone()), Some(range.clone()), *epoch)
            }
            Some(Gone::Erased) | None => (None, None, Epoch::default()),
        };
        let applied = self.stores.applied(id).unwrap_or_default();
        // One that cannot be erased says why.
        let undone = state.undone.get(&id).cloned();
        let state = undone.map_or(ListedState::Quarantined, ListedState::Failed);
        Listed { id, table, range, epoch, state, applied, under_way: (0, 0) }
    }
}
