//! Giving up a tail: what is refused, and that what is left goes on.

use crate::world::{ONE, TWO, World, record};
use expect_test::expect;
use model::PartitionId;
use partition::Refusal;
use statestore::{MemoryStore, Store};
use wal::Urgency;

/// Partitions 1 and 2, flushed at index 1; of 1, the batch with 4 and 5 is
/// lost. Its records end at 1, 3, 5 and 6.
fn damaged() -> World {
    let world = World::new();
    world.write(&[&[(ONE, 1, 1), (TWO, 1, 1)]]);
    let store = world.memory();
    store.create(&[ONE, TWO], 0).expect("created");
    world.replay(&store);
    store.flush(&[ONE, TWO]).expect("flushed");
    drop(store);
    world.write(&[&[(ONE, 2, 2), (TWO, 2, 1)], &[(ONE, 4, 2)], &[(ONE, 6, 1), (TWO, 3, 1)]]);
    let segment = newest(&world);
    world.rot(segment, 12288);
    world
}

fn newest(world: &World) -> u64 {
    let json = world.doctor(&["-o", "json"]).json();
    let segments = json["segments"].as_array().expect("segments");
    segments.last().expect("one")["id"].as_u64().expect("a number")
}

fn applied(store: &MemoryStore, partition: PartitionId) -> (u64, u64) {
    let sum = store.get(partition, b"\x01sum").expect("readable").expect("set");
    (store.applied(partition).expect("held"), u64::from_le_bytes(sum[..].try_into().expect("a number")))
}

fn repair(world: &World, partition: &str, after: &str, more: &[&str]) -> crate::world::Said {
    world.doctor(&[&["--repair", partition, "--accept-loss-after", after], more].concat())
}

#[test]
fn the_partition_goes_on_from_where_it_was_cut() {
    let world = damaged();
    let store = world.memory();
    let report = world.replay(&store);
    assert!(matches!(report.partitions[&ONE].refusal, Some(Refusal::Damaged(_))), "{report:?}");
    assert_eq!(report.partitions[&TWO].refusal, None);
    drop(store);

    let said = repair(&world, "1", "3", &["--yes"]);
    expect![[r#"
        repaired: partition 1 keeps what it has up to index 3; given up: indexes 4 to 6
    "#]]
    .assert_eq(&format!("{}{}", said.out, said.err));
    assert_eq!(said.code, 0);
    assert_eq!(world.doctor(&[]).code, 0);

    let store = world.memory();
    let report = world.replay(&store);
    assert_eq!(report.partitions[&ONE].refusal, None);
    assert_eq!((applied(&store, ONE), applied(&store, TWO)), ((3, 3), (3, 3)));
    drop(store);

    world.write(&[&[(ONE, 4, 1), (TWO, 4, 1)], &[(ONE, 5, 4)]]);
    let store = world.memory();
    let report = world.replay(&store);
    assert!(report.partitions.values().all(|one| one.refusal.is_none()), "{report:?}");
    assert_eq!((applied(&store, ONE), applied(&store, TWO)), ((8, 8), (4, 4)));
}

#[test]
fn what_is_not_possible_is_refused_and_changes_nothing() {
    let world = damaged();
    let before = world.tree();
    let rows = [
        ("2", "2", "partition 2: it is not damaged; there is nothing to give up"),
        ("9", "2", "partition 9: no store here holds it, so what it would keep is not known"),
        ("1", "0", "its store has index 1 already, which cannot be taken back; acceptable is from 1 to 3"),
        (
            "1",
            "2",
            "index 2 lies inside a record; the records nearest to it end at 1 and 3; acceptable is from 1 to 3",
        ),
        ("1", "4", "index 4 is not whole: 3 is the last before the loss; acceptable is from 1 to 3"),
    ];
    for (partition, after, why) in rows {
        let said = repair(&world, partition, after, &["--yes"]);
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{}", said.err);
        assert!(said.err.starts_with("error SH1109: ") && said.err.contains(why), "{}", said.err);
    }
    let said = repair(&world, "1", "3", &[]);
    assert_eq!(said.code, 2, "nobody is there to confirm");
    assert!(world.tree() == before, "a refusal changes nothing");
}

#[test]
fn a_directory_in_use_is_not_repaired() {
    let world = damaged();
    let _open = world.open();
    let said = repair(&world, "1", "3", &["--yes"]);
    assert_eq!(said.code, 3, "{}", said.err);
    assert!(said.err.starts_with("error SH1001: DIR is in use by process PID"), "{}", said.err);
}

#[test]
fn a_second_loss_can_be_given_up_too() {
    let world = damaged();
    assert_eq!(repair(&world, "1", "3", &["--yes", "-o", "json"]).json()["repaired"]["given_up_upto"], 6);
    let store = world.memory();
    world.replay(&store);
    drop(store);
    world.write(&[&[(ONE, 4, 1)], &[(ONE, 5, 1)]]);
    let segment = newest(&world);
    world.rot(segment, 12288);
    let said = world.doctor(&["-o", "json"]).json();
    assert_eq!(said["partitions"][0]["acceptable"], serde_json::json!([1, 4]));
    assert_eq!(repair(&world, "1", "4", &["--yes"]).code, 0);
    let store = world.memory();
    let report = world.replay(&store);
    assert_eq!(report.partitions[&ONE].refusal, None);
    assert_eq!(applied(&store, ONE), (4, 4));
}

#[test]
fn a_loss_that_may_be_anybody_s_is_given_up_one_by_one() {
    let world = damaged();
    // Neither the batch nor the next header can be read: nothing names whose
    // they were, until the segment is sealed.
    let segment = newest(&world);
    world.change(&world.log_file(segment), |bytes| {
        bytes[12288] ^= 1;
        bytes[16384] ^= 1;
    });
    let said = world.doctor(&["-o", "json"]).json();
    assert_eq!(said["damages"][0]["everybody"], true, "{said}");
    for partition in ["1", "2"] {
        let at = usize::from(partition == "2");
        let last = said["partitions"][at]["acceptable"][1].to_string();
        let repaired = repair(&world, partition, &last, &["--yes"]);
        assert_eq!(repaired.code, 0, "{}", repaired.err);
    }
    let store = world.memory();
    let report = world.replay(&store);
    assert!(report.partitions.values().all(|one| one.refusal.is_none()), "{report:?}");
    drop(store);
    let dir = world.open();
    let mut log = world.log(&dir);
    log.writer.step(world.env.clock.mono(), &[record((ONE, 4, 1))], Urgency::Normal).expect("goes on");
}
