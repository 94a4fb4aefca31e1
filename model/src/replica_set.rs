//! Who makes up a partition's group.

use crate::{NodeId, ReplicaId};
use std::collections::BTreeMap;

/// Replicas, and on which nodes they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplicaSet {
    /// Rises with each wish who is to make up the group. A group that has begun to
    /// follow one follows no earlier one: so whoever is not in the group and not in the
    /// latest wish that it follows never comes to be in it, and may be deleted.
    pub generation: u64,
    /// Each votes. Without any: nothing is wanted.
    pub seats: BTreeMap<ReplicaId, NodeId>,
}

impl ReplicaSet {
    /// The replica on this node; one at most is.
    pub fn on(&self, node: NodeId) -> Option<ReplicaId> {
        self.seats.iter().find(|(_, at)| **at == node).map(|(replica, _)| *replica)
    }
}
