//! Copies of tables: of one index each, made while the source serves, whole or
//! not there.

use crate::crashes::crashes;
use crate::world::{MEMORY, World, key, name, profile};
use env::sim::{Fault, OpKind};
use model::{Limits, OpId, PartitionId, code};
use partition_mgr::ListedState::Serving;
use pipeline::{LogChoice, Profile, Reply, StoreChoice};
use std::path::Path;

const OP: OpId = OpId { client: 0x0190_0000_0000_7000_8000_0000_0000_0001, sequence: 1 };

fn profiles() -> [(&'static str, Profile); 5] {
    [
        ("rocks-local", profile(StoreChoice::Rocks, LogChoice::Local)),
        ("memory-local", profile(StoreChoice::Memory, LogChoice::Local)),
        ("rocks-store", profile(StoreChoice::Rocks, LogChoice::Store)),
        ("rocks-none", profile(StoreChoice::Rocks, LogChoice::None)),
        ("memory-none", profile(StoreChoice::Memory, LogChoice::None)),
    ]
}

#[test]
fn a_copy_has_the_rows_goes_on_behind_them_and_knows_no_operations() {
    let mut world = World::new();
    for (table, profile) in profiles() {
        let copy = format!("{table}-copy");
        world.table(table, profile);
        for row in 0..20 {
            world.put(table, &format!("key {row}"), "v").expect("written");
        }
        world.put_as(table, "k", "first", OP).expect("written");
        let last = world.put(table, "k", "source").expect("written").first_index;
        let source = world.handle(table, &key("k")).expect("served").id;
        let copied = world.node().copy_table(&name(table), name(&copy)).expect("copied");
        let one = copied.iter().find(|one| one.source == source).expect("all four");
        assert_eq!((copied.len(), one.applied), (4, last), "{table}");
        for row in 0..20 {
            let key = format!("key {row}");
            assert_eq!(world.get(&copy, &key), world.get(table, &key), "{table}");
        }
        assert_eq!(world.get(&copy, "k"), Some((last, "source".to_owned())), "{table}");
        // The same name is another operation there.
        let done = world.put_as(&copy, "k", "copy", OP).expect("done");
        assert_eq!((done.first_index, done.reply(0).is_plain()), (last + 1, true), "{table}: {done:?}");
        let again = world.put_as(table, "k", "again", OP).expect("answered");
        assert!(matches!(again.reply(0), Reply::Before(_)), "{table}: {again:?}");
    }
    for _ in 0..2 {
        for (table, _) in profiles() {
            let copy = format!("{table}-copy");
            assert_eq!(world.get(table, "k").map(|(_, value)| value), Some("source".to_owned()), "{table}");
            assert_eq!(world.get(&copy, "k").map(|(_, value)| value), Some("copy".to_owned()), "{table}");
            assert_eq!(world.get(&copy, "key 3").map(|(_, value)| value), Some("v".to_owned()), "{table}");
        }
        assert!(world.states().iter().all(|(_, state)| *state == Serving));
        world.restart();
    }
}

#[test]
fn a_crash_leaves_all_of_a_copy_or_nothing() {
    // Every change is a checkpoint, so that the copy is news for the log, too.
    let limits = Limits { log_segment_bytes: 1 << 20, checkpoint_bytes: 1, ..Limits::default() };
    let mut world = World::simulated_within(limits);
    world.table("t", MEMORY);
    world.put("t", "k", "v").expect("written");
    let disk = world.disk().clone();
    let left = crashes(&disk, || {
        world.node().copy_table(&name("t"), name("u")).expect("copied");
    });
    let (mut nothing, mut whole) = (0, 0);
    for disk in left {
        world.start_on(disk);
        let states = world.states();
        assert!(states.iter().all(|(_, state)| *state == Serving), "{states:?}");
        assert_eq!(world.get("t", "k"), Some((1, "v".to_owned())));
        if world.handle("u", &key("k")).is_ok() {
            assert_eq!((states.len(), world.get("u", "k")), (8, Some((1, "v".to_owned()))));
            whole += 1;
            continue;
        }
        assert_eq!(states.len(), 4);
        assert!((5..=8).all(|id| !world.log_knows(PartitionId(id))));
        nothing += 1;
        let copied = world.node().copy_table(&name("t"), name("u")).expect("copied");
        assert_eq!(world.get("u", "k"), Some((1, "v".to_owned())));
        assert!(copied.iter().all(|one| one.id.0 > 4));
    }
    assert!(nothing > 2 && whole > 0, "{nothing} without it, {whole} with it");
}

#[test]
fn a_copy_that_fails_leaves_nothing_and_its_ids_are_not_used_again() {
    let mut world = World::simulated();
    world.table("t", MEMORY);
    world.put("t", "k", "v").expect("written");
    let is_hit = |kind, path: &Path| kind == OpKind::Create && path.ends_with("checkpoints/7.rows.new");
    world.disk().set_faults(move |kind, path| is_hit(kind, path).then_some(Fault::Eio));
    let failed = world.node().copy_table(&name("t"), name("u")).expect_err("the disk refuses");
    assert_eq!(failed.code(), code::STORE_IO, "{failed}");
    for _ in 0..2 {
        assert_eq!(world.handle("u", &key("k")).err(), Some("no table".to_owned()));
        assert!(world.states().len() == 4 && world.states().iter().all(|(_, state)| *state == Serving));
        world.disk().clear_faults();
        world.restart();
    }
    let copied = world.node().copy_table(&name("t"), name("u")).expect("copied");
    assert_eq!(copied.iter().map(|one| one.id.0).collect::<Vec<_>>(), [9, 10, 11, 12]);
    assert_eq!(world.get("u", "k"), Some((1, "v".to_owned())));
}

#[test]
fn what_is_not_served_is_not_copied() {
    let world = World::simulated();
    world.table("t", MEMORY);
    world.break_partition("t", "k");
    let refused = world.node().copy_table(&name("t"), name("u")).expect_err("a part of it is not served");
    assert_eq!(refused.code(), code::PARTITION_FAILED, "{refused}");
    assert_eq!(world.states().len(), 4);
    world.table("u", MEMORY);
}
