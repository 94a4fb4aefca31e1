//! What is printed of directories that are well, or have harmless damage.

use crate::world::{ONE, TWO, World};
use expect_test::expect;
use statestore::Store;

/// Partition 1 in memory with a checkpoint at 2, partition 2 in RocksDB.
pub fn served() -> World {
    let world = World::new();
    world.write(&[&[(ONE, 1, 2)]]);
    let (memory, rocks) = (world.memory(), world.rocks());
    memory.create(&[ONE], 0).expect("created");
    rocks.create(&[TWO], 0).expect("created");
    world.replay(&memory);
    memory.flush(&[ONE]).expect("flushed");
    drop((memory, rocks));
    world.write(&[&[(ONE, 3, 1), (TWO, 1, 1)], &[(ONE, 4, 3)], &[(TWO, 2, 1)]]);
    world
}

#[test]
fn a_directory_that_is_well() {
    let said = served().doctor(&[]);
    expect![[r#"
        directory DIR
          cluster          CLUSTER
          node             1
          disk             DISK
          boot             4
          store instances  1
          last opened by   process PID

        segments
          ID  FILE                      BYTES  OPENED  BATCHES  RECORDS  LSN   PARTITION: INDEXES
          1   00000000000000000001.log  65536  yes     3        3        1-3   1: 1-2
          2   00000000000000000002.log  65536  yes     1        2        4-4   -
          3   00000000000000000003.log  65536  yes     6        8        5-10  1: 3-6, 2: 1-2

        stores
          PARTITION  STORE    INSTANCE  SLOT         APPLIED  FLUSHED  LOG REACHES
          2          rocksdb  0         slot-000001  0        0        2
          1          memory   -         1.rows       2        2        6

        findings
          PASS directory: FORMAT and IDENTITY are whole and every part is there
               safe: A start takes the directory for what it is.
          PASS log: 3 segments with 10 batches: all that is needed can be read
               safe: What was acknowledged is on disk.
          PASS stores: 2 partitions in the stores, each with the index it has
               safe: What a store has flushed needs no log.

        verdict: all is well (3 PASS, 0 WARN, 0 FAIL)
    "#]]
    .assert_eq(&said.out);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
}

#[test]
fn every_batch_and_record() {
    let said = served().doctor(&["-o", "wide"]);
    expect![[r#"
        directory DIR
          cluster          CLUSTER
          node             1
          disk             DISK
          boot             4
          store instances  1
          last opened by   process PID

        segments
          ID  FILE                      BYTES  OPENED  BATCHES  RECORDS  LSN   PARTITION: INDEXES
          1   00000000000000000001.log  65536  yes     3        3        1-3   1: 1-2
          2   00000000000000000002.log  65536  yes     1        2        4-4   -
          3   00000000000000000003.log  65536  yes     6        8        5-10  1: 3-6, 2: 1-2

        segment 1
          OFFSET  EXTENT  LSN  DURABLE  KIND        RECORDS  PARTITION: INDEXES
          0       4096    1    0        opening     1        -
          4096    4096    2    1        repeat      1        -
          8192    4096    3    2        data        1        1: 1-2
          12288   4096    4    3        mark, void  0        -

          LSN  PARTITION  EPOCH  INDEX  COUNT  STAMP  KIND      PAYLOAD
          1    0          0.0    0      0      0      Opening   80 bytes
          2    0          0.0    0      0      0      Opening   80 bytes
          3    1          1.0    1      2      1000   Commands  42 bytes

        segment 2
          OFFSET  EXTENT  LSN  DURABLE  KIND          RECORDS  PARTITION: INDEXES
          0       4096    4    3        opening       2        -
          4096    4096    5    4        repeat, void  2        -

          LSN  PARTITION  EPOCH  INDEX  COUNT  STAMP  KIND        PAYLOAD
          4    0          0.0    0      0      0      Opening     80 bytes
          4    1          0.0    1      0      0      Checkpoint  9 bytes
          5    0          0.0    0      0      0      Opening     80 bytes
          5    1          0.0    1      0      0      Checkpoint  9 bytes

        segment 3
          OFFSET  EXTENT  LSN  DURABLE  KIND     RECORDS  PARTITION: INDEXES
          0       4096    5    4        opening  2        -
          4096    4096    6    5        repeat   2        -
          8192    4096    7    6        data     2        1: 3-3, 2: 1-1
          12288   4096    8    7        data     1        1: 4-6
          16384   4096    9    8        data     1        2: 2-2
          20480   4096    10   9        mark     0        -

          LSN  PARTITION  EPOCH  INDEX  COUNT  STAMP  KIND        PAYLOAD
          5    0          0.0    0      0      0      Opening     80 bytes
          5    1          0.0    1      0      0      Checkpoint  9 bytes
          6    0          0.0    0      0      0      Opening     80 bytes
          6    1          0.0    1      0      0      Checkpoint  9 bytes
          7    1          1.0    3      1      3000   Commands    21 bytes
          7    2          1.0    1      1      1000   Commands    21 bytes
          8    1          1.0    4      3      4000   Commands    63 bytes
          9    2          1.0    2      1      2000   Commands    21 bytes

        stores
          PARTITION  STORE    INSTANCE  SLOT         APPLIED  FLUSHED  LOG REACHES
          2          rocksdb  0         slot-000001  0        0        2
          1          memory   -         1.rows       2        2        6

        findings
          PASS directory: FORMAT and IDENTITY are whole and every part is there
               safe: A start takes the directory for what it is.
          PASS log: 3 segments with 10 batches: all that is needed can be read
               safe: What was acknowledged is on disk.
          PASS stores: 2 partitions in the stores, each with the index it has
               safe: What a store has flushed needs no log.

        verdict: all is well (3 PASS, 0 WARN, 0 FAIL)
    "#]]
    .assert_eq(&said.out);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
}

#[test]
fn a_new_directory() {
    let said = World::new().doctor(&[]);
    expect![[r#"
        directory DIR
          cluster          CLUSTER
          node             1
          disk             DISK
          boot             1
          store instances  1
          last opened by   process PID

        segments
          none

        stores
          none

        findings
          PASS directory: FORMAT and IDENTITY are whole and every part is there
               safe: A start takes the directory for what it is.
          PASS log: it is empty; nothing has been written yet
               safe: What was acknowledged is on disk.
          PASS stores: 0 partitions in the stores, each with the index it has
               safe: What a store has flushed needs no log.

        verdict: all is well (3 PASS, 0 WARN, 0 FAIL)
    "#]]
    .assert_eq(&said.out);
    assert_eq!(said.code, 0);
}

#[test]
fn json_has_everything() {
    let said = served().doctor(&["-o", "json"]);
    let json = said.json();
    assert_eq!(json["schema"], "v1");
    assert_eq!(json["directory"]["node"], 1);
    assert_eq!(json["verdict"]["fail"], 0);
    let segments = json["segments"].as_array().expect("segments");
    let batches = segments.iter().flat_map(|segment| segment["batches"].as_array().expect("batches"));
    let records = batches.flat_map(|batch| batch["records"].as_array().expect("records"));
    let ours: Vec<String> = records
        .filter(|record| record["kind"] == "Commands")
        .map(|record| format!("{}:{}+{}", record["partition"], record["first_index"], record["count"]))
        .collect();
    assert_eq!(ours, ["1:1+2", "1:3+1", "2:1+1", "1:4+3", "2:2+1"]);
    assert_eq!(json["stores"][0]["store"], "rocksdb");
    assert_eq!(json["stores"][1]["applied"], 2);
    assert_eq!(said.code, 0);
}

#[test]
fn nothing_is_changed() {
    let world = served();
    let before = world.tree();
    for args in [&["-o", "table"], &["-o", "wide"], &["-o", "json"]] {
        world.doctor(args);
    }
    assert!(world.tree() == before, "a file was changed, made or removed");
}

#[test]
fn a_directory_in_use_is_read_and_said_to_be() {
    let world = served();
    let _open = world.open();
    let said = world.doctor(&[]);
    assert!(said.out.contains("WARN SH1001 in-use: process PID has DIR open"), "{}", said.out);
    assert_eq!(said.code, 0);
    assert_eq!(world.doctor(&["-o", "json"]).json()["directory"]["in_use"], true);
}
