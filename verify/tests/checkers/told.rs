//! What people and programs are told.

use expect_test::{Expect, expect};
use verify::check::{End, FinalRow, Last, Report, Violations, all};
use verify::history::{Call, Epoch, OpId, Outcome, Recorder, Row};

const EPOCH: Epoch = Epoch { generation: 1, term: 2 };

fn wrote(index: u64) -> Outcome {
    Outcome::Wrote { partition: 1, epoch: EPOCH, index, found: true }
}

fn read(applied: u64, row: Option<(u64, u64)>) -> Outcome {
    let row = row.map(|(revision, value)| Row { revision, value });
    Outcome::Read { partition: 1, epoch: EPOCH, applied, row }
}

fn done(recorder: &mut Recorder, user: u32, key: u32, call: Call, outcome: Outcome) -> OpId {
    let id = recorder.begin(user, key, call);
    recorder.end(id, outcome);
    id
}

/// A stale read, a write under an old epoch, and a row that is lost.
fn wrong() -> Report {
    let mut recorder = Recorder::new();
    done(&mut recorder, 1, 7, Call::Put { value: 70 }, wrote(1));
    done(&mut recorder, 1, 7, Call::Put { value: 71 }, wrote(2));
    recorder.begin(3, 7, Call::Put { value: 72 });
    done(&mut recorder, 2, 7, Call::Get, read(2, Some((1, 70))));
    let old = recorder.begin(2, 8, Call::Put { value: 80 });
    let older = Epoch { generation: 1, term: 1 };
    recorder.end(old, Outcome::Wrote { partition: 1, epoch: older, index: 3, found: false });
    done(&mut recorder, 1, 8, Call::Remove, Outcome::Refused);
    let rows = [(8, FinalRow { partition: 1, row: None })].into();
    let end = End { last: [(1, Last { index: 5, own: 0 })].into(), rows };
    all(&recorder.finish().expect("a history"), &end)
}

fn right() -> Report {
    let mut recorder = Recorder::new();
    done(&mut recorder, 1, 7, Call::Remove, Outcome::Unknown);
    done(&mut recorder, 1, 7, Call::Get, read(0, None));
    all(&recorder.finish().expect("a history"), &End::default())
}

fn check(actual: &str, expected: Expect) {
    expected.assert_eq(actual);
}

#[test]
fn people_are_told_in_words() {
    check(
        &wrong().to_string(),
        expect![[r#"
        puts 3, removes 0 (0 found a row), reads 1 (1 found a row), refused 1, unknown writes 1, unanswered reads 0
        stale: op 3 (user 2, key 7: get, saw 70 at revision 1 of partition 1, applied 2), but index 2 had to be in it, op 1 (user 1, key 7: put 71, index 2 of partition 1)
        lost: op 6 (at the end, key 8: get, saw no row in partition 1), but index 3 had to be in it and nothing removed it: op 4 (user 2, key 8: put 80, index 3 of partition 1)
        epoch: op 4 (user 2, key 8: put 80, index 3 of partition 1) is under epoch 1.1, and op 1 (user 1, key 7: put 71, index 2 of partition 1) has a lower index, under epoch 1.2
        epoch: op 4 (user 2, key 8: put 80, index 3 of partition 1) is under epoch 1.1, and op 0 (user 1, key 7: put 70, index 1 of partition 1) was answered before that was begun, under epoch 1.2
        dense: partition 1 ends at index 5: 2 of them are of no known write, and writes of unknown outcome and its own explain at most 1
        not linearizable: key 7: until op 3 (user 2, key 7: get, saw 70 at revision 1 of partition 1, applied 2) there was an order, with it there is none; look at op 0 (user 1, key 7: put 70, index 1 of partition 1), op 1 (user 1, key 7: put 71, index 2 of partition 1)
    "#]],
    );
    check(
        &right().to_string(),
        expect![[r#"
        puts 0, removes 0 (0 found a row), reads 1 (0 found a row), refused 0, unknown writes 1, unanswered reads 0
        linearizable
    "#]],
    );
}

#[test]
fn programs_are_told_in_json() {
    check(
        &serde_json::to_string_pretty(&wrong()).expect("JSON"),
        expect![[r#"
        {
          "counts": {
            "puts": 3,
            "removes": 0,
            "removes_found": 0,
            "reads": 1,
            "reads_found": 1,
            "refused": 1,
            "unknown_writes": 1,
            "unknown_reads": 0
          },
          "violations": {
            "told": [
              {
                "rule": "stale",
                "what": "op 3 (user 2, key 7: get, saw 70 at revision 1 of partition 1, applied 2), but index 2 had to be in it, op 1 (user 1, key 7: put 71, index 2 of partition 1)",
                "ops": [
                  1,
                  3
                ]
              },
              {
                "rule": "lost",
                "what": "op 6 (at the end, key 8: get, saw no row in partition 1), but index 3 had to be in it and nothing removed it: op 4 (user 2, key 8: put 80, index 3 of partition 1)",
                "ops": [
                  4,
                  6
                ]
              },
              {
                "rule": "epoch",
                "what": "op 4 (user 2, key 8: put 80, index 3 of partition 1) is under epoch 1.1, and op 1 (user 1, key 7: put 71, index 2 of partition 1) has a lower index, under epoch 1.2",
                "ops": [
                  1,
                  4
                ]
              },
              {
                "rule": "epoch",
                "what": "op 4 (user 2, key 8: put 80, index 3 of partition 1) is under epoch 1.1, and op 0 (user 1, key 7: put 70, index 1 of partition 1) was answered before that was begun, under epoch 1.2",
                "ops": [
                  0,
                  4
                ]
              },
              {
                "rule": "dense",
                "what": "partition 1 ends at index 5: 2 of them are of no known write, and writes of unknown outcome and its own explain at most 1",
                "ops": []
              }
            ],
            "found": 5
          },
          "verdict": {
            "not_linearizable": {
              "key": 7,
              "op": 3,
              "what": "until op 3 (user 2, key 7: get, saw 70 at revision 1 of partition 1, applied 2) there was an order, with it there is none; look at op 0 (user 1, key 7: put 70, index 1 of partition 1), op 1 (user 1, key 7: put 71, index 2 of partition 1)",
              "ops": [
                3,
                0,
                1
              ]
            }
          }
        }"#]],
    );
    check(
        &serde_json::to_string_pretty(&right()).expect("JSON"),
        expect![[r#"
        {
          "counts": {
            "puts": 0,
            "removes": 0,
            "removes_found": 0,
            "reads": 1,
            "reads_found": 0,
            "refused": 0,
            "unknown_writes": 1,
            "unknown_reads": 0
          },
          "violations": {
            "told": [],
            "found": 0
          },
          "verdict": "linearizable"
        }"#]],
    );
}

#[test]
fn of_many_violations_the_first_are_told() {
    let mut recorder = Recorder::new();
    for _ in 0..50 {
        done(&mut recorder, 1, 7, Call::Get, read(0, Some((1, 99))));
    }
    let Violations { told, found } = all(&recorder.finish().expect("a history"), &End::default()).violations;
    let ops: Vec<OpId> = told.iter().flat_map(|violation| violation.ops.clone()).collect();
    assert_eq!((ops, found), ((0..20).map(OpId).collect(), 50));
    let text = Violations { told, found }.to_string();
    assert!(text.ends_with("\nand 30 more\n"), "{text}");
}
