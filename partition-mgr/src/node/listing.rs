//! What is here, in rows, for whoever asks.

use super::{Core, Node, State};
use coordinator::{Dropped, Gone, PartitionSpec, TableName, TableSpec};
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
    /// How many of its indexes were taken by owners of their own accord.
    pub own: u64,
    /// Requests under way, and their bytes.
    pub under_way: (usize, usize),
}

/// A table that was dropped with its partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedDrop {
    /// Names it among those of its name.
    pub drop: u64,
    /// What it was called.
    pub table: TableName,
    /// What had been chosen for it.
    pub spec: TableSpec,
    /// When: milliseconds since 1970.
    pub since_ms: u64,
    /// For so long its partitions are kept from being erased by mistake.
    pub left_ms: u64,
    /// Its partitions, erased ones too.
    pub partitions: Vec<PartitionId>,
    /// Those that are erased. With any, it does not come back.
    pub erased: Vec<PartitionId>,
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

    /// Tables that were dropped, the first to go first.
    pub fn dropped(&self) -> Vec<ListedDrop> {
        let (now_ms, kept_ms) = (self.core.now_ms(), self.core.limits.dropped_kept_ms);
        let state = self.core.state();
        let desired = &state.desired;
        let listed = |(drop, dropped): (&u64, &Dropped)| {
            let erased = dropped.ids.iter().filter(|id| !desired.is_quarantined(**id)).copied().collect();
            Some(ListedDrop {
                drop: *drop,
                table: dropped.table.clone(),
                // One of them at least is there to say.
                spec: dropped.ids.iter().find_map(|id| desired.spec_of(*id))?.clone(),
                since_ms: dropped.since_ms,
                left_ms: dropped.left_ms(now_ms, kept_ms),
                partitions: dropped.ids.iter().copied().collect(),
                erased,
            })
        };
        desired.dropped.iter().filter_map(listed).collect()
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
            own: handle.map_or(0, |handle| handle.published.own()),
            under_way: handle.map_or((0, 0), |handle| handle.mailbox.room().held()),
        }
    }

    fn of_quarantined(&self, state: &State, id: PartitionId) -> Listed {
        let (table, range, epoch) = match state.desired.gone.get(&id) {
            Some(Gone::Quarantined { was, .. }) => {
                (Some(was.table.clone()), Some(was.range.clone()), was.epoch)
            }
            Some(Gone::Erased) | None => (None, None, Epoch::default()),
        };
        let applied = self.stores.applied(id).unwrap_or_default();
        // One that cannot be erased says why.
        let undone = state.undone.get(&id).cloned();
        let state = undone.map_or(ListedState::Quarantined, ListedState::Failed);
        Listed { id, table, range, epoch, state, applied, own: 0, under_way: (0, 0) }
    }
}
