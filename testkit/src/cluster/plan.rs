//! What a seed decides before anything happens: sizes and speeds, and what the nodes
//! are told.

use super::host::PEERS;
use super::seat::Seat;
use crate::world::TABLE;
use crate::world::knobs::Knobs;
use coordinator::{Desired, NodeSpec, TableName, TableSpec, equal_ranges};
use env::Rng;
use model::{KeyRange, Layout};
use pipeline::{LogChoice, Profile, ReplicationChoice, StoreChoice};
use std::rc::Rc;

/// A world's, but for what several nodes cannot have, and no slower disks than
/// elections have patience for.
pub(super) fn knobs(rng: &Rng, work_ms: u64) -> Knobs {
    let knobs = Knobs::draw(rng, work_ms);
    let draws = &mut rng.stream("cluster knobs");
    Knobs {
        sync_every_ms: 0,
        tick_ms: [2, 5, 5, 10][draws.below(4) as usize],
        sync_us: [(200, 4_000), (1_000, 20_000)][draws.below(2) as usize],
        latency_ms: [(0, 2), (0, 10), (1, 30)][draws.below(3) as usize],
        // In which case a client gives up before anybody could be elected.
        patience_ms: knobs.patience_ms.max(1_000),
        requests_max: knobs.requests_max.max(64),
        users: 4,
        calm: false,
        keys: [3, 12, 50][draws.below(3) as usize],
        ..knobs
    }
}

/// What all nodes are told at first: a cluster that the first has formed and the others
/// have joined a moment ago.
pub(super) fn desired(seats: &[Rc<Seat>], knobs: &Knobs) -> Desired {
    let mut desired = Desired::default();
    for seat in seats {
        let (peers, data) = (format!("{}:{PEERS}", seat.name), format!("{}:7400", seat.name));
        let spec = NodeSpec { disk: seat.disk_id, peers, data };
        match desired.nodes.is_empty() {
            true => desired.form(seat.id(), spec).expect("a cluster"),
            false => assert_eq!(desired.join(spec), Ok(seat.id())),
        }
    }
    let name = TableName::new("default", TABLE).expect("a name");
    let replication = ReplicationChoice::Raft(3);
    let profile = Profile { replication, ..Profile::new(StoreChoice::Memory, LogChoice::LocalEach) };
    let spec = TableSpec { layout: Layout::Hashed, machine: "kv".into(), profile };
    desired.create_table(name.clone(), spec).expect("new");
    let ranges = match knobs.partitions {
        1 => vec![KeyRange::all()],
        several => equal_ranges(several),
    };
    for range in ranges {
        desired.add_partition(&name, range, None).expect("free");
    }
    desired
}
