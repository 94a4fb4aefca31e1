//! What a start finds of what was acknowledged before it, position by position.

use crate::world::{MEMORY, World, key, powered_off};
use model::{Index, Position, code};
use partition_mgr::past::Unseen;
use wal::SyncPolicy;

/// Where an answer of now stands.
fn put(world: &World) -> Position {
    let done = world.put("t", "k", "v").expect("written");
    Position { partition: done.partition, boot: world.node().boot(), index: done.last_index() }
}

fn judged(world: &World, position: Position) -> Result<(), Unseen> {
    world.handle("t", &key("k")).expect("served").has_seen(position)
}

fn is_lost(world: &World, position: Position) -> bool {
    judged(world, position).is_err_and(|unseen| unseen.code() == code::TOKEN_LOST)
}

#[test]
fn what_an_unsynced_log_lost_is_told_from_what_took_its_place() {
    let mut world = World::simulated();
    // Nothing is synced by time while the test runs.
    world.sync = SyncPolicy::Every(60_000);
    world.restart();
    world.table("t", MEMORY);
    let kept = put(&world);
    world.restart();
    let kept_too = put(&world);
    // The end of a node syncs what came before.
    world.restart();
    let lost: Vec<Position> = (0..5).map(|_| put(&world)).collect();
    let disk = powered_off(&world);
    world.start_on(disk);
    let stands: Index = world.handle("t", &key("k")).expect("served").published.applied();
    assert_eq!(stands, kept_too.index, "the five are gone");
    for position in [kept, kept_too] {
        assert_eq!(judged(&world, position), Ok(()), "{position:?}");
    }
    assert!(lost.iter().all(|position| is_lost(&world, *position)));
    for _ in 0..7 {
        put(&world);
    }
    assert!(lost.iter().all(|position| is_lost(&world, *position)), "others have their indexes");
    // It stays so.
    let later = put(&world);
    world.restart();
    world.restart();
    assert!(lost.iter().all(|position| is_lost(&world, *position)));
    for position in [kept, kept_too, later] {
        assert_eq!(judged(&world, position), Ok(()), "{position:?}");
    }
}

#[test]
fn a_copy_from_before_knows_nothing_of_what_came_after() {
    let mut world = World::simulated();
    world.table("t", MEMORY);
    let before = put(&world);
    world.restart();
    let copy = world.disk().after_process_death();
    let boot = world.node().boot();
    world.restart();
    let after = put(&world);
    world.start_on(copy);
    assert_eq!(judged(&world, before), Ok(()));
    let foreign = Unseen::Foreign { partition: after.partition, boot: after.boot };
    assert_eq!(judged(&world, after), Err(foreign));
    assert_eq!(judged(&world, Position { boot, ..before }), Ok(()));
    assert_ne!(world.node().boot(), after.boot);
}

#[test]
fn without_its_file_earlier_boots_are_strange_and_nothing_else_changes() {
    let mut world = World::simulated();
    world.table("t", MEMORY);
    let before = put(&world);
    let path = world.dir.path().join("data/BOOTS");
    for damage in [0, 30] {
        let disk = world.disk().after_process_death();
        disk.rot(&path, damage, |bytes| bytes[0] ^= 1);
        world.start_on(disk);
        assert!(judged(&world, before).is_err_and(|unseen| unseen.code() == code::TOKEN_FOREIGN));
        let now = put(&world);
        assert_eq!(judged(&world, now), Ok(()));
        assert!(world.get("t", "k").is_some());
    }
}
