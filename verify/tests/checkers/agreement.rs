//! The search agrees with the oracle, and version order is at least as strict
//! as the search.

use super::oracle;
use super::world::{self, MIXED, Shape};
use env::Rng;
use env::rng::Stream;
use verify::check::{Verdict, linearizable, linearizable_within, version_order};
use verify::history::{Call, Epoch, History, Op, Outcome, Row};

const EPOCH: Epoch = Epoch::FIRST;

const SMALL: Shape = Shape { ops: 6, keys: 1, partitions: 1, flights: 4, removes: 25, unknown: 40, ..MIXED };

/// A history that nobody promised to be right: calls overlap as they like, and
/// answers are drawn.
fn drawn(dice: &mut Stream) -> History {
    let count = 2 + dice.below(7);
    let (mut ops, mut open) = (Vec::new(), Vec::new());
    let mut position = 0;
    while ops.len() < count as usize || !open.is_empty() {
        position += 1;
        if ops.len() < count as usize && (open.is_empty() || dice.chance(50)) {
            open.push(ops.len());
            ops.push(call(dice, ops.len() as u64, position));
        } else {
            let at = open.swap_remove(dice.below(open.len() as u64) as usize);
            ops[at].ended = Some(position);
            ops[at].outcome = outcome(dice, ops[at].call, count);
        }
    }
    History::new(ops).expect("a history")
}

fn call(dice: &mut Stream, at: u64, begun: u64) -> Op {
    let call = match dice.below(5) {
        0 | 1 => Call::Get,
        2 => Call::Remove,
        _ => Call::Put { value: at },
    };
    let (outcome, batch, expected_epoch) = (Outcome::Unknown, None, None);
    Op { user: 0, key: 0, call, begun, ended: None, outcome, batch, expected_epoch }
}

fn outcome(dice: &mut Stream, call: Call, values: u64) -> Outcome {
    let partition = 1;
    match call {
        _ if dice.chance(25) => Outcome::Unknown,
        _ if dice.chance(5) => Outcome::Refused,
        Call::Get => {
            let row = dice.chance(70).then(|| Row { revision: 1, value: dice.below(values) });
            Outcome::Read { partition, epoch: EPOCH, applied: 0, row }
        }
        _ => Outcome::Wrote { partition, epoch: EPOCH, index: 1, found: dice.chance(50) },
    }
}

/// Changes answers of a valid history at random.
fn shaken(history: History, dice: &mut Stream) -> History {
    let mut ops = history.into_ops();
    let values: Vec<Row> = ops.iter().filter_map(row_of).collect();
    for _ in 0..1 + dice.below(2) {
        let at = dice.below(ops.len() as u64) as usize;
        match &mut ops[at].outcome {
            Outcome::Read { row, .. } if values.is_empty() || dice.chance(30) => *row = None,
            Outcome::Read { row, .. } => *row = Some(values[dice.below(values.len() as u64) as usize]),
            Outcome::Wrote { index, .. } if dice.chance(40) => *index += dice.below(2),
            Outcome::Wrote { found, .. } => *found = !*found,
            _ => {}
        }
    }
    History::new(ops).expect("a history")
}

/// The row that an operation wrote, or saw.
fn row_of(op: &Op) -> Option<Row> {
    match (op.call, op.outcome) {
        (Call::Put { value }, Outcome::Wrote { index, .. }) => Some(Row { revision: index, value }),
        (_, Outcome::Read { row, .. }) => row,
        _ => None,
    }
}

#[test]
fn the_search_agrees_with_every_order_tried() {
    let mut dice = Rng::from_seed(1).stream("agreement");
    let (mut right, mut wrong) = (0, 0);
    for round in 0..60_000_u64 {
        let history = match round % 3 {
            0 => drawn(&mut dice),
            1 => shaken(world::valid(round, SMALL).0, &mut dice),
            _ => {
                let history = shaken(world::valid(round, SMALL).0, &mut dice);
                shaken(history, &mut dice)
            }
        };
        let expected = oracle::is_linearizable(&history);
        let verdict = linearizable(&history);
        let agrees = match &verdict {
            Verdict::Linearizable => expected,
            Verdict::NotLinearizable(_) => !expected,
            Verdict::TimedOut { .. } => false,
        };
        assert!(agrees, "round {round}: every order says {expected}, and {verdict}\n{:#?}", history.ops());
        if expected { right += 1 } else { wrong += 1 }
    }
    assert!(right > 10_000 && wrong > 10_000, "{right} right, {wrong} wrong");
}

/// The first answer that cannot be right is the one that is told: without it
/// and all that came later there is an order, with it there is none.
#[test]
fn the_culprit_is_the_first_answer_that_cannot_be_right() {
    let mut dice = Rng::from_seed(2).stream("culprit");
    let mut told = 0;
    for _ in 0..4_000 {
        let history = drawn(&mut dice);
        let Verdict::NotLinearizable(failure) = linearizable(&history) else { continue };
        let end = history.op(failure.op).ended.expect("an answer");
        assert!(oracle::is_linearizable(&before(&history, end)), "{failure}");
        assert!(!oracle::is_linearizable(&before(&history, end + 1)), "{failure}");
        assert!(failure.ops.contains(&failure.op), "{failure}");
        told += 1;
    }
    assert!(told > 1_000, "{told}");
}

/// A history as it was known before a position.
fn before(history: &History, position: u64) -> History {
    let mut ops: Vec<Op> = history.ops().iter().filter(|op| op.begun < position).cloned().collect();
    for op in &mut ops {
        if op.outcome != Outcome::Refused && op.ended.is_some_and(|ended| ended >= position) {
            (op.ended, op.outcome) = (None, Outcome::Unknown);
        }
    }
    History::new(ops).expect("a history")
}

/// Where a remove is unknown, or a put that nobody read, version order assumes
/// of it whatever explains the most; everywhere else it is the stricter one.
#[test]
fn what_version_order_passes_is_linearizable() {
    let shapes = [
        Shape { ops: 40, keys: 2, partitions: 1, unknown_removes: false, ..MIXED },
        Shape { ops: 30, keys: 1, partitions: 1, unknown: 0, removes: 30, ..MIXED },
        Shape { unknown_removes: false, ..SMALL },
        Shape { ops: 30, keys: 1, partitions: 1, unknown: 40, ..MIXED },
    ];
    let mut dice = Rng::from_seed(3).stream("strict");
    let (mut passed, mut rejected, mut only_by_order) = (0, 0, 0);
    for seed in 0..3_000 {
        for shape in shapes {
            let history = shaken(world::valid(seed, shape).0, &mut dice);
            let clean = version_order(&history).is_empty();
            match linearizable(&history) {
                Verdict::Linearizable if clean => passed += 1,
                Verdict::Linearizable => only_by_order += 1,
                Verdict::NotLinearizable(failure) if clean => {
                    assert!(has_nameless(&history, failure.key), "seed {seed}: {failure}");
                }
                Verdict::NotLinearizable(_) => rejected += 1,
                Verdict::TimedOut { key } => panic!("seed {seed}: key {key} timed out"),
            }
        }
    }
    assert!(passed > 1_000 && rejected > 1_000 && only_by_order > 500, "{passed} {rejected} {only_by_order}");
}

/// A write to the key has no index that anybody could know.
fn has_nameless(history: &History, key: u32) -> bool {
    let was_read = |wanted: u64| {
        history.ops().iter().any(|op| match op.outcome {
            Outcome::Read { row: Some(row), .. } => row.value == wanted,
            _ => false,
        })
    };
    history.ops().iter().filter(|op| op.key == key && op.outcome == Outcome::Unknown).any(|op| {
        match op.call {
            Call::Get => false,
            Call::Remove => true,
            Call::Put { value } => !was_read(value),
        }
    })
}

#[test]
fn a_search_that_is_too_large_is_no_pass() {
    let (history, _) = world::valid(1, Shape { keys: 1, partitions: 1, ..MIXED });
    assert_eq!(linearizable_within(&history, 3), Verdict::TimedOut { key: 0 });
    assert_eq!(linearizable(&history), Verdict::Linearizable);
}
