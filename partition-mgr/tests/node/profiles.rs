//! What each profile keeps over an end and a start.

use crate::world::{World, key, name, profile};
use bytes::Bytes;
use coordinator::TableSpec;
use model::{Durability, Layout, code};
use pipeline::{LogChoice, Profile, Reply, StoreChoice};
use wal::SyncPolicy;

#[test]
fn every_profile_keeps_its_rows_over_an_orderly_end() {
    let profiles = [
        ("rocks-local", profile(StoreChoice::Rocks, LogChoice::Local), Durability::Local),
        ("memory-local", profile(StoreChoice::Memory, LogChoice::Local), Durability::Local),
        ("rocks-store", profile(StoreChoice::Rocks, LogChoice::Store), Durability::Local),
        ("rocks-none", profile(StoreChoice::Rocks, LogChoice::None), Durability::Memory),
        ("memory-none", profile(StoreChoice::Memory, LogChoice::None), Durability::Memory),
    ];
    let mut world = World::new();
    for (table, profile, _) in &profiles {
        world.table(table, *profile);
    }
    for round in 0..3 {
        for (table, _, durability) in &profiles {
            for row in 0..20 {
                let done = world.put(table, &format!("key {row}"), &format!("{round}/{row}"));
                assert_eq!(done.map(|done| done.durability), Ok(*durability), "{table}");
            }
            let gone = world.remove(table, "key 7").expect("removed");
            assert!(gone.replies.is_empty(), "{table}: {gone:?}");
            let missing = world.remove(table, "key 7").expect("answered");
            assert_eq!(missing.reply(0), Reply::Now(Bytes::from_static(&[1])), "{table}");
        }
        world.restart();
        for (table, ..) in &profiles {
            for row in (0..20).filter(|row| *row != 7) {
                let found = world.get(table, &format!("key {row}")).map(|(_, value)| value);
                assert_eq!(found, Some(format!("{round}/{row}")), "{table}");
            }
            assert_eq!(world.get(table, "key 7"), None, "{table}");
        }
    }
}

#[test]
fn a_revision_is_the_index_of_the_command_and_goes_on_after_a_start() {
    let mut world = World::new();
    world.table("t", Profile::DURABLE);
    let first = world.put("t", "k", "a").expect("written");
    assert_eq!(world.get("t", "k"), Some((first.first_index, "a".to_owned())));
    world.restart();
    let second = world.put("t", "k", "b").expect("written");
    assert_eq!(second.first_index, first.first_index + 1);
    assert_eq!(world.get("t", "k"), Some((second.first_index, "b".to_owned())));
}

#[test]
fn a_log_that_answers_before_it_syncs_promises_no_more_than_that() {
    let mut world = World::new();
    let declared = Profile { durability: Some(Durability::Local), ..Profile::DURABLE };
    world.table("plain", Profile::DURABLE);
    world.table("declared", declared);
    assert_eq!(world.put("plain", "k", "a").map(|done| done.durability), Ok(Durability::Local));
    world.sync = SyncPolicy::Every(5);
    world.restart();
    assert_eq!(world.put("plain", "k", "b").map(|done| done.durability), Ok(Durability::Os));
    let why = world.handle("declared", &key("k")).map(drop).expect_err("it promises more than that");
    assert!(why.contains("SH2110"), "{why}");
    let spec = TableSpec { layout: Layout::Hashed, machine: "kv".into(), profile: declared };
    let refused = world.node().create_table(name("another"), spec, 1).expect_err("the same");
    assert_eq!(refused.code(), code::PROFILE_REFUSED);
    world.sync = SyncPolicy::Each;
    world.restart();
    assert_eq!(world.put("declared", "k", "a").map(|done| done.durability), Ok(Durability::Local));
}

#[test]
fn a_table_whose_store_does_not_open_is_not_made() {
    let mut world = World::new();
    world.table("t", Profile::DURABLE);
    let place = world.dir.path().join("data/journaled");
    std::fs::write(&place, "no directory").expect("written");
    let spec = TableSpec {
        layout: Layout::Hashed,
        machine: "kv".into(),
        profile: profile(StoreChoice::Rocks, LogChoice::Store),
    };
    // What is refused anyway opens nothing.
    let taken = world.node().create_table(name("t"), spec.clone(), 1).expect_err("it is taken");
    assert_eq!(taken.code(), code::TABLE_EXISTS);
    let error = world.node().create_table(name("u"), spec.clone(), 1).expect_err("no store");
    assert!(error.to_string().starts_with("nothing changed"), "{error}");
    std::fs::remove_file(place).expect("removed");
    world.node().create_table(name("u"), spec, 1).expect("nothing is in the way, and nobody has the name");
    world.restart();
    assert!(world.put("u", "k", "a").is_ok());
}
