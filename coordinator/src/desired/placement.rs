//! Where a partition's replicas are, and who the others are.

use super::{Desired, Refused};
use model::{DiskId, NodeId, ReplicaId, ReplicaSet};
use std::collections::{BTreeMap, BTreeSet};

/// A node of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSpec {
    /// The disk that it runs on: another one under its name is not it.
    pub disk: DiskId,
    /// Where other nodes reach it, `host:port`.
    pub peers: String,
    /// Where clients reach it, `host:port`.
    pub data: String,
}

/// On which nodes a partition is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Who has begun: each of them has nothing, and votes.
    pub founding: ReplicaSet,
    /// Who is to make it up by now.
    pub wanted: ReplicaSet,
    /// Who was to before, and may be needed until the group has let go of them.
    pub leaving: BTreeMap<ReplicaId, NodeId>,
}

impl Placement {
    /// As it begins.
    pub fn of(founding: ReplicaSet) -> Placement {
        Placement { wanted: founding.clone(), founding, leaving: BTreeMap::new() }
    }

    /// The replica that is on a node.
    pub fn on(&self, node: NodeId) -> Option<ReplicaId> {
        let leaves = || self.leaving.iter().find(|(_, at)| **at == node).map(|(replica, _)| *replica);
        self.wanted.on(node).or_else(leaves)
    }

    /// These are to make it up from now on; whoever is not among them stays until the
    /// group has settled on that.
    pub fn want(&mut self, seats: BTreeMap<ReplicaId, NodeId>) {
        let before = std::mem::replace(&mut self.wanted.seats, seats);
        self.wanted.generation += 1;
        self.leaving.extend(before);
        self.leaving.retain(|replica, _| !self.wanted.seats.contains_key(replica));
    }

    /// The group has settled on these, as a wish of this generation had it, or a later
    /// one: whoever is in neither may go.
    pub fn settled(&mut self, generation: u64, members: &BTreeSet<ReplicaId>) {
        if generation >= self.wanted.generation {
            self.leaving.retain(|replica, _| members.contains(replica));
        }
    }
}

impl Desired {
    /// Where a new partition goes: on the nodes that have the fewest. `None` where this
    /// node is all there is.
    pub(super) fn place(&self, replicas: usize) -> Result<Option<Placement>, Refused> {
        if self.nodes.is_empty() && replicas == 1 {
            return Ok(None);
        }
        if self.nodes.len() < replicas {
            return Err(Refused::TooFewNodes { replicas, nodes: self.nodes.len().max(1) });
        }
        let mut load: BTreeMap<NodeId, usize> = self.nodes.keys().map(|node| (*node, 0)).collect();
        let placed = self.partitions.values().filter_map(|spec| spec.placement.as_ref());
        for node in placed.flat_map(|placement| placement.wanted.seats.values()) {
            load.entry(*node).and_modify(|load| *load += 1);
        }
        let by_load: BTreeSet<(usize, NodeId)> = load.into_iter().map(|(node, load)| (load, node)).collect();
        let nodes = by_load.into_iter().take(replicas).map(|(_, node)| node);
        let seats = (1..).map(ReplicaId).zip(nodes).collect();
        Ok(Some(Placement::of(ReplicaSet { generation: 1, seats })))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{TableName, TableSpec, equal_ranges};
    use super::*;
    use model::Layout;
    use pipeline::{Profile, ReplicationChoice};

    fn desired(nodes: u64, replicas: u8) -> (Desired, TableName) {
        let node = |id| NodeSpec { disk: DiskId(id), peers: format!("n{id}:2"), data: format!("n{id}:0") };
        let nodes = (1..=nodes).map(|id| (NodeId(id), node(u128::from(id)))).collect();
        let mut desired = Desired { nodes, ..Desired::default() };
        let replication = ReplicationChoice::Raft(replicas);
        let profile = Profile { replication, ..Profile::DURABLE };
        let table = TableName::new("default", "t").expect("a name");
        let spec = TableSpec { layout: Layout::Hashed, machine: "kv".into(), profile };
        desired.create_table(table.clone(), spec).expect("new");
        (desired, table)
    }

    #[test]
    fn replicas_are_spread_over_nodes_and_each_has_a_node_of_its_own() {
        let (mut desired, table) = desired(5, 3);
        for range in equal_ranges(10) {
            desired.add_partition(&table, range, None).expect("free");
        }
        let mut load: BTreeMap<NodeId, usize> = BTreeMap::new();
        for spec in desired.partitions.values() {
            let placement = spec.placement.as_ref().expect("placed");
            let nodes: BTreeSet<NodeId> = placement.wanted.seats.values().copied().collect();
            assert_eq!((nodes.len(), &placement.founding), (3, &placement.wanted));
            nodes.into_iter().for_each(|node| *load.entry(node).or_default() += 1);
        }
        assert_eq!(load.into_values().collect::<Vec<_>>(), [6; 5]);
    }

    #[test]
    fn who_is_not_wanted_any_more_stays_until_the_group_has_settled() {
        let seats = |all: &[u64]| all.iter().map(|id| (ReplicaId(*id), NodeId(*id))).collect();
        let members = |all: &[u64]| all.iter().map(|id| ReplicaId(*id)).collect();
        let mut placement = Placement::of(ReplicaSet { generation: 1, seats: seats(&[1, 2, 3]) });
        placement.want(seats(&[2, 3, 4]));
        placement.want(seats(&[2, 4, 5]));
        assert_eq!((placement.wanted.generation, &placement.leaving), (3, &seats(&[1, 3])));
        assert_eq!([1, 2, 6].map(|node| placement.on(NodeId(node)).is_some()), [true, true, false]);
        placement.settled(2, &members(&[2, 3, 4]));
        assert_eq!(placement.leaving.len(), 2, "an earlier wish");
        placement.settled(3, &members(&[2, 3, 4, 5]));
        assert_eq!(placement.leaving, seats(&[3]), "it listens still");
        placement.settled(3, &members(&[2, 4, 5]));
        assert!(placement.leaving.is_empty());
        assert_eq!(placement.founding.seats.len(), 3);
    }

    #[test]
    fn more_replicas_than_nodes_are_refused() {
        for (nodes, replicas, there) in [(0, 3, 1), (2, 3, 2), (3, 5, 3)] {
            let (mut desired, table) = desired(nodes, replicas);
            let refused = desired.add_partition(&table, equal_ranges(1).remove(0), None);
            let replicas = usize::from(replicas);
            assert_eq!(refused, Err(Refused::TooFewNodes { replicas, nodes: there }));
        }
        let (mut desired, table) = desired(0, 1);
        let id = desired.add_partition(&table, equal_ranges(1).remove(0), None).expect("it is here");
        assert_eq!(desired.partitions[&id].placement, None);
    }
}
