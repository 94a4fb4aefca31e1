//! What a store cannot take now it takes later; nobody is stopped for it.

use crate::reluctant::Mood;
use crate::world::World;
use model::{Limits, PartitionId, code};
use partition_mgr::shard::{Effects, LogOutcome, Message, Order, Report};
use pipeline::LogChoice;

const LOGS: [LogChoice; 3] = [LogChoice::None, LogChoice::Store, LogChoice::Local];

/// What log and journal would do, and rounds for as long as the shard's thread
/// would make them: until everybody waits.
fn settle(world: &mut World, mut effects: Effects) -> Vec<Report> {
    let mut reports = Vec::new();
    loop {
        reports.append(&mut effects.reports);
        let stored = effects.stores.into_iter().map(|job| Message::Stored(job.run()));
        let logged = effects.log.into_iter().map(|job| Message::Log(job.ticket, LogOutcome::Durable));
        let messages: Vec<Message> = stored.chain(logged).collect();
        if messages.is_empty() && !world.shard.is_behind() {
            return reports;
        }
        effects = world.step(messages);
    }
}

/// Time passes, and the shard's thread wakes if it is to.
fn later(world: &mut World, ms: u64) -> Vec<Report> {
    world.clock.advance_ms(ms);
    assert!(world.shard.wakes_at().is_some(), "nobody else wakes it");
    let effects = world.step(Vec::new());
    settle(world, effects)
}

/// A shard with two partitions, each with a request that its store did not take.
fn waiting(log: LogChoice, mood: Mood) -> World {
    let mut world = World::new(&Limits::default());
    let open = [1, 2].map(|id| Message::Order(Order::Open(Box::new(world.partition(id, log)))));
    world.step(open.into());
    world.reluctant.set(mood);
    let requests = [1, 2].map(|id| world.request(id, id, 2, false));
    let effects = world.step(requests.into());
    settle(&mut world, effects);
    assert!(world.answers().is_empty(), "{log}");
    world
}

fn applied(world: &World) -> [u64; 2] {
    [1, 2].map(|id| world.store.applied(PartitionId(id)).expect("held"))
}

#[test]
fn a_batch_is_tried_again_until_the_store_takes_it() {
    for log in LOGS {
        let mut world = waiting(log, Mood::Busy);
        let effects = world.step(vec![world.request(1, 3, 1, false)]);
        settle(&mut world, effects);
        for _ in 0..20 {
            later(&mut world, 500);
            assert!(world.answers().is_empty(), "{log}");
        }
        world.reluctant.set(Mood::Willing);
        later(&mut world, 500);
        // Also to what came in meanwhile, without anybody waking the shard.
        assert_eq!(world.answers(), [(1, Ok(())), (2, Ok(())), (3, Ok(()))], "{log}");
        assert_eq!((applied(&world), world.shard.wakes_at()), ([3, 2], None), "once, in order: {log}");
    }
}

#[test]
fn while_its_store_is_full_a_partition_refuses_and_then_goes_on_by_itself() {
    for log in LOGS {
        let mut world = waiting(log, Mood::Full);
        let other = Message::Order(Order::Open(Box::new(world.partition(3, LogChoice::Local))));
        let effects = world.step(vec![other, world.request(1, 3, 1, false)]);
        settle(&mut world, effects);
        assert_eq!(world.answers(), [(3, Err(code::LOG_FULL))], "{log}");
        later(&mut world, 500);
        assert!(world.answers().is_empty(), "{log}");
        world.reluctant.set(Mood::Willing);
        later(&mut world, 500);
        let effects = world.step(vec![world.request(1, 4, 1, false), world.request(3, 5, 1, false)]);
        settle(&mut world, effects);
        assert_eq!(world.answers(), [1, 2, 4, 5].map(|token| (token, Ok(()))), "{log}");
    }
}

#[test]
fn who_is_to_end_does_not_wait_for_room_and_not_long_for_an_engine() {
    for (mood, waits_ms) in [(Mood::Full, 500), (Mood::Busy, 5_000)] {
        for log in LOGS {
            let mut world = waiting(log, mood);
            let effects = world.step(vec![Message::Order(Order::Close(PartitionId(1)))]);
            settle(&mut world, effects);
            let mut reports = Vec::new();
            let mut waited_ms = 0;
            while !reports.iter().any(|report| matches!(report, Report::Failed(id, _) if id.0 == 1)) {
                reports = later(&mut world, 100);
                waited_ms += 100;
            }
            assert!((waits_ms..waits_ms + 600).contains(&waited_ms), "{log}: {waited_ms}");
            assert_eq!(world.answers(), [(1, Err(code::UNKNOWN_OUTCOME))], "{log}");
            world.reluctant.set(Mood::Willing);
            later(&mut world, 500);
            assert_eq!(world.answers(), [(2, Ok(()))], "{log}");
        }
    }
}

#[test]
fn that_it_waits_is_said_of_each_partition_once_a_minute() {
    // For want of room at once, too.
    for (mood, at_once) in [(Mood::Busy, 0), (Mood::Full, 1)] {
        let mut world = World::new(&Limits::default());
        let open = Message::Order(Order::Open(Box::new(world.partition(1, LogChoice::None))));
        world.step(vec![open]);
        world.reluctant.set(mood);
        let effects = world.step(vec![world.request(1, 1, 1, false)]);
        let mut said = settle(&mut world, effects).len();
        assert_eq!(said, at_once);
        // Late each time, as a busy shard is.
        for _ in 0..260 {
            said += later(&mut world, 707).len();
        }
        assert_eq!(said, at_once + 3, "in three minutes");
    }
}
