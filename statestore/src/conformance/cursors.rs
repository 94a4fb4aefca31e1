//! Cursors: pieces of one moment, in either direction, however long they take.

use super::{Check, ONE, Subject, applied, delete, key, part, put};
use crate::cursor::{Cursor, Walk};
use crate::store::Store;
use model::{KeyRange, code};
use std::ops::ControlFlow;

pub(super) const CHECKS: &[Check] = &[
    Check { name: "a cursor is in order and within its range, in both directions", run: in_order },
    Check { name: "a cursor goes on with the row at which it broke", run: goes_on },
    Check { name: "a cursor shows one moment, and says which", run: one_moment },
    Check { name: "a cursor outlives its partition", run: outlives },
    Check { name: "a long walk sees what a short one does, flushed or not", run: long },
];

const FORWARD: Walk = Walk::SHORT;
const BACKWARD: Walk = Walk { reverse: true, long: false };

fn fill(store: &dyn Store) {
    let names = ["b", "a", "ab", "c", "aa", "d"];
    store.create(&[ONE], 0).expect("created");
    store.apply(&[part(ONE, 1, names.map(|name| put(name, name)).to_vec())]).expect("applied");
}

fn range(start: &str, end: Option<&str>) -> KeyRange {
    KeyRange::new(key(start), end.map(key)).expect("not empty")
}

/// So many rows at most; then whether there are more.
fn some(cursor: &mut dyn Cursor, most: usize) -> (Vec<String>, bool) {
    let mut names = Vec::new();
    let more = cursor.visit(&mut |key, _| {
        if names.len() == most {
            return ControlFlow::Break(());
        }
        names.push(key[1..].escape_ascii().to_string());
        ControlFlow::Continue(())
    });
    (names, more.expect("visited"))
}

/// All rows, in pieces of so many.
fn in_pieces(cursor: &mut dyn Cursor, of: usize) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let (names, more) = some(cursor, of);
        assert!(names.len() == of || !more, "a piece is as long as it may be");
        all.extend(names);
        if !more {
            return all;
        }
    }
}

fn in_order(subject: &mut dyn Subject) {
    let store = subject.store();
    fill(store);
    let table = [
        (range("", None), vec!["a", "aa", "ab", "b", "c", "d"]),
        (range("a", Some("b")), vec!["a", "aa", "ab"]),
        (range("aa", Some("aa\0")), vec!["aa"]),
        (range("ac", Some("c")), vec!["b"]),
        (range("e", None), vec![]),
        (range("", Some("a")), vec![]),
    ];
    for (range, mut expected) in table {
        for walk in [FORWARD, BACKWARD] {
            for of in [1, 2, 3, 100] {
                let mut cursor = store.cursor(ONE, &range, walk).expect("opened");
                assert_eq!(in_pieces(&mut *cursor, of), expected, "{range} {walk:?} in pieces of {of}");
                assert_eq!(some(&mut *cursor, of), (vec![], false), "the end stays the end");
            }
            expected.reverse();
        }
    }
}

fn goes_on(subject: &mut dyn Subject) {
    let store = subject.store();
    fill(store);
    for (walk, first, rest) in [(FORWARD, "a", ["aa", "ab"]), (BACKWARD, "ab", ["aa", "a"])] {
        let mut cursor = store.cursor(ONE, &range("a", Some("b")), walk).expect("opened");
        for _ in 0..2 {
            assert_eq!(some(&mut *cursor, 0), (vec![], true), "nothing is passed over");
        }
        assert_eq!(some(&mut *cursor, 1), (vec![first.to_owned()], true));
        assert_eq!(in_pieces(&mut *cursor, 2), rest);
    }
}

fn one_moment(subject: &mut dyn Subject) {
    let store = subject.store();
    fill(store);
    for walk in [FORWARD, BACKWARD] {
        let before = applied(store, ONE);
        let mut cursor = store.cursor(ONE, &range("", None), walk).expect("opened");
        let mut names = Vec::new();
        for index in before + 1..=before + 6 {
            let rows = vec![put(&format!("a{index}"), "later"), delete("d"), delete("aa"), put("c", "anew")];
            store.apply(&[part(ONE, index, rows)]).expect("applied during the walk");
            store.flush(&[ONE]).expect("flushed during the walk");
            names.extend(some(&mut *cursor, 1).0);
        }
        names.sort();
        assert_eq!(names, ["a", "aa", "ab", "b", "c", "d"], "{walk:?}");
        assert_eq!((cursor.applied(), some(&mut *cursor, 1)), (before, (vec![], false)));
        // As it was.
        let gone = (1..=6).map(|add| delete(&format!("a{}", before + add)));
        let back = ["aa", "c", "d"].map(|name| put(name, name));
        store.apply(&[part(ONE, before + 7, gone.chain(back).collect())]).expect("applied");
    }
}

fn outlives(subject: &mut dyn Subject) {
    let store = subject.store();
    for walk in [FORWARD, BACKWARD, Walk { reverse: false, long: true }] {
        fill(store);
        let mut cursor = store.cursor(ONE, &range("a", Some("b")), walk).expect("opened");
        let mut names = some(&mut *cursor, 1).0;
        store.remove(ONE).expect("removed");
        let opened = store.cursor(ONE, &range("", None), walk).map(drop);
        assert_eq!(opened.map_err(|error| error.code()), Err(code::PARTITION_UNKNOWN));
        names.extend(in_pieces(&mut *cursor, 1));
        names.sort();
        assert_eq!(names, ["a", "aa", "ab"], "{walk:?}");
    }
}

const ROWS: usize = 4_000;

/// More than one block and, where there are such, than one file.
fn long(subject: &mut dyn Subject) {
    let store = subject.store();
    store.create(&[ONE], 0).expect("created");
    let names: Vec<String> = (0..ROWS).map(|number| format!("{number:06}")).collect();
    for (index, names) in names.chunks(ROWS / 4).enumerate() {
        let rows = names.iter().map(|name| put(name, vec![b'v'; 200])).collect();
        store.apply(&[part(ONE, index as u64 + 1, rows)]).expect("applied");
        if index < 3 {
            store.flush(&[ONE]).expect("flushed");
        }
    }
    for reverse in [false, true] {
        let mut expected = names[1..].to_vec();
        if reverse {
            expected.reverse();
        }
        for long in [false, true] {
            let mut cursor =
                store.cursor(ONE, &range("000001", None), Walk { reverse, long }).expect("opened");
            assert_eq!(in_pieces(&mut *cursor, 700), expected, "reverse {reverse}, long {long}");
        }
    }
}
