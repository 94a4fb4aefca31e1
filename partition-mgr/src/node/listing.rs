//! What is here, in rows, for whoever asks.

use super::Node;
use crate::desired::{Gone, TableName};
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
        let mut state = self.core.state();
        self.core.note_failures(&mut state);
        let applied = |id: PartitionId| self.core.stores.applied(id).unwrap_or_default();
        let here = state.desired.partitions.iter().map(|(id, spec)| {
            let handle = state.handles.get(id);
            let refusal = state.held.get(id).and_then(|held| held.refusal.clone());
            Listed {
                id: *id,
                table: Some(spec.table.clone()),
                range: Some(spec.range.clone()),
                epoch: spec.epoch,
                state: match handle {
                    Some(_) => ListedState::Serving,
                    None => ListedState::Failed(refusal.unwrap_or_default()),
                },
                applied: applied(*id),
                under_way: handle.map_or((0, 0), |handle| handle.mailbox.room().held()),
            }
        });
        let stays = state.held.keys().filter(|id| !state.desired.partitions.contains_key(id)).map(|id| {
            let (table, range) = match state.desired.gone.get(id) {
                Some(Gone::Quarantined { table, range, .. }) => (Some(table.clone()), Some(range.clone())),
                _ => (None, None),
            };
            let (epoch, under_way) = (Epoch::default(), (0, 0));
            Listed {
                id: *id,
                table,
                range,
                epoch,
                state: ListedState::Quarantined,
                applied: applied(*id),
                under_way,
            }
        });
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
