//! A checker that finds nothing proves nothing: histories that are wrong, and
//! what the ledger says of each.

use super::ledger::{Change, Ending, Found, Ledger, Seen};
use super::value;
use bytes::Bytes;

const KEYS: [&str; 2] = ["a", "b"];

/// What a node has: of each key the revision and the version, all in partition
/// 1, which has come to this index.
fn found(rows: [Option<(u64, u64)>; 2], index: u64) -> Found {
    let mut found = Found::default();
    found.reached.insert(1, index);
    for (key, row) in KEYS.iter().zip(rows) {
        let row = row.map(|(revision, version)| (revision, value::of(key.as_bytes(), version)));
        found.rows.insert(Bytes::from(*key), Seen { partition: 1, row });
    }
    found
}

fn applied(revision: u64) -> Ending {
    Ending::Applied { revision, not_found: false }
}

/// `a` is acknowledged at version 1 (index 5), `b` was written at 6 and removed
/// at 7. Then a batch that changes `a` twice and `b` once is under way.
fn history() -> Ledger {
    let [a, b] = KEYS.map(Bytes::from);
    let mut ledger = Ledger::of_keys([a.clone(), b.clone()]);
    let steps = [(&a, false, 5), (&b, false, 6), (&b, true, 7)];
    for (key, removes, revision) in steps {
        let change = match removes {
            true => Change { key: key.clone(), version: None },
            false => ledger.upsert(key.clone()),
        };
        let request = ledger.send(std::slice::from_ref(&change));
        ledger.answer(request, &[(change.key, applied(revision))]);
        ledger.reach(1, revision);
    }
    assert_eq!(ledger.wrongs, [""; 0]);
    let batch = [ledger.upsert(a.clone()), ledger.upsert(b), ledger.upsert(a)];
    ledger.send(&batch);
    ledger
}

#[test]
fn what_may_be_is_taken_and_what_may_not_is_named() {
    type Rows = [Option<(u64, u64)>; 2];
    let table: [(&str, Rows, u64, &str); 13] = [
        ("nothing of the batch", [Some((5, 1)), None], 7, ""),
        ("all of the batch", [Some((10, 3)), Some((9, 2))], 10, ""),
        ("all of it, and more behind", [Some((10, 3)), Some((9, 2))], 99, ""),
        ("an acknowledged row is lost", [None, None], 7, "is None"),
        ("a removed row is back", [Some((5, 1)), Some((6, 1))], 7, "is Some(1) at 6"),
        ("the batch's first change alone", [Some((8, 2)), Some((9, 2))], 10, "is Some(2) at 8"),
        ("half of the batch", [Some((10, 3)), None], 10, "in part"),
        ("the other half", [Some((5, 1)), Some((9, 2))], 10, "in part"),
        ("a version that was never sent", [Some((11, 4)), None], 11, "is Some(4)"),
        ("the row at another revision", [Some((6, 1)), None], 7, "not at 6"),
        ("a change before the last", [Some((4, 3)), Some((9, 2))], 10, "a later change at 4"),
        ("two rows of one revision", [Some((9, 3)), Some((9, 2))], 10, "shares revision 9"),
        ("history is shorter", [Some((5, 1)), None], 6, "went back from 7 to 6"),
    ];
    for (name, rows, index, expected) in table {
        let mut ledger = history();
        ledger.check(&found(rows, index));
        let wrongs = ledger.wrongs.join("\n");
        assert_eq!(wrongs.is_empty(), expected.is_empty(), "{name}: {wrongs}");
        assert!(wrongs.contains(expected), "{name}: {wrongs}");
    }
}

#[test]
fn what_was_not_there_once_will_never_be() {
    let mut ledger = history();
    ledger.check(&found([Some((5, 1)), None], 7));
    assert_eq!(ledger.wrongs, [""; 0]);
    ledger.check(&found([Some((10, 3)), Some((9, 2))], 10));
    assert_eq!(ledger.wrongs.len(), 2, "{:?}", ledger.wrongs);
}

#[test]
fn bytes_that_nobody_wrote_are_seen() {
    let mut ledger = history();
    let mut wrong = found([Some((5, 1)), None], 7);
    let (key, torn) = (Bytes::from("a"), Bytes::from("a@1:"));
    wrong.rows.insert(key, Seen { partition: 1, row: Some((5, torn)) });
    ledger.check(&wrong);
    assert!(ledger.wrongs[0].contains("nobody wrote"), "{:?}", ledger.wrongs);
}

#[test]
fn answers_are_held_against_what_is_known() {
    let table: [(bool, Ending, &str); 4] = [
        (false, applied(7), ""),
        (false, applied(6), "after 6"),
        (true, applied(7), ""),
        (true, Ending::Applied { revision: 7, not_found: true }, "not_found true"),
    ];
    for (removes, ending, expected) in table {
        let key = Bytes::from("a");
        let mut ledger = Ledger::of_keys([key.clone()]);
        let first = ledger.upsert(key.clone());
        let request = ledger.send(&[first]);
        ledger.answer(request, &[(key.clone(), applied(6))]);
        let change =
            if removes { Change { key: key.clone(), version: None } } else { ledger.upsert(key.clone()) };
        let request = ledger.send(&[change]);
        ledger.answer(request, &[(key, ending)]);
        let wrongs = ledger.wrongs.join("\n");
        assert!(wrongs.is_empty() == expected.is_empty() && wrongs.contains(expected), "{wrongs}");
    }
}
