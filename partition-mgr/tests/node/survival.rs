//! What failures leave of what was answered, by choice of log. The cells of
//! `docs/guarantees.md` that no other test shows stand here.

use crate::world::{MEMORY, World, powered_off};
use model::Durability;
use pipeline::{LogChoice, Profile};
use wal::SyncPolicy;

/// Nothing is synced by time while a test runs.
const TIMED: SyncPolicy = SyncPolicy::Every(60_000);
const UNLOGGED: Profile = Profile { log: LogChoice::None, durability: Some(Durability::Memory), ..MEMORY };

const ROWS: usize = 10;

fn write(world: &World, from: usize) {
    for row in from..from + ROWS {
        world.put("t", &format!("key {row}"), "v").expect("written");
    }
}

/// A table with rows from before an orderly end, and as many from after it.
fn written(profile: Profile, sync: SyncPolicy) -> World {
    let mut world = World::simulated();
    world.sync = sync;
    world.restart();
    world.table("t", profile);
    write(&world, 0);
    world.restart();
    write(&world, ROWS);
    world
}

/// How many rows are there. They are a beginning of each partition's history.
fn rows(world: &World) -> usize {
    let is_there: Vec<bool> =
        (0..2 * ROWS).map(|row| world.get("t", &format!("key {row}")).is_some()).collect();
    assert!(is_there[..ROWS].iter().all(|there| *there), "an orderly end keeps all: {is_there:?}");
    is_there.into_iter().filter(|there| *there).count()
}

#[test]
fn a_kill_takes_what_no_log_has() {
    let table = [
        (MEMORY, SyncPolicy::Each, 2 * ROWS),
        (Profile { log: LogChoice::LocalEach, ..MEMORY }, SyncPolicy::Each, 2 * ROWS),
        (MEMORY, TIMED, 2 * ROWS),
        (Profile { log: LogChoice::LocalEvery, ..MEMORY }, TIMED, 2 * ROWS),
        (UNLOGGED, SyncPolicy::Each, ROWS),
    ];
    for (profile, sync, left) in table {
        let mut world = written(profile, sync);
        let disk = world.disk().after_process_death();
        world.start_on(disk);
        assert_eq!(rows(&world), left, "{profile:?} {sync:?}");
    }
}

#[test]
fn a_loss_of_power_takes_what_was_not_synced() {
    let table = [
        (MEMORY, SyncPolicy::Each, 2 * ROWS),
        (Profile { log: LogChoice::LocalEvery, ..MEMORY }, SyncPolicy::Each, 2 * ROWS),
        (MEMORY, TIMED, ROWS),
        (UNLOGGED, SyncPolicy::Each, ROWS),
    ];
    for (profile, sync, left) in table {
        let mut world = written(profile, sync);
        let disk = powered_off(&world);
        world.start_on(disk);
        assert_eq!(rows(&world), left, "{profile:?} {sync:?}");
    }
}
