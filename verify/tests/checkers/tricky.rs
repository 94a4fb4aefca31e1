//! Histories in which a search that takes a short cut too many goes wrong. The
//! oracle has its say on each.

use super::oracle;
use super::scene::{Came, GET, Line, REMOVE, history, put};
use Came::{Index, Missed, None, Row, Unknown};
use verify::check::{Verdict, linearizable};

#[rustfmt::skip] // one operation, one line: these are tables
const CASES: &[(&str, bool, &[Line])] = &[
    ("of two puts, the one whose reader ends first goes first", true, &[
        (put(1), 1, 10, Index(0)),
        (GET, 2, 5, Row(0, 0, 1)),
        (put(2), 3, 8, Index(0)),
        (REMOVE, 6, 7, Index(0)),
        (REMOVE, 9, 11, Index(0)),
    ]),
    ("an unknown remove is kept for whom nothing else helps", true, &[
        (REMOVE, 1, 0, Unknown),
        (put(9), 2, 0, Unknown),
        (put(1), 3, 4, Index(0)),
        (GET, 5, 7, None(0)),
        (REMOVE, 6, 8, Index(0)),
        (put(2), 9, 10, Index(0)),
        (GET, 11, 12, None(0)),
    ]),
    ("an unknown remove helps once", false, &[
        (REMOVE, 1, 0, Unknown),
        (put(1), 3, 4, Index(0)),
        (GET, 5, 6, None(0)),
        (put(2), 9, 10, Index(0)),
        (GET, 11, 12, None(0)),
    ]),
    ("an unknown put is the row that a remove found", true, &[
        (put(1), 1, 0, Unknown),
        (GET, 2, 3, None(0)),
        (REMOVE, 4, 5, Index(0)),
    ]),
    ("an unknown put is found once", false, &[
        (put(1), 1, 0, Unknown),
        (REMOVE, 2, 3, Index(0)),
        (REMOVE, 4, 5, Index(0)),
    ]),
    ("an unknown put that comes too late", false, &[
        (REMOVE, 1, 2, Index(0)),
        (put(1), 3, 0, Unknown),
    ]),
    ("an unknown put that was read does not come later", false, &[
        (put(1), 1, 0, Unknown),
        (GET, 2, 3, Row(0, 0, 1)),
        (put(2), 4, 5, Index(0)),
        (GET, 6, 7, Row(0, 0, 1)),
    ]),
    ("a put that nobody reads is kept for a second remove", true, &[
        (put(1), 1, 2, Index(0)),
        (put(2), 3, 8, Index(0)),
        (REMOVE, 4, 5, Index(0)),
        (REMOVE, 6, 7, Index(0)),
    ]),
    ("a remove finds nothing after an unknown one", true, &[
        (put(1), 1, 2, Index(0)),
        (REMOVE, 3, 0, Unknown),
        (REMOVE, 4, 5, Missed(0)),
        (GET, 6, 7, None(0)),
    ]),
    ("two reads see two puts in two orders", false, &[
        (put(1), 1, 10, Index(0)),
        (put(2), 2, 11, Index(0)),
        (GET, 3, 4, Row(0, 0, 1)),
        (GET, 5, 6, Row(0, 0, 2)),
        (GET, 7, 8, Row(0, 0, 1)),
    ]),
    ("no row while one holds", false, &[
        (put(1), 1, 10, Index(0)),
        (GET, 2, 3, Row(0, 0, 1)),
        (GET, 4, 5, None(0)),
        (GET, 6, 7, Row(0, 0, 1)),
        (REMOVE, 8, 9, Index(0)),
    ]),
];

#[test]
fn short_cuts_lead_to_the_same_verdict() {
    for (name, expected, lines) in CASES {
        let history = history(lines);
        assert_eq!(oracle::is_linearizable(&history), *expected, "{name}");
        let verdict = linearizable(&history);
        assert_eq!(verdict == Verdict::Linearizable, *expected, "{name}: {verdict}");
    }
}
