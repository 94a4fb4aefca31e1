//! Who makes up the cluster, and how that changes.

use super::{Desired, NodeSpec, Placement, Refused, TableName, TableSpec};
use model::{DiskId, KeyRange, Layout, NodeId, PartitionId, ReplicaId, ReplicaSet};
use pipeline::{LogChoice, Profile, ReplicationChoice, StoreChoice};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// Tables of this namespace are the cluster's own.
pub const OWN_NAMESPACE: &str = "statehouse";
/// The table in which the desired state itself is kept.
const CATALOG: &str = "catalog";
/// More nodes than these do not make it safer, and every change slower.
const CATALOG_REPLICAS_MAX: usize = 5;

impl Desired {
    /// This node by itself is a cluster from now on, which others may join: what is
    /// here is on this node, and there is a table for the desired state itself.
    pub fn form(&mut self, own: NodeId, spec: NodeSpec) -> Result<(), Refused> {
        if !self.nodes.is_empty() {
            return Ok(());
        }
        check_addresses(&spec)?;
        // Each node would give them up by itself, and count that.
        self.give_up_copies();
        self.nodes.insert(own, spec);
        self.last_node = own.0;
        let alone = || Placement::of(ReplicaSet { generation: 1, seats: [(ReplicaId(1), own)].into() });
        for spec in self.partitions.values_mut().filter(|spec| spec.placement.is_none()) {
            spec.placement = Some(alone());
        }
        let (table, spec) = (catalog(), catalog_spec(1));
        self.create_table(table.clone(), spec)?;
        self.add_partition(&table, KeyRange::all(), None).map(drop)
    }

    /// The partition of the table in which this is kept, where there is a cluster.
    pub fn catalog_partition(&self) -> Option<PartitionId> {
        if self.nodes.is_empty() {
            return None;
        }
        self.of_table(&catalog()).map(|(id, _)| id).next()
    }

    /// A node on this disk belongs to the cluster from now on; whoever asks again is the
    /// node that he was.
    pub fn join(&mut self, spec: NodeSpec) -> Result<NodeId, Refused> {
        if self.nodes.is_empty() {
            return Err(Refused::NoCluster);
        }
        check_addresses(&spec)?;
        if let Some(known) = self.node_on(spec.disk) {
            self.moved(known, spec)?;
            return Ok(known);
        }
        if let Some((other, _)) = self.nodes.iter().find(|(_, other)| other.peers == spec.peers) {
            return Err(Refused::AddressTaken { address: spec.peers, node: *other });
        }
        self.last_node += 1;
        let id = NodeId(self.last_node);
        self.nodes.insert(id, spec);
        self.version += 1;
        Ok(id)
    }

    /// A node is reached there from now on.
    pub fn moved(&mut self, node: NodeId, spec: NodeSpec) -> Result<(), Refused> {
        check_addresses(&spec)?;
        match self.nodes.get_mut(&node).filter(|known| known.disk == spec.disk) {
            None => Err(Refused::NoNode(node)),
            Some(known) if *known == spec => Ok(()),
            Some(known) => {
                *known = spec;
                self.version += 1;
                Ok(())
            }
        }
    }

    /// The group of a partition has settled on these, as a wish of this generation had
    /// it: who is not among them is needed no longer.
    pub fn settle(&mut self, id: PartitionId, generation: u64, members: &BTreeSet<ReplicaId>) {
        let placement = self.partitions.get_mut(&id).and_then(|spec| spec.placement.as_mut());
        let Some(placement) = placement else { return };
        let before = placement.leaving.len();
        placement.settled(generation, members);
        if placement.leaving.len() != before {
            self.version += 1;
        }
    }

    /// As many nodes keep this state as make it safest: an odd number of them. One is
    /// added only while it is there, and its seat goes to another one that is if it has
    /// gone before the group has settled: until it has, nobody new has a vote.
    pub fn staff_catalog(&mut self, there: &BTreeSet<NodeId>, settled: &BTreeSet<ReplicaId>) {
        let placement = self.catalog_partition().and_then(|id| self.partitions.get(&id)?.placement.clone());
        let Some(placement) = placement else { return };
        let (kept, absent): (BTreeMap<_, _>, BTreeMap<_, _>) = (placement.wanted.seats.iter())
            .map(|(replica, node)| (*replica, *node))
            .partition(|(replica, node)| settled.contains(replica) || there.contains(node));
        let taken: BTreeSet<NodeId> = kept.values().chain(placement.leaving.values()).copied().collect();
        let free = self.nodes.keys().filter(|node| there.contains(node) && !taken.contains(node));
        let free: Vec<NodeId> =
            free.filter(|node| !absent.values().any(|gone| gone == *node)).copied().collect();
        let most = (kept.len() + free.len()).min(CATALOG_REPLICAS_MAX);
        let count = if most.is_multiple_of(2) { most.saturating_sub(1) } else { most };
        let next = placement.wanted.seats.keys().chain(placement.leaving.keys()).map(|id| id.0).max();
        let seats = (next.unwrap_or(0) + 1..).map(ReplicaId).zip(free);
        let mut wanted = kept;
        let missing = count.saturating_sub(wanted.len());
        wanted.extend(seats.take(missing));
        // Fewer than were meant are no better than those who may come back.
        let is_better = wanted.len() > placement.wanted.seats.len()
            || (wanted.len() == placement.wanted.seats.len() && wanted != placement.wanted.seats);
        if is_better {
            self.reseat_catalog(wanted);
        }
    }

    fn reseat_catalog(&mut self, wanted: BTreeMap<ReplicaId, NodeId>) {
        let replicas = u8::try_from(wanted.len()).unwrap_or(u8::MAX);
        let placement =
            self.catalog_partition().and_then(|id| self.partitions.get_mut(&id)?.placement.as_mut());
        let Some(placement) = placement else { return };
        placement.want(wanted);
        self.tables.insert(catalog(), catalog_spec(replicas));
        self.version += 1;
    }

    fn node_on(&self, disk: DiskId) -> Option<NodeId> {
        self.nodes.iter().find(|(_, spec)| spec.disk == disk).map(|(id, _)| *id)
    }

    /// As every node may know it: without what each knows of itself alone.
    #[must_use]
    pub fn shared(mut self) -> Desired {
        self.partitions.values_mut().for_each(|spec| spec.born = false);
        for gone in self.gone.values_mut() {
            if let super::Gone::Quarantined { was, .. } = gone {
                was.born = false;
            }
        }
        self
    }
}

/// The table of the desired state.
fn catalog() -> TableName {
    TableName::new(OWN_NAMESPACE, CATALOG).expect("a name")
}

/// In memory and in the log, so that every build can serve it.
fn catalog_spec(replicas: u8) -> TableSpec {
    TableSpec { layout: Layout::Ordered, machine: "kv".to_owned(), profile: catalog_profile(replicas) }
}

/// What it asks of the nodes that keep it.
pub fn catalog_profile(replicas: u8) -> Profile {
    let replication = ReplicationChoice::Raft(replicas);
    Profile { replication, ..Profile::new(StoreChoice::Memory, LogChoice::Local) }
}

/// They stand in lines, by words.
fn check_addresses(spec: &NodeSpec) -> Result<(), Refused> {
    for address in [&spec.peers, &spec.data] {
        let is_one = address
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0));
        // Whoever takes that for an address finds himself.
        let anywhere = address.parse::<SocketAddr>().is_ok_and(|at| at.ip().is_unspecified());
        if !is_one || anywhere || address.contains(char::is_whitespace) {
            return Err(Refused::Address(address.clone()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::equal_ranges;

    fn node(disk: u128, host: &str) -> NodeSpec {
        NodeSpec { disk: DiskId(disk), peers: format!("{host}:7402"), data: format!("{host}:7400") }
    }

    fn formed() -> Desired {
        let mut desired = Desired::default();
        let table = TableName::new("default", "t").expect("a name");
        let spec = TableSpec { layout: Layout::Hashed, machine: "kv".into(), profile: Profile::DURABLE };
        desired.create_table(table.clone(), spec).expect("new");
        for range in equal_ranges(2) {
            desired.add_partition(&table, range, None).expect("free");
        }
        desired.form(NodeId(1), node(1, "a")).expect("it is one");
        desired
    }

    fn seats_of_catalog(desired: &Desired) -> Vec<u64> {
        let id = desired.catalog_partition().expect("there");
        desired.partitions[&id].nodes().into_iter().map(|node| node.0).collect()
    }

    #[test]
    fn what_was_on_the_first_node_stays_there() {
        let mut desired = formed();
        assert!(desired.partitions.values().all(|spec| spec.nodes() == [NodeId(1)]));
        assert_eq!((desired.partitions.len(), seats_of_catalog(&desired)), (3, vec![1]));
        let before = desired.clone();
        desired.form(NodeId(1), node(1, "a")).expect("it is one already");
        assert_eq!(desired, before);
    }

    #[test]
    fn who_joins_again_is_who_he_was() {
        let mut desired = formed();
        assert_eq!(desired.join(node(2, "b")), Ok(NodeId(2)));
        assert_eq!(desired.join(node(3, "c")), Ok(NodeId(3)));
        let version = desired.version;
        assert_eq!((desired.join(node(2, "b")), desired.version), (Ok(NodeId(2)), version));
        assert_eq!(desired.join(node(2, "d")), Ok(NodeId(2)));
        assert_eq!((&desired.nodes[&NodeId(2)], desired.version), (&node(2, "d"), version + 1));
        let taken = Refused::AddressTaken { address: "c:7402".into(), node: NodeId(3) };
        assert_eq!(desired.join(node(4, "c")), Err(taken));
        for nowhere in ["", "a b", "a:0", "0.0.0.0:7402", "[::]:7402"] {
            let spec = NodeSpec { peers: nowhere.into(), ..node(9, "x") };
            assert_eq!(desired.join(spec), Err(Refused::Address(nowhere.into())));
        }
        assert_eq!(Desired::default().join(node(1, "a")), Err(Refused::NoCluster));
        assert_eq!(desired.moved(NodeId(3), node(8, "c")), Err(Refused::NoNode(NodeId(3))), "another disk");
    }

    fn nodes(all: std::ops::RangeInclusive<u64>) -> BTreeSet<NodeId> {
        all.map(NodeId).collect()
    }

    fn settled(desired: &Desired) -> BTreeSet<ReplicaId> {
        let id = desired.catalog_partition().expect("there");
        let placement = desired.partitions[&id].placement.as_ref().expect("placed");
        placement.wanted.seats.keys().copied().collect()
    }

    #[test]
    fn an_odd_number_of_nodes_keeps_the_catalog() {
        let mut desired = formed();
        let mut expected = vec![1];
        for disk in 2..=7_u64 {
            desired.join(node(u128::from(disk), &format!("n{disk}"))).expect("another one");
            desired.staff_catalog(&nodes(1..=disk), &settled(&desired));
            if [3, 5].contains(&disk) {
                expected.extend([disk - 1, disk]);
            }
            assert_eq!(seats_of_catalog(&desired), expected, "of {disk} nodes");
        }
        let version = desired.version;
        desired.staff_catalog(&nodes(1..=1), &settled(&desired));
        assert_eq!(desired.version, version, "who is away may come back");
    }

    #[test]
    fn who_never_came_gives_way_to_who_is_there() {
        let mut desired = formed();
        let first = settled(&desired);
        for disk in 2..=3_u64 {
            desired.join(node(u128::from(disk), &format!("n{disk}"))).expect("another one");
        }
        desired.staff_catalog(&nodes(1..=1), &first);
        assert_eq!(seats_of_catalog(&desired), [1], "nobody else is there");
        desired.staff_catalog(&nodes(1..=3), &first);
        assert_eq!(seats_of_catalog(&desired), [1, 2, 3]);
        desired.join(node(4, "n4")).expect("another one");
        let version = desired.version;
        desired.staff_catalog(&[1, 3].map(NodeId).into(), &first);
        assert_eq!(desired.version, version, "nobody could take its place");
        desired.staff_catalog(&[1, 3, 4].map(NodeId).into(), &first);
        assert_eq!(seats_of_catalog(&desired), [1, 3, 4]);
        desired.staff_catalog(&[1, 2].map(NodeId).into(), &settled(&desired));
        assert_eq!(seats_of_catalog(&desired), [1, 3, 4], "they have settled");
    }
}
