//! Erasing: whatever happens in between, a tombstone ends with no rows and with
//! a log that knows nothing of them.

use crate::crashes::crashes;
use crate::world::{MEMORY, World, key};
use env::Files;
use env::sim::{Fault, OpKind, SimDisk};
use model::{Limits, PartitionId, code};
use partition_mgr::ListedState::{Failed, Quarantined, Serving};
use std::path::{Path, PathBuf};

/// A world with four partitions, the one of key `k` quarantined.
fn quarantined() -> (World, PartitionId) {
    // Every change is a checkpoint, and news for the log.
    let limits = Limits { log_segment_bytes: 1 << 20, checkpoint_bytes: 1, ..Limits::default() };
    let world = World::simulated_within(limits);
    world.table("t", MEMORY);
    world.put("t", "k", "v").expect("written");
    let id = world.handle("t", &key("k")).expect("served").id;
    world.node().remove_partition("default", id, None).expect("there");
    (world, id)
}

fn rows_of(world: &World, id: PartitionId) -> PathBuf {
    world.dir.path().join(format!("data/checkpoints/{id}.rows"))
}

/// Rows whose end nobody told the log.
fn lose_rows(world: &World, disk: &SimDisk, id: PartitionId) {
    let rows = rows_of(world, id);
    disk.unlink(&rows).expect("it was there");
    disk.sync_dir(rows.parent().expect("a directory")).expect("synced");
}

#[test]
fn a_crash_brings_nothing_back_and_leaves_the_log_to_nobody() {
    let (mut world, id) = quarantined();
    let disk = world.disk().clone();
    let left = crashes(&disk, || world.node().erase("default", id, false).expect("quarantined"));
    let (mut stays, mut gone) = (0, 0);
    for disk in left {
        world.start_on(disk);
        match world.states().iter().find(|(listed, _)| *listed == id.0) {
            Some((_, state)) => {
                assert_eq!(*state, Quarantined);
                stays += 1;
            }
            None => {
                assert!(!world.log_knows(id));
                gone += 1;
            }
        }
        assert_eq!(world.states().iter().filter(|(_, state)| *state == Serving).count(), 3);
    }
    assert!(stays > 2 && gone > 2, "{stays} before, {gone} after");
}

#[test]
fn what_the_log_alone_knows_is_listed_and_can_be_erased() {
    for is_listed in [true, false] {
        let (mut world, id) = quarantined();
        world.node.take().expect("it runs").stop();
        let disk = world.disk().after_process_death();
        lose_rows(&world, &disk, id);
        if !is_listed {
            disk.unlink(&world.dir.path().join("data/DESIRED")).expect("it was there");
        }
        world.start_on(disk);
        let found = world.node().list().into_iter().find(|one| one.id == id).expect("listed");
        assert_eq!((found.state, found.table.is_some(), found.applied), (Quarantined, is_listed, 0));
        assert!(world.log_knows(id));
        world.node().erase("default", id, false).expect("quarantined");
        assert!(!world.log_knows(id));
        assert!(world.states().iter().all(|(listed, _)| *listed != id.0));
    }
}

#[test]
fn a_tombstone_whose_rows_are_gone_is_carried_out_in_the_log() {
    let (mut world, id) = quarantined();
    let before = world.disk().after_process_death();
    world.node().erase("default", id, false).expect("quarantined");
    world.node.take().expect("it runs").stop();
    let list = world.dir.path().join("data/DESIRED");
    let list_bytes = env::files::read_all(&*world.disk().open_read(&list).expect("there")).expect("read");
    lose_rows(&world, &before, id);
    env::files::replace(&before, list.parent().expect("a directory"), "DESIRED", &list_bytes).expect("put");
    world.start_on(before);
    assert!(!world.log_knows(id));
}

#[test]
fn what_cannot_be_erased_says_why_and_is_erased_later() {
    let (world, id) = quarantined();
    let rows = rows_of(&world, id);
    let is_hit = move |kind, path: &Path| kind == OpKind::Unlink && path == rows;
    world.disk().set_faults(move |kind, path| is_hit(kind, path).then_some(Fault::Eio));
    let undone = world.node().erase("default", id, false).expect_err("the disk refuses");
    assert_eq!(undone.code(), code::STORE_IO, "{undone}");
    // Told to forget it, the log must not hear of it again.
    world.node().keep_house();
    assert!(!world.log_knows(id));
    let state = world.states().into_iter().find(|(listed, _)| *listed == id.0).expect("listed").1;
    assert!(matches!(&state, Failed(why) if why.starts_with("SH1201")), "{state:?}");
    assert_eq!(
        world.node().erase("default", id, false).map_err(|error| error.code()),
        Err(code::STORE_IO),
        "asked again"
    );
    world.table("other", MEMORY);
    world.disk().clear_faults();
    world.node().keep_house();
    assert!(world.states().iter().all(|(listed, state)| *listed != id.0 && *state == Serving));
    assert!(!world.log_knows(id));
}

#[test]
fn a_quarantined_partition_is_read_when_its_table_is_gone() {
    let mut world = World::simulated();
    let ids = world.table("t", MEMORY);
    world.put("t", "k", "v").expect("written");
    let id = world.handle("t", &key("k")).expect("served").id;
    ids.iter().for_each(|id| world.node().remove_partition("default", *id, None).expect("there"));
    world.node().drop_table(&crate::world::name("t"), false).expect("empty");
    // Its checkpoint is empty; the log has the rest.
    world.restart();
    let found = world.node().list().into_iter().find(|one| one.id == id).expect("listed");
    assert_eq!((found.state, found.applied), (Quarantined, 1));
    assert_eq!(found.table, Some(crate::world::name("t")));
}
