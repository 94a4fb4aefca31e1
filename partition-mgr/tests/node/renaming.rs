//! A new name for a table: nothing else changes, and no crash leaves it with two
//! names or with none.

use crate::crashes::crashes;
use crate::world::{MEMORY, World, key, name};
use bytes::Bytes;
use machine::{Change, KvCommand};
use model::command::{Command, encode_commands};
use model::{Limits, OpId, code};
use partition_mgr::ListedState::Serving;
use pipeline::{Profile, Reply};

const OP: OpId = OpId { client: 0x0190_0000_0000_7000_8000_0000_0000_0001, sequence: 1 };

#[test]
fn a_renamed_table_serves_on_under_its_new_name_alone() {
    let mut world = World::new();
    let ids = world.table("t", Profile::DURABLE);
    world.put_as("t", "k", "v", OP).expect("written");
    let id = world.handle("t", &key("k")).expect("served").id;
    world.node().rename_table(&name("t"), name("u")).expect("free");
    for _ in 0..2 {
        assert_eq!(world.handle("t", &key("k")).err(), Some("no table".to_owned()));
        assert_eq!(world.get("u", "k"), Some((1, "v".to_owned())));
        let again = world.put_as("u", "k", "x", OP).expect("answered");
        assert!(matches!(again.reply(0), Reply::Before(_)), "its retry table is what it was: {again:?}");
        assert_eq!(world.node().list().iter().map(|one| one.id).collect::<Vec<_>>(), ids);
        world.restart();
    }
    // What was on its way when the name changed is written all the same.
    let world = World::new();
    world.table("t", Profile::DURABLE);
    let change = Change::upsert(key("k"), Bytes::from("late"));
    let payload = encode_commands(&[Command::plain(KvCommand::One(change).encode())]);
    let on_its_way = world.handle("t", &key("k")).expect("served");
    world.node().rename_table(&name("t"), name("u")).expect("free");
    assert!(on_its_way.published.is_serving());
    let done = World::ask_of(&on_its_way, payload).expect("written");
    assert_eq!((done.first_index, done.partition), (1, id));
    assert_eq!(world.get("u", "k"), Some((1, "late".to_owned())));
}

#[test]
fn an_old_name_is_free_and_a_taken_one_is_refused() {
    let world = World::simulated();
    world.table("t", MEMORY);
    world.table("other", MEMORY);
    world.put("t", "k", "v").expect("written");
    let taken = world.node().rename_table(&name("t"), name("other")).expect_err("it is taken");
    assert_eq!(taken.code(), code::TABLE_EXISTS);
    world.node().rename_table(&name("t"), name("u")).expect("free");
    let gone = world.node().rename_table(&name("t"), name("x")).expect_err("it is not called that");
    assert_eq!(gone.code(), code::NO_TABLE);
    world.table("t", MEMORY);
    assert_eq!((world.get("t", "k"), world.get("u", "k")), (None, Some((1, "v".to_owned()))));
    // Two names change places over a third.
    for (from, to) in [("t", "spare"), ("u", "t"), ("spare", "u")] {
        world.node().rename_table(&name(from), name(to)).expect("free");
    }
    assert_eq!((world.get("u", "k"), world.get("t", "k")), (None, Some((1, "v".to_owned()))));
}

#[test]
fn a_crash_leaves_one_name_or_the_other() {
    let limits = Limits { log_segment_bytes: 1 << 20, ..Limits::default() };
    let mut world = World::simulated_within(limits);
    world.table("t", MEMORY);
    world.put("t", "k", "v").expect("written");
    let disk = world.disk().clone();
    let left = crashes(&disk, || world.node().rename_table(&name("t"), name("u")).expect("free"));
    let (mut before, mut after) = (0, 0);
    for disk in left {
        world.start_on(disk);
        assert!(world.states().len() == 4 && world.states().iter().all(|(_, state)| *state == Serving));
        let names: Vec<String> =
            world.node().directory().current().tables().map(|table| table.name.to_string()).collect();
        let [only] = &names[..] else { panic!("{names:?}") };
        assert_eq!(world.get(only, "k"), Some((1, "v".to_owned())), "{only}");
        *if only == "t" { &mut before } else { &mut after } += 1;
    }
    assert!(before > 0 && after > 0, "{before} before, {after} after");
}
