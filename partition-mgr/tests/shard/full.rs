//! On a full disk nobody waits for room that is kept for others.

use crate::world::World;
use model::{Limits, code};
use partition_mgr::shard::{LogOutcome, Message, Order};
use pipeline::LogChoice;
use wal::Urgency;

/// A shard that has just heard of a full disk, with one request to make room.
fn full() -> World {
    let mut world = World::new(&Limits { record_commands_max: 1, ..Limits::default() });
    let open = Message::Order(Order::Open(Box::new(world.partition(1, LogChoice::Local))));
    let requests =
        [world.request(1, 1, 1, false), world.request(1, 2, 1, false), world.request(1, 3, 1, true)];
    let first = world.step([open].into_iter().chain(requests).collect());
    assert_eq!(first.log.len(), 1);
    assert_eq!((first.log[0].appends.len(), first.log[0].urgency), (1, Urgency::Normal));
    let next = world.step(vec![Message::Log(first.log[0].ticket, LogOutcome::Full)]);
    // Who waited is told; only what makes room may use the reserve.
    assert_eq!(world.answers(), [(1, Err(code::LOG_FULL)), (2, Err(code::LOG_FULL))]);
    let tried: Vec<_> = next.log.iter().map(|job| (job.appends[0].record.first_index, job.urgency)).collect();
    assert_eq!(tried, [(1, Urgency::Urgent)]);
    world.step(vec![Message::Log(next.log[0].ticket, LogOutcome::Durable)]);
    assert_eq!(world.answers(), [(3, Ok(()))]);
    world
}

#[test]
fn what_waits_is_refused_and_what_makes_room_goes_on() {
    let mut world = full();
    let refused = world.request(1, 4, 1, false);
    assert!(world.step(vec![refused]).log.is_empty());
    assert_eq!(world.answers(), [(4, Err(code::LOG_FULL))]);
    world.clock.advance_ms(501);
    let again = world.request(1, 5, 1, false);
    assert_eq!(world.step(vec![again]).log.len(), 1, "it is tried again after a while");
}

#[test]
fn a_partition_that_opens_on_a_full_disk_begins_full() {
    for (log, refused) in [(LogChoice::Local, true), (LogChoice::None, false)] {
        let mut world = full();
        let open = Message::Order(Order::Open(Box::new(world.partition(2, log))));
        let request = world.request(2, 4, 1, false);
        assert!(world.step(vec![open, request]).log.is_empty());
        let expected = if refused { Err(code::LOG_FULL) } else { Ok(()) };
        assert_eq!(world.answers(), [(4, expected)], "{log}");
    }
}
