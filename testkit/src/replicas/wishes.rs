//! Who is to make up which group: what a coordinator would say.

use super::knobs::Knobs;
use env::rng::Stream;
use model::{NodeId, PartitionId, ReplicaId, ReplicaSet};
use replication::raft::Members;
use std::collections::BTreeMap;

/// The latest wish for each partition, and what groups have said of themselves.
pub struct Wishes {
    partitions: BTreeMap<PartitionId, Wish>,
    /// Never given out twice.
    replica: u64,
}

struct Wish {
    founding: ReplicaSet,
    wanted: ReplicaSet,
    /// What was said last, and in which entry.
    settled: Option<((u64, u64), Members)>,
    /// Replicas that were deleted, and the entry that allowed it.
    gone: BTreeMap<ReplicaId, (u64, u64)>,
}

impl Wishes {
    /// Every partition on some hosts.
    pub fn new(knobs: &Knobs, draws: &mut Stream) -> Wishes {
        let mut wishes = Wishes { partitions: BTreeMap::new(), replica: 0 };
        for partition in (1..=knobs.partitions).map(PartitionId) {
            let wanted = wishes.draw(0, &BTreeMap::new(), knobs, draws);
            let wish = Wish { founding: wanted.clone(), wanted, settled: None, gone: BTreeMap::new() };
            wishes.partitions.insert(partition, wish);
        }
        wishes
    }

    /// Another set of hosts. No host has two: one that has a replica keeps it.
    fn draw(
        &mut self,
        generation: u64,
        has: &BTreeMap<NodeId, ReplicaId>,
        knobs: &Knobs,
        draws: &mut Stream,
    ) -> ReplicaSet {
        let size = [1, 3, 3, 3, 5][draws.below(5) as usize].min(knobs.hosts);
        let mut hosts: Vec<u64> = (0..knobs.hosts).collect();
        while hosts.len() as u64 > size {
            hosts.remove(draws.below(hosts.len() as u64) as usize);
        }
        let mut wanted = ReplicaSet { generation: generation + 1, seats: BTreeMap::new() };
        for node in hosts.into_iter().map(NodeId) {
            let replica = has.get(&node).copied().unwrap_or_else(|| {
                self.replica += 1;
                ReplicaId(self.replica)
            });
            wanted.seats.insert(replica, node);
        }
        wanted
    }

    /// Something else is wanted of a partition. `seated`: who has a replica.
    pub fn change(
        &mut self,
        partition: PartitionId,
        seated: BTreeMap<NodeId, ReplicaId>,
        knobs: &Knobs,
        draws: &mut Stream,
    ) -> ReplicaSet {
        let Wish { wanted, settled, .. } = &self.partitions[&partition];
        let members = settled.as_ref().map(|(_, members)| members.everybody()).unwrap_or_default();
        let mut has: BTreeMap<NodeId, ReplicaId> =
            members.iter().chain(&wanted.seats).map(|(replica, node)| (*node, *replica)).collect();
        has.extend(seated);
        let wanted = self.draw(wanted.generation, &has, knobs, draws);
        self.partitions.get_mut(&partition).expect("each has a wish").wanted = wanted.clone();
        wanted
    }

    /// What is wanted.
    pub fn wanted(&self, partition: PartitionId) -> ReplicaSet {
        self.partitions[&partition].wanted.clone()
    }

    /// What its group was made as.
    pub fn founding(&self, partition: PartitionId) -> &ReplicaSet {
        &self.partitions[&partition].founding
    }

    /// A replica says what its group is. Returns one that was deleted before, and
    /// belongs to it again.
    pub fn hears(
        &mut self,
        partition: PartitionId,
        since: (u64, u64),
        members: Members,
    ) -> Option<ReplicaId> {
        let wish = self.partitions.get_mut(&partition).expect("each has a wish");
        let everybody = members.everybody();
        let back = |(replica, when): (&ReplicaId, &(u64, u64))| {
            (everybody.contains_key(replica) && *when < since).then_some(*replica)
        };
        let back = wish.gone.iter().find_map(back);
        if wish.settled.as_ref().is_none_or(|(known, _)| *known < since) {
            wish.settled = Some((since, members));
        }
        back
    }

    /// Is the group what it is to be?
    pub fn is_fulfilled(&self, partition: PartitionId) -> bool {
        let Wish { wanted, settled, .. } = &self.partitions[&partition];
        let is_it = |members: &Members| !members.is_joint() && members.everybody() == wanted.seats;
        settled.as_ref().is_some_and(|(_, members)| is_it(members))
    }

    /// It is deleted.
    pub fn leaves(&mut self, partition: PartitionId, replica: ReplicaId) {
        let wish = self.partitions.get_mut(&partition).expect("each has a wish");
        let since = wish.settled.as_ref().map_or((0, 0), |(since, _)| *since);
        wish.gone.insert(replica, since);
    }

    /// Will this replica never be needed again?
    pub fn is_over(&self, partition: PartitionId, replica: ReplicaId) -> bool {
        let Wish { wanted, settled, .. } = &self.partitions[&partition];
        let left = |members: &Members| {
            members.generation() >= wanted.generation && !members.everybody().contains_key(&replica)
        };
        !wanted.seats.contains_key(&replica) && settled.as_ref().is_some_and(|(_, members)| left(members))
    }
}
