//! What is said of directories that are damaged, incomplete or foreign.

use crate::reading::served;
use crate::world::{ONE, TWO, World, record};
use expect_test::{Expect, expect};
use statestore::Store;
use std::fs;
use wal::{SyncPolicy, Urgency};

/// The findings alone.
fn findings(world: &World) -> (String, i32) {
    let said = world.doctor(&[]);
    let (_, findings) = said.out.split_once("findings\n").expect("findings");
    (findings.to_owned(), said.code)
}

fn check(world: &World, code: i32, expected: &Expect) {
    let (findings, exit) = findings(world);
    expected.assert_eq(&findings);
    assert_eq!(exit, code);
    let json = world.doctor(&["-o", "json"]);
    assert_eq!((json.code, json.json()["schema"].as_str()), (code, Some("v1")));
}

#[test]
fn damage_names_the_partition_and_what_can_be_accepted() {
    let world = served();
    world.rot(3, 12288);
    check(
        &world,
        1,
        &expect![[r#"
              PASS directory: FORMAT and IDENTITY are whole and every part is there
                   safe: A start takes the directory for what it is.
              PASS stores: 2 partitions in the stores, each with the index it has
                   safe: What a store has flushed needs no log.
              FAIL SH1102 damage: partition 1: indexes 4 to 6 (segment 3, offset 12288) cannot be read; its store has index 2, the log carries it to 3
                   safe: Nothing was truncated. Partitions that are not named go on; the stores keep what they had flushed.
                   next: Check the disk. Rebuild the partition from replicas or a snapshot, or give up its tail: `statehouse doctor --dir DIR --repair 1 --accept-loss-after INDEX`, INDEX from 2 to 3.

            verdict: not well; see what failed (2 PASS, 0 WARN, 1 FAIL)
        "#]],
    );
}

#[test]
fn damage_that_a_store_has_flushed_past_is_harmless() {
    let world = World::new();
    let store = world.memory();
    store.create(&[ONE], 0).expect("created");
    world.write(&[&[(ONE, 1, 2)], &[(ONE, 3, 2)]]);
    world.replay(&store);
    store.flush(&[ONE]).expect("flushed");
    world.rot(1, 8192);
    check(
        &world,
        0,
        &expect![[r#"
              PASS directory: FORMAT and IDENTITY are whole and every part is there
                   safe: A start takes the directory for what it is.
              PASS stores: 1 partition in the stores, each with the index it has
                   safe: What a store has flushed needs no log.
              PASS damage-harmless: partition 1: indexes 1 to 2 (segment 1, offset 8192) cannot be read
                   safe: Its store has flushed up to index 4 and needs none of it.

            verdict: all is well (3 PASS, 0 WARN, 0 FAIL)
        "#]],
    );
}

#[test]
fn a_torn_tail_is_no_damage_and_nothing_behind_it_counts() {
    let world = World::new();
    world.memory().create(&[ONE], 0).expect("created");
    let dir = world.open();
    let mut writer = world.log_synced(&dir, SyncPolicy::Every(60_000)).writer;
    for first in 1..=3 {
        let append = record((ONE, first, 1));
        writer.step(world.env.clock.mono(), &[append], Urgency::Normal).expect("written");
    }
    drop((writer, dir));
    world.rot(1, 12288);
    let json = world.doctor(&["-o", "json"]).json();
    assert_eq!(json["partitions"][0]["reach"], 1, "{json}");
    check(
        &world,
        0,
        &expect![[r#"
              PASS directory: FORMAT and IDENTITY are whole and every part is there
                   safe: A start takes the directory for what it is.
              PASS log: 1 segment with 3 batches: all that is needed can be read
                   safe: What was acknowledged is on disk.
              PASS torn-tail: an append to segment 1 at offset 12288 was cut off by the process's end
                   safe: It was never acknowledged; the next start drops it.
              PASS kept: 1 record behind batch 2: readable, but not proven to be on disk
                   safe: The next start keeps them, and writes them anew before it uses them.
              PASS stores: 1 partition in the stores, each with the index it has
                   safe: What a store has flushed needs no log.

            verdict: all is well (5 PASS, 0 WARN, 0 FAIL)
        "#]],
    );
}

#[test]
fn a_missing_segment_in_the_middle() {
    let world = served();
    world.write(&[&[(TWO, 3, 1)]]);
    fs::remove_file(world.log_file(3)).expect("removed");
    check(
        &world,
        1,
        &expect![[r#"
              PASS directory: FORMAT and IDENTITY are whole and every part is there
                   safe: A start takes the directory for what it is.
              FAIL SH1101 segment-missing: segment 3 is missing: there is no file DIR/log/00000000000000000003.log, and nothing says that it may be gone
                   safe: Nothing was changed. Other segments are intact; records up to the hole can be read.
                   next: Put the named file back. If it is gone for good: see below what each partition can keep.
              PASS stores: 2 partitions in the stores, each with the index it has
                   safe: What a store has flushed needs no log.
              WARN can-keep: partition 1: its store has index 2; with the records that can be read it comes to 2
                   safe: What the store has stays.
                   next: Nothing, once the missing file is back.
              FAIL SH1302 replay-gap: partition 2: it can keep what it has up to index 0; the log goes on at 3
                   safe: Nothing was applied; the store is as it was.
                   next: Rebuild the partition from replicas or a snapshot.

            verdict: not well; see what failed (2 PASS, 1 WARN, 2 FAIL)
        "#]],
    );
}

#[test]
fn a_partition_that_no_store_holds() {
    let world = World::new();
    world.write(&[&[(TWO, 1, 1)]]);
    check(
        &world,
        0,
        &expect![[r#"
              PASS directory: FORMAT and IDENTITY are whole and every part is there
                   safe: A start takes the directory for what it is.
              PASS log: 1 segment with 4 batches: all that is needed can be read
                   safe: What was acknowledged is on disk.
              PASS stores: 0 partitions in the stores, each with the index it has
                   safe: What a store has flushed needs no log.
              WARN SH1203 no-store: partition 2 has records in the log, and no store holds it
                   safe: Its records stay in the log; no segment with them goes.
                   next: If it was removed on purpose, nothing. If not, see what happened to its store.

            verdict: usable; see the warnings (3 PASS, 1 WARN, 0 FAIL)
        "#]],
    );
}

#[test]
fn a_store_that_is_ahead_of_its_log() {
    let world = World::new();
    world.write(&[&[(ONE, 1, 1)]]);
    let store = world.memory();
    store.create(&[ONE], 5).expect("created");
    check(
        &world,
        0,
        &expect![[r#"
              PASS directory: FORMAT and IDENTITY are whole and every part is there
                   safe: A start takes the directory for what it is.
              PASS log: 1 segment with 4 batches: all that is needed can be read
                   safe: What was acknowledged is on disk.
              PASS stores: 1 partition in the stores, each with the index it has
                   safe: What a store has flushed needs no log.
              WARN store-ahead: partition 1: its store has index 5, the log ends at 1
                   safe: The store has everything that was in the log, and more.
                   next: With `sync = every` nothing: the next start notes the gap. Otherwise ask who took records from the log.

            verdict: usable; see the warnings (3 PASS, 1 WARN, 0 FAIL)
        "#]],
    );
}

type Row = (fn(&World), &'static [&'static str]);

fn check_table(table: &[Row]) {
    for (breaks, expected) in table {
        let world = served();
        breaks(&world);
        let (found, code) = findings(&world);
        let lines = found.lines().map(str::trim);
        let found: Vec<&str> =
            lines.filter(|line| line.starts_with("FAIL") || line.starts_with("WARN")).collect();
        let same = found.iter().zip(*expected).all(|(found, expected)| found.starts_with(expected));
        assert!(same && found.len() == expected.len(), "expected {expected:#?}, found {found:#?}");
        assert_eq!(code, 1);
    }
}

#[test]
fn files_of_the_directory_that_are_gone_or_damaged() {
    check_table(&[
        (
            |world| fs::remove_file(world.dir.join("FORMAT")).expect("gone"),
            &["FAIL SH1002 format: DIR/FORMAT: it is missing"],
        ),
        (
            |world| fs::write(world.dir.join("FORMAT"), "x").expect("written"),
            &["FAIL SH1004 format: DIR/FORMAT: its first line is not `statehouse data directory`"],
        ),
        (
            |world| fs::remove_file(world.dir.join("IDENTITY")).expect("gone"),
            &["FAIL SH1005 identity: DIR/IDENTITY: it is missing; the log says: cluster CLUSTER, disk DISK"],
        ),
        (
            |world| fs::remove_dir_all(world.dir.join("log")).expect("gone"),
            &["FAIL SH1012 part-missing: DIR/log is missing"],
        ),
        (
            |world| {
                fs::remove_dir_all(world.dir.join("log")).expect("gone");
                fs::write(world.dir.join("log"), "").expect("written");
            },
            &["FAIL SH1010 part-unreadable: DIR/log: Not a directory"],
        ),
    ]);
}

#[test]
fn stores_that_are_damaged_or_too_many() {
    check_table(&[
        (
            |world| fs::write(world.dir.join("checkpoints/1.rows"), "x").expect("written"),
            &[
                "FAIL SH1202 store: DIR/checkpoints/1.rows is damaged: it ends inside its header",
                "WARN SH1203 no-store: partition 1 has records in the log, and no store holds it",
            ],
        ),
        (
            |world| fs::remove_file(world.dir.join("store/0/CURRENT")).expect("gone"),
            &[
                "FAIL SH1202 store: DIR/store/0 is damaged: IO error: No such file",
                "WARN SH1203 no-store: partition 2 has records in the log, and no store holds it",
            ],
        ),
        (
            |world| {
                fs::create_dir(world.dir.join("store/4")).expect("made");
                fs::write(world.dir.join("notes"), "").expect("written");
            },
            &[
                "WARN other-names: DIR also holds notes",
                "FAIL SH1202 store: DIR/store/4 is damaged: IO error: No such file",
                "FAIL SH1207 store-instances: FORMAT says 1 store instances; there are 0, 4",
            ],
        ),
    ]);
}

#[test]
fn a_directory_of_a_later_build_is_not_read() {
    let world = served();
    let body = "statehouse data directory\nversion 2\n";
    fs::write(world.dir.join("FORMAT"), format!("{body}crc32c {:08x}\n", crc32c(body.as_bytes())))
        .expect("written");
    check(
        &world,
        1,
        &expect![[r#"
          FAIL SH1003 format: DIR/FORMAT: it has version 2; this build knows version 1
               safe: Nothing was changed.
               next: Use the build that wrote it, or a later one; the message names the version found.
          WARN log-not-read: DIR/log was not read: the directory is of a build that this one does not know
               safe: Nothing was changed.
               next: See the other findings first.

        verdict: not well; see what failed (0 PASS, 1 WARN, 1 FAIL)
    "#]],
    );
}

/// CRC32C, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

#[test]
fn segments_of_others_and_of_later_builds() {
    let foreign: fn(&World) = |world| {
        let other = served();
        fs::copy(other.log_file(3), world.log_file(3)).expect("copied");
    };
    let misnamed: fn(&World) = |world| {
        fs::copy(world.log_file(3), world.log_file(9)).expect("copied");
    };
    let later: fn(&World) = |world| {
        world.change(&world.log_file(3), |bytes| {
            bytes[4] = 2;
            bytes[60] ^= 0xff;
        });
    };
    let rows = [
        (foreign, "FAIL SH1104 log: DIR/log/00000000000000000003.log belongs to cluster", 1),
        (misnamed, "WARN segment-unopened: segment 9", 0),
        (later, "FAIL SH1103 log: DIR/log/00000000000000000003.log has log format 2", 1),
    ];
    for (breaks, expected, code) in rows {
        let world = served();
        breaks(&world);
        let (found, exit) = findings(&world);
        assert!(found.matches(expected).count() == 1, "{found}");
        assert_eq!(exit, code);
    }
}

#[test]
fn bytes_of_nobody_and_an_opening_that_is_repeated_cost_nothing() {
    let world = served();
    // The opening of the sealed segment 1, which is repeated, and its rest.
    world.rot(1, 0);
    check(
        &world,
        0,
        &expect![[r#"
          PASS directory: FORMAT and IDENTITY are whole and every part is there
               safe: A start takes the directory for what it is.
          PASS log: 3 segments with 9 batches: all that is needed can be read
               safe: What was acknowledged is on disk.
          PASS damage-nobody: segment 1, offset 0: bytes that cannot be read, and nobody's
               safe: No record stood there.
          PASS stores: 2 partitions in the stores, each with the index it has
               safe: What a store has flushed needs no log.

        verdict: all is well (4 PASS, 0 WARN, 0 FAIL)
    "#]],
    );
}
