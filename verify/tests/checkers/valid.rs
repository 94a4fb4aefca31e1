//! What a table that keeps its word shows is clean, whatever the load.

use super::world::{self, MIXED, Shape};
use verify::check::{Counts, Verdict, all};
use verify::history::{Call, History, Op, Outcome, Row};

#[test]
fn valid_histories_are_clean() {
    let shapes = [
        MIXED,
        Shape { keys: 1, partitions: 1, flights: 3, ..MIXED },
        Shape { keys: 1, partitions: 1, flights: 8, removes: 30, ..MIXED },
        Shape { keys: 20, partitions: 3, flights: 12, batches: 60, ..MIXED },
        Shape { unknown: 60, removes: 30, ..MIXED },
        Shape { unknown: 0, refused: 50, ..MIXED },
        Shape { ops: 8, keys: 1, partitions: 1, unknown: 40, removes: 30, ..MIXED },
    ];
    for shape in shapes {
        for seed in 0..150 {
            let (history, end) = world::valid(seed, shape);
            let report = all(&history, &end);
            assert!(report.is_clean() && !report.is_violated(), "seed {seed} {shape:?}\n{report}");
        }
    }
}

#[test]
fn a_world_has_everything_in_it() {
    let (history, _) = world::valid(1, Shape { ops: 2_000, ..MIXED });
    let Counts { puts, removes_found, removes, reads_found, reads, refused, unknown_writes, unknown_reads } =
        Counts::of(&history);
    let least = [
        (puts, 500),
        (removes_found, 100),
        (removes - removes_found, 20),
        (reads_found, 300),
        (reads - reads_found, 50),
        (refused, 50),
        (unknown_writes, 50),
        (unknown_reads, 30),
    ];
    for (at, (count, least)) in least.into_iter().enumerate() {
        assert!(count >= least, "{at}: {count} of {least}");
    }
    assert!(history.ops().iter().any(|op| op.batch.is_some()));
    assert!(history.ops().iter().any(|op| op.expected_epoch.is_some()));
}

#[test]
fn lines_are_judged_as_the_history_was() {
    for seed in 0..50 {
        let (history, end) = world::valid(seed, MIXED);
        let mut lines = Vec::new();
        history.write_lines(&mut lines).expect("lines");
        let again = History::read_lines(&lines[..]).expect("a history");
        assert_eq!(again, history);
        assert_eq!(all(&again, &end), all(&history, &end));
    }
}

/// Histories as large as a run makes them, right ones and wrong ones. A search
/// that grew faster than its history would not come to an end here.
#[test]
fn large_histories_are_judged() {
    let shapes = [
        Shape { ops: 100_000, keys: 50, partitions: 4, flights: 20, ..MIXED },
        Shape { ops: 100_000, keys: 50, partitions: 4, flights: 1_000, ..MIXED },
        Shape { ops: 12_000, keys: 1, partitions: 1, flights: 6, ..MIXED },
        Shape { ops: 12_000, keys: 1, partitions: 1, flights: 64, removes: 0, ..MIXED },
    ];
    for shape in shapes {
        let (history, end) = world::valid(7, shape);
        let report = all(&history, &end);
        assert!(report.is_clean(), "{shape:?}\n{report}");
        let report = all(&with_a_stale_read(history), &end);
        let is_refused = matches!(report.verdict, Verdict::NotLinearizable(_));
        assert!(is_refused && !report.violations.is_empty(), "{shape:?}\n{report}");
    }
}

/// A read in the fourth quarter shows what was written in the first.
fn with_a_stale_read(history: History) -> History {
    let mut ops = history.into_ops();
    let (early, late) = (ops.len() / 4, ops.len() * 3 / 4);
    let written = |op: &Op| match (op.call, op.outcome) {
        (Call::Put { value }, Outcome::Wrote { index, .. }) => Some(Row { revision: index, value }),
        _ => None,
    };
    let (key, old) = ops[early..].iter().find_map(|op| Some((op.key, written(op)?))).expect("a put");
    let mut shown =
        ops[late..].iter_mut().filter(|op| op.key == key).filter_map(|op| match &mut op.outcome {
            Outcome::Read { row, .. } => Some(row),
            _ => None,
        });
    *shown.next().expect("a read") = Some(old);
    History::new(ops).expect("a history")
}
