//! Tables dropped with all that is in them, and brought back.

use crate::crashes::crashes;
use crate::world::{MEMORY, World, key, name, profile};
use model::{Epoch, Limits, OpId, PartitionId, code};
use partition_mgr::ListedState::{Quarantined, Serving};
use pipeline::{LogChoice, Profile, Reply, StoreChoice};

const OP: OpId = OpId { client: 0x0190_0000_0000_7000_8000_0000_0000_0001, sequence: 1 };
const WEEK_MS: u64 = 7 * 86_400_000;

fn profiles() -> [(&'static str, Profile); 4] {
    [
        ("rocks-local", profile(StoreChoice::Rocks, LogChoice::Local)),
        ("memory-local", profile(StoreChoice::Memory, LogChoice::Local)),
        ("rocks-store", profile(StoreChoice::Rocks, LogChoice::Store)),
        ("memory-none", profile(StoreChoice::Memory, LogChoice::None)),
    ]
}

#[test]
fn a_dropped_table_comes_back_with_its_rows_revisions_and_retries() {
    for restarts in [false, true] {
        let mut world = World::new();
        for (table, profile) in profiles() {
            world.table(table, profile);
            world.put_as(table, "k", "first", OP).expect("written");
            world.put(table, "k", "v").expect("written");
            let dropped = world.node().drop_table(&name(table), true).expect("there").expect("it had some");
            assert_eq!((dropped.partitions.len(), &dropped.table), (4, &name(table)));
            assert!((WEEK_MS - 60_000..=WEEK_MS).contains(&dropped.left_ms), "{}", dropped.left_ms);
            assert_eq!(world.handle(table, &key("k")).err(), Some("no table".to_owned()));
        }
        if restarts {
            world.restart();
        }
        assert!(world.states().len() == 16 && world.states().iter().all(|(_, state)| *state == Quarantined));
        assert_eq!(world.node().dropped().len(), 4);
        for (table, _) in profiles() {
            world.node().undrop_table(&name(table), None, name(table)).expect("kept");
            assert_eq!(world.get(table, "k"), Some((2, "v".to_owned())), "{table}");
            let again = world.put_as(table, "k", "x", OP).expect("answered");
            assert!(matches!(again.reply(0), Reply::Before(_)), "{table}: {again:?}");
            assert_eq!(again.epoch, Epoch { generation: 2, term: 0 }, "{table}");
            assert_eq!(world.put(table, "k", "w").expect("written").first_index, 4, "{table}");
        }
        world.restart();
        for (table, _) in profiles() {
            assert_eq!(world.get(table, "k"), Some((4, "w".to_owned())), "{table}");
        }
        assert_eq!(world.node().dropped().len(), 0);
    }
}

#[test]
fn who_knew_it_before_reads_nothing_of_it() {
    let world = World::simulated();
    world.table("t", MEMORY);
    let before = world.handle("t", &key("k")).expect("served");
    world.node().drop_table(&name("t"), true).expect("there");
    assert!(!before.published.is_serving());
    world.node().undrop_table(&name("t"), None, name("u")).expect("kept");
    assert!(!before.published.is_serving(), "and not after it came back, either");
    assert!(world.handle("u", &key("k")).expect("served").published.is_serving());
}

#[test]
fn what_is_kept_is_not_erased_by_mistake_and_what_is_erased_does_not_come_back() {
    let mut world = World::simulated();
    let ids = world.table("t", MEMORY);
    world.node().drop_table(&name("t"), true).expect("there");
    let kept = world.node().erase("default", ids[0], false).expect_err("its time is not over");
    assert_eq!(kept.code(), code::DROP_KEPT, "{kept}");
    assert!(world.states().iter().all(|(_, state)| *state == Quarantined));
    world.node().erase("default", ids[0], true).expect("it is said");
    let gone = world.node().undrop_table(&name("t"), None, name("t")).expect_err("not all of it");
    assert_eq!(gone.code(), code::DROP_INCOMPLETE, "{gone}");
    assert_eq!(world.node().dropped()[0].erased, [ids[0]]);
    // When its time is over nothing happens, but that nobody has to say it.
    world.limits.dropped_kept_ms = 0;
    world.restart();
    assert_eq!((world.node().dropped()[0].left_ms, world.states().len()), (0, 3));
    ids[1..].iter().for_each(|id| world.node().erase("default", *id, false).expect("its time is over"));
    assert_eq!((world.node().dropped().len(), world.states().len()), (0, 0));
    let gone = world.node().undrop_table(&name("t"), None, name("t")).expect_err("nothing of it");
    assert_eq!(gone.code(), code::NOT_DROPPED, "{gone}");
}

#[test]
fn a_crash_leaves_a_table_or_what_can_be_brought_back() {
    let mut world = World::simulated_within(Limits { log_segment_bytes: 1 << 20, ..Limits::default() });
    world.table("t", MEMORY);
    world.put("t", "k", "v").expect("written");
    let disk = world.disk().clone();
    let mut left = crashes(&disk, || drop(world.node().drop_table(&name("t"), true).expect("there")));
    left.extend(crashes(&disk, || {
        world.node().undrop_table(&name("t"), None, name("t")).expect("kept");
    }));
    let (mut there, mut dropped) = (0, 0);
    for disk in left {
        world.start_on(disk);
        let states = world.states();
        assert_eq!(states.len(), 4);
        if world.node().dropped().is_empty() {
            assert!(states.iter().all(|(_, state)| *state == Serving), "{states:?}");
            there += 1;
        } else {
            assert!(states.iter().all(|(_, state)| *state == Quarantined), "{states:?}");
            world.node().undrop_table(&name("t"), None, name("t")).expect("kept");
            dropped += 1;
        }
        assert_eq!(world.get("t", "k"), Some((1, "v".to_owned())));
    }
    assert!(there > 1 && dropped > 1, "{there} there, {dropped} dropped");
}

#[test]
fn what_belongs_to_another_namespace_is_not_there() {
    let world = World::simulated();
    let ids = world.table("t", MEMORY);
    let foreign = world.node().remove_partition("other", ids[0], None).expect_err("not theirs");
    assert_eq!(foreign.code(), code::NO_PARTITION);
    world.node().remove_partition("default", ids[0], None).expect("ours");
    let foreign = world.node().erase("other", ids[0], true).expect_err("not theirs");
    let nobody = world.node().erase("other", PartitionId(77), true).expect_err("nobody's");
    assert_eq!((foreign.code(), nobody.code()), (code::NOT_QUARANTINED, code::NOT_QUARANTINED));
    world.node().erase("default", ids[0], false).expect("ours, and of no dropped table");
}
