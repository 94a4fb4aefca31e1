//! A round has two halves, so that the log never waits for a shard that applies.

use crate::world::World;
use model::{Limits, PartitionId};
use partition_mgr::shard::{LogOutcome, Message, Order};
use pipeline::LogChoice;

fn opened(partitions: u64) -> World {
    let mut world = World::new(&Limits::default());
    let open = |id| Message::Order(Order::Open(Box::new(world.partition(id, LogChoice::Local))));
    let orders: Vec<Message> = (1..=partitions).map(open).collect();
    world.step(orders);
    world
}

#[test]
fn the_log_gets_its_part_before_anything_is_applied() {
    let mut world = opened(2);
    let request = world.request(1, 1, 1, false);
    let ticket = world.step(vec![request]).log[0].ticket;
    let next = world.request(2, 2, 1, false);
    let effects =
        world.shard.take_in(&*world.clock, &mut vec![Message::Log(ticket, LogOutcome::Durable), next]);
    assert_eq!(effects.log.len(), 1, "the second request is on its way");
    assert_eq!(world.store.applied(PartitionId(1)).expect("held"), 0, "and the first not applied yet");
    world.shard.move_on(&*world.clock);
    assert_eq!(world.answers(), [(1, Ok(()))]);
}

#[test]
fn a_round_that_applied_much_comes_back_for_the_rest() {
    let mut world = opened(3);
    let requests = (1..=3).map(|id| world.request(id, id, 1100, false)).collect();
    let ticket = world.step(requests).log[0].ticket;
    world.step(vec![Message::Log(ticket, LogOutcome::Durable)]);
    assert_eq!(world.answers(), [(1, Ok(())), (2, Ok(()))]);
    assert!(world.shard.is_behind(), "nobody else would wake it");
    world.step(Vec::new());
    assert_eq!(world.answers(), [(3, Ok(()))]);
    assert!(!world.shard.is_behind());
}
