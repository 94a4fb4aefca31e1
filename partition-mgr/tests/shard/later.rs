//! What a store cannot take now it takes later; nobody is stopped for it.

use crate::reluctant::Mood;
use crate::world::World;
use model::{Limits, PartitionId, code};
use partition_mgr::shard::{Effects, Message, Order, Report};
use pipeline::LogChoice;

/// A shard with two partitions, each with a request that its store did not take.
fn waiting(log: LogChoice, mood: Mood) -> World {
    let mut world = World::new(&Limits::default());
    let open = [1, 2].map(|id| Message::Order(Order::Open(Box::new(world.partition(id, log)))));
    world.step(open.into());
    world.reluctant.set(mood);
    let requests = [1, 2].map(|id| world.request(id, id, 2, false));
    let effects = world.step(requests.into());
    store(&mut world, effects);
    assert!(world.answers().is_empty() && world.shard.wakes_at().is_some(), "{log}");
    world
}

/// What the journal's thread would do, until it has nothing to do.
fn store(world: &mut World, mut effects: Effects) -> Effects {
    while !effects.stores.is_empty() {
        let jobs = effects.stores.into_iter().map(|job| Message::Stored(job.run()));
        effects = world.step(jobs.collect());
    }
    effects
}

#[test]
fn a_batch_is_tried_again_until_the_store_takes_it() {
    for (mood, wait_ms) in [(Mood::Busy, 5), (Mood::Full, 500)] {
        for log in [LogChoice::None, LogChoice::Store] {
            let mut world = waiting(log, mood);
            for _ in 0..3 {
                world.clock.advance_ms(wait_ms - 1);
                assert!(world.step(vec![world.request(1, 3, 1, false)]).stores.is_empty(), "too soon");
                world.clock.advance_ms(1);
                let effects = world.step(Vec::new());
                store(&mut world, effects);
                assert!(world.answers().is_empty(), "{log}");
            }
            world.reluctant.set(Mood::Willing);
            world.clock.advance_ms(wait_ms);
            while world.answered() < 5 {
                let effects = world.step(Vec::new());
                store(&mut world, effects);
            }
            let answers = world.answers();
            assert_eq!(answers.len(), 5, "{log}");
            assert!(answers.iter().all(|(_, answer)| answer.is_ok()), "{log}");
            let applied = [1, 2].map(|id| world.store.applied(PartitionId(id)).expect("held"));
            assert_eq!((applied, world.shard.wakes_at()), ([5, 2], None), "once, in order: {log}");
        }
    }
}

#[test]
fn who_is_to_end_does_not_wait_for_the_store() {
    for log in [LogChoice::None, LogChoice::Store] {
        let mut world = waiting(log, Mood::Full);
        world.step(vec![Message::Order(Order::Close(PartitionId(1)))]);
        world.clock.advance_ms(500);
        let effects = world.step(Vec::new());
        let effects = store(&mut world, effects);
        let ended = |report: &Report| matches!(report, Report::Failed(id, _) if id.0 == 1);
        assert!(effects.reports.iter().any(ended), "{log}");
        assert_eq!(world.answers(), [(1, Err(code::UNKNOWN_OUTCOME))], "{log}");
        world.reluctant.set(Mood::Willing);
        world.clock.advance_ms(500);
        let effects = world.step(Vec::new());
        store(&mut world, effects);
        assert_eq!(world.answers(), [(2, Ok(()))], "{log}");
    }
}
