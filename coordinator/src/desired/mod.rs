//! The desired state: which tables there are, which partitions, and on which nodes.
//!
//! Every change is a function from one state to the next, or to a refusal; who
//! keeps the state, a node's file or a cluster's catalog, is not its business.

mod change;
mod copying;
mod dropping;
mod lines;
mod nodes;
mod placement;
mod refused;
mod table;

pub use change::equal_ranges;
pub use copying::{CopyPart, CopyPlan};
pub use dropping::{Dropped, Due};
pub(crate) use lines::{VERSION as FORMAT, facts, of_facts};
pub use lines::{decode, encode};
pub use nodes::{OWN_NAMESPACE, catalog_profile};
pub use placement::{NodeSpec, Placement};
pub use refused::Refused;
pub use table::{TableName, TableSpec};

use model::{Epoch, KeyRange, NodeId, PartitionId};
use std::collections::BTreeMap;

/// A partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionSpec {
    /// Whose keys.
    pub table: TableName,
    /// Which keys: key bytes, or big-endian points for a hashed table.
    pub range: KeyRange,
    /// Under whom it is written.
    pub epoch: Epoch,
    /// On which nodes it is; without it: on this one, which knows of no other.
    pub placement: Option<Placement>,
    /// Its store has been made. From then on a store without it has lost it.
    pub born: bool,
}

impl PartitionSpec {
    /// Does it belong on this node?
    pub fn is_on(&self, node: NodeId) -> bool {
        self.placement.as_ref().is_none_or(|placement| placement.on(node).is_some())
    }

    /// The nodes on which it is.
    pub fn nodes(&self) -> Vec<NodeId> {
        self.placement.iter().flat_map(|placement| placement.wanted.seats.values()).copied().collect()
    }
}

/// A partition that does not belong here any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gone {
    /// Its data stays, out of service, until it is erased by name.
    Quarantined {
        /// What it was.
        was: Box<PartitionSpec>,
        /// What had been chosen for its table, which may be gone as well: without it
        /// nobody could read the partition's records.
        spec: TableSpec,
        /// When it was removed: milliseconds since 1970.
        since_ms: u64,
    },
    /// The tombstone: its data is to be deleted, and its id is never used again.
    Erased,
}

/// What should be here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desired {
    /// Rises with each change.
    pub version: u64,
    /// The largest id ever given out.
    pub last_id: u64,
    /// The largest id ever given to a node of the cluster.
    pub last_node: u64,
    /// The tables.
    pub tables: BTreeMap<TableName, TableSpec>,
    /// The partitions.
    pub partitions: BTreeMap<PartitionId, PartitionSpec>,
    /// Those that were here.
    pub gone: BTreeMap<PartitionId, Gone>,
    /// Tables that can be brought back, by the revision of their drop.
    pub dropped: BTreeMap<u64, Dropped>,
    /// Partitions of copies that are being made, and of which table they will be.
    pub copies: BTreeMap<PartitionId, TableName>,
    /// The nodes of the cluster; none where this one is all there is.
    pub nodes: BTreeMap<NodeId, NodeSpec>,
}

impl Desired {
    /// A table's partitions, by range.
    pub fn of_table<'a>(
        &'a self,
        table: &'a TableName,
    ) -> impl Iterator<Item = (PartitionId, &'a PartitionSpec)> {
        self.partitions.iter().filter(move |(_, spec)| spec.table == *table).map(|(id, spec)| (*id, spec))
    }

    /// What was chosen for the table of a partition that belongs here, or did.
    pub fn spec_of(&self, id: PartitionId) -> Option<&TableSpec> {
        match (self.partitions.get(&id), self.gone.get(&id)) {
            (Some(here), _) => self.tables.get(&here.table),
            (None, Some(Gone::Quarantined { spec, .. })) => Some(spec),
            (None, Some(Gone::Erased) | None) => None,
        }
    }

    /// Under whom a partition that belongs here, or did, is written.
    pub fn epoch_of(&self, id: PartitionId) -> Option<Epoch> {
        match (self.partitions.get(&id), self.gone.get(&id)) {
            (Some(here), _) => Some(here.epoch),
            (None, Some(Gone::Quarantined { was, .. })) => Some(was.epoch),
            (None, Some(Gone::Erased) | None) => None,
        }
    }

    /// Does the node's log hold the partition's records? Those of partitions
    /// that nobody knows are taken to be there.
    pub fn is_logged(&self, id: PartitionId) -> bool {
        self.spec_of(id).is_none_or(|spec| spec.profile.log.is_local())
    }

    /// Do replicas agree on its history?
    pub fn is_agreed(&self, id: PartitionId) -> bool {
        self.spec_of(id).is_some_and(|spec| spec.profile.replication.is_agreed())
    }
}
