//! A store refuses a batch whole; the partitions in it stand for themselves.

use crate::world::World;
use model::{Limits, PartitionId, code};
use partition_mgr::shard::{Effects, Message, Order, Report};
use pipeline::LogChoice;
use statestore::Part;

fn failed(effects: &Effects) -> Vec<u64> {
    let failed = effects.reports.iter().filter_map(|report| match report {
        Report::Failed(id, why) => Some((id.0, why)),
        _ => None,
    });
    failed.inspect(|(_, why)| assert!(why.starts_with("SH1205"), "{why}")).map(|(id, _)| id).collect()
}

#[test]
fn one_bad_part_costs_its_own_partition_only() {
    for log in [LogChoice::None, LogChoice::Store] {
        let mut world = World::new(&Limits::default());
        let open = [1, 2, 3].map(|id| Message::Order(Order::Open(Box::new(world.partition(id, log)))));
        world.step(open.into());
        // Behind the partition's back: what it does next is no continuation.
        let strange = Part { partition: PartitionId(2), first_index: 1, count: 1, mutations: Vec::new() };
        world.store.apply(&[strange]).expect("the first one");
        let requests = [1, 2, 3].map(|id| world.request(id, id, 2, false));
        let mut effects = world.step(requests.into());
        if log == LogChoice::Store {
            assert_eq!(effects.stores.len(), 1, "one batch");
            let job = effects.stores.pop().expect("just counted");
            effects = world.step(vec![Message::Stored(job.run())]);
        }
        assert_eq!(world.answers(), [(1, Ok(())), (2, Err(code::UNKNOWN_OUTCOME)), (3, Ok(()))], "{log}");
        assert_eq!(failed(&effects), [2], "{log}");
        let applied = [1, 2, 3].map(|id| world.store.applied(PartitionId(id)).expect("held"));
        assert_eq!(applied, [2, 1, 2], "{log}");
    }
}
