//! Making partitions: what fails with one keeps no other waiting, nobody is
//! served before it is written down, and nothing old is taken for new.

use crate::world::{MEMORY, World, all, key, name};
use coordinator::TableSpec;
use env::sim::{Fault, OpKind, SimDisk};
use env::{Files, Rng};
use model::{Layout, PartitionId, code};
use partition_mgr::ListedState::{Failed, Quarantined, Serving};
use std::path::Path;

fn spec() -> TableSpec {
    TableSpec { layout: Layout::Hashed, machine: "kv".into(), profile: MEMORY }
}

fn list_of(world: &World, disk: &SimDisk) -> String {
    let list = disk.open_read(&world.dir.path().join("data/DESIRED")).expect("there");
    String::from_utf8(env::files::read_all(&*list).expect("readable")).expect("text")
}

/// Goes wrong at this operation on a path that ends so, after as many others.
fn fail(world: &World, kind: OpKind, end: &'static str, mut after: usize) {
    world.disk().set_faults(move |done, path: &Path| {
        let is_meant = done == kind && path.ends_with(end);
        let now = is_meant && after == 0;
        after -= usize::from(is_meant && after > 0);
        now.then_some(Fault::Eio)
    });
}

#[test]
fn one_that_cannot_be_made_keeps_no_other_from_being_served() {
    let mut world = World::simulated();
    fail(&world, OpKind::Create, "checkpoints/2.rows.new", 0);
    let undone = world.node().create_table(name("t"), spec(), 4).expect_err("the disk refuses");
    assert_eq!(undone.code(), code::STORE_IO, "{undone}");
    for _ in 0..2 {
        let failed: Vec<_> = world.states().into_iter().filter(|(_, state)| *state != Serving).collect();
        assert!(matches!(&failed[..], [(2, Failed(why))] if why.starts_with("SH1201")), "{failed:?}");
        for row in 0..20 {
            let key = format!("key {row}");
            match world.handle("t", &crate::world::key(&key)) {
                Ok(_) => drop(world.put("t", &key, "v").expect("written")),
                Err(why) => assert!(why.starts_with("SH1201"), "{why}"),
            }
        }
        // A node starts with it, too.
        world.restart();
    }
    world.node().add_partition(&name("t"), all(), None).expect_err("the range is taken");
    world.table("other", MEMORY);
    world.disk().clear_faults();
    world.node().keep_house();
    assert!(world.states().iter().all(|(_, state)| *state == Serving));
}

#[test]
fn nobody_is_served_before_it_is_written_down_that_it_was_made() {
    let world = World::simulated();
    // The first list says what is wanted, the second that it was made.
    fail(&world, OpKind::Rename, "DESIRED", 1);
    let undone = world.node().create_table(name("t"), spec(), 2).expect_err("the disk refuses");
    assert_eq!(undone.code(), code::DIRECTORY_IO, "{undone}");
    world.node().keep_house();
    let states = world.states();
    let all_failed =
        states.iter().all(|(_, state)| matches!(state, Failed(why) if why.starts_with("SH1011")));
    assert!(states.len() == 2 && all_failed, "{states:?}");
    assert!(world.handle("t", &key("k")).is_err());
    world.disk().clear_faults();
    world.node().keep_house();
    world.put("t", "k", "v").expect("written");
    assert!(!list_of(&world, world.disk()).contains("unborn"));
}

#[test]
fn what_was_made_before_a_crash_and_not_written_down_is_so_before_it_is_served() {
    let mut world = World::simulated();
    fail(&world, OpKind::Rename, "DESIRED", 1);
    world.node().create_table(name("t"), spec(), 2).expect_err("the disk refuses");
    let left = world.disk().after_process_death();
    assert!(list_of(&world, &left).contains("unborn"));
    world.start_on(left);
    assert!(world.states().iter().all(|(_, state)| *state == Serving));
    assert!(!list_of(&world, world.disk()).contains("unborn"));
}

#[test]
fn a_list_that_may_not_stay_is_put_back_before_anything_else_is_changed() {
    let mut world = World::simulated();
    world.table("kept", MEMORY);
    fail(&world, OpKind::SyncDir, "data", 0);
    for _ in 0..2 {
        let unsure = world.node().create_table(name("t"), spec(), 2).expect_err("the disk refuses");
        assert_eq!(unsure.code(), code::DESIRED_UNSURE, "{unsure}");
        assert_eq!(world.states().len(), 4, "what is served is as it was");
    }
    world.disk().clear_faults();
    world.node().keep_house();
    assert!(!list_of(&world, world.disk()).contains(" t "), "what is there is what is served");
    let mut after = None;
    world.disk().pending().each_image(&mut Rng::from_seed(1).stream("images"), |image| {
        after.get_or_insert(image);
    });
    world.start_on(SimDisk::from_image(after.expect("an image")));
    assert_eq!(world.states().len(), 4, "and after a power loss, too");
    world.node().create_table(name("t"), spec(), 2).expect("the disk works");
    assert_eq!(world.states().len(), 6);
}

#[test]
fn an_id_that_lies_here_is_nobody_else_s() {
    let mut world = World::simulated();
    let ids = world.table("t", MEMORY);
    world.put("t", "k", "old").expect("written");
    world.node.take().expect("it runs").stop();
    let disk = world.disk().after_process_death();
    disk.unlink(&world.dir.path().join("data/DESIRED")).expect("it was there");
    world.start_on(disk);
    world.node().create_table(name("t"), spec(), 1).expect("nobody knows the old one");
    let ranges = world.node().remove_range(&name("t"), &all(), true, None).expect("all of it");
    assert_eq!(ranges, [PartitionId(5)], "a new id");
    for id in ids {
        let refused = world.node().add_partition(&name("t"), all(), Some(id)).expect_err("it lies here");
        assert_eq!(refused.code(), code::ID_IN_USE, "{refused}");
        world.node().erase("default", id, false).expect("nobody knows it");
        let refused = world.node().add_partition(&name("t"), all(), Some(id)).expect_err("it lay here");
        assert_eq!(refused.code(), code::ID_IN_USE, "{refused}");
    }
    assert_eq!(world.states(), [(5, Quarantined)]);
}
