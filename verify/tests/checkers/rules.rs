//! The rules of version order one by one: what breaks each of them, and what
//! looks alike and breaks none.

use super::scene::{Came, GET, Line, REMOVE, history, history_on, put};
use Came::{Index, Missed, None, Row, Unknown};
use verify::check::version_order;
use verify::history::History;

/// What is told, and of what.
type Case<'a> = (&'a str, &'a [&'a str], &'a [Line]);

fn decide(cases: &[Case<'_>]) {
    for (name, rules, lines) in cases {
        expect(name, &history(lines), rules);
    }
}

fn expect(name: &str, history: &History, rules: &[&str]) {
    let found = version_order(history);
    let told: Vec<&str> = found.told.iter().map(|violation| violation.rule).collect();
    assert_eq!(told, rules, "{name}\n{found}");
}

#[test]
#[rustfmt::skip] // one operation, one line: these are tables
fn a_read_is_as_new_as_what_was_told() {
    decide(&[
        ("a receipt that contradicts its row, the write still under way", &["stale"], &[
            (put(1), 1, 2, Index(1)),
            (put(2), 3, 6, Index(2)),
            (GET, 4, 5, Row(2, 1, 1)),
        ]),
        ("a receipt from before, and the row as well", &["behind", "stale"], &[
            (put(1), 1, 2, Index(1)),
            (put(2), 3, 4, Index(2)),
            (GET, 5, 6, Row(1, 1, 1)),
        ]),
        ("a row newer than its receipt", &[], &[
            (put(1), 1, 4, Index(1)),
            (GET, 2, 3, Row(0, 1, 1)),
        ]),
        ("a row is seen before any receipt names it", &[], &[
            (put(1), 1, 0, Unknown),
            (GET, 2, 3, Row(0, 1, 1)),
            (GET, 4, 5, Row(0, 1, 1)),
        ]),
        ("an unknown put that was seen and is gone", &["vanished"], &[
            (put(1), 1, 0, Unknown),
            (GET, 2, 3, Row(1, 1, 1)),
            (GET, 4, 5, None(1)),
        ]),
        ("an unknown put that comes late", &[], &[
            (put(1), 1, 0, Unknown),
            (GET, 2, 3, None(0)),
            (GET, 4, 5, Row(1, 1, 1)),
        ]),
    ]);
}

#[test]
#[rustfmt::skip] // one operation, one line: these are tables
fn no_row_has_a_reason() {
    decide(&[
        ("an unknown remove", &[], &[
            (put(1), 1, 2, Index(1)),
            (REMOVE, 3, 0, Unknown),
            (GET, 4, 5, None(2)),
        ]),
        ("an unknown remove that was begun too late", &["stale"], &[
            (put(1), 1, 2, Index(1)),
            (GET, 3, 4, None(1)),
            (REMOVE, 5, 0, Unknown),
        ]),
        ("a remove under way", &[], &[
            (put(1), 1, 2, Index(1)),
            (REMOVE, 3, 6, Index(2)),
            (GET, 4, 5, None(1)),
        ]),
        ("a known remove that was begun too late", &["stale"], &[
            (put(1), 1, 2, Index(1)),
            (GET, 3, 4, None(1)),
            (REMOVE, 5, 6, Index(2)),
        ]),
    ]);
}

#[test]
#[rustfmt::skip] // one operation, one line: these are tables
fn what_was_seen_gone_is_gone() {
    decide(&[
        ("a row that was seen gone", &["stale"], &[
            (put(1), 1, 2, Index(1)),
            (REMOVE, 3, 0, Unknown),
            (GET, 4, 5, None(1)),
            (GET, 6, 7, Row(2, 1, 1)),
        ]),
        ("gone, and gone again", &[], &[
            (put(1), 1, 2, Index(1)),
            (REMOVE, 3, 0, Unknown),
            (GET, 4, 5, None(1)),
            (GET, 6, 7, None(2)),
        ]),
        ("the index of the remove that was seen is taken", &["order"], &[
            (put(1), 1, 2, Index(1)),
            (REMOVE, 3, 0, Unknown),
            (GET, 4, 5, None(1)),
            (put(2), 6, 7, Index(2)),
        ]),
        ("the known remove that was seen comes before what is begun later", &["order"], &[
            (put(1), 1, 2, Index(1)),
            (REMOVE, 3, 8, Index(3)),
            (GET, 4, 5, None(1)),
            (put(2), 6, 7, Index(2)),
        ]),
    ]);
}

#[test]
#[rustfmt::skip] // one operation, one line: these are tables
fn indexes_follow_time() {
    decide(&[
        ("a write behind a receipt", &[], &[
            (GET, 1, 2, None(5)),
            (put(1), 3, 4, Index(6)),
        ]),
        ("a write at the index of a receipt", &["order"], &[
            (GET, 1, 2, None(5)),
            (REMOVE, 3, 4, Missed(5)),
        ]),
        ("writes that overlap, in either order", &[], &[
            (put(1), 1, 3, Index(2)),
            (put(2), 2, 4, Index(1)),
        ]),
    ]);
}

#[test]
#[rustfmt::skip] // one operation, one line: these are tables
fn what_a_remove_found_has_a_reason() {
    decide(&[
        ("an unknown remove before", &[], &[
            (put(1), 1, 2, Index(1)),
            (REMOVE, 3, 0, Unknown),
            (REMOVE, 4, 5, Missed(3)),
        ]),
        ("an unknown remove before, and no index for it", &["found"], &[
            (put(1), 1, 2, Index(1)),
            (REMOVE, 3, 0, Unknown),
            (REMOVE, 4, 5, Missed(2)),
        ]),
        ("an unknown remove that must come behind", &["found"], &[
            (put(1), 1, 2, Index(1)),
            (REMOVE, 3, 8, Missed(3)),
            (put(2), 4, 5, Index(4)),
            (REMOVE, 6, 0, Unknown),
        ]),
        ("an unknown put before", &[], &[
            (put(1), 1, 0, Unknown),
            (REMOVE, 2, 3, Index(2)),
        ]),
        ("an unknown put does not make a row go", &["found"], &[
            (put(1), 1, 2, Index(1)),
            (put(2), 3, 0, Unknown),
            (REMOVE, 4, 5, Missed(3)),
        ]),
    ]);
}

#[test]
#[rustfmt::skip] // one operation, one line: these are tables
fn items_of_a_request_follow_each_other() {
    let batch = Some(9);
    let alone = Option::None;
    expect("an unknown item between", &history_on(&[
        (0, batch, (put(1), 1, 2, Index(1))),
        (1, batch, (put(2), 1, 0, Unknown)),
        (0, batch, (put(3), 1, 3, Index(3))),
    ]), &[]);
    expect("a gap that no item explains", &history_on(&[
        (0, batch, (put(1), 1, 2, Index(1))),
        (0, batch, (put(3), 1, 3, Index(3))),
    ]), &["batch"]);
    expect("somebody else's index between", &history_on(&[
        (0, batch, (put(1), 1, 3, Index(1))),
        (1, batch, (put(2), 1, 0, Unknown)),
        (0, batch, (put(3), 1, 4, Index(3))),
        (1, alone, (put(4), 2, 5, Index(2))),
    ]), &["batch"]);
}
