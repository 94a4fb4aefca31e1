//! Whatever stands in a file, it is judged or refused, and nothing panics.

use env::Rng;
use env::rng::Stream;
use verify::check::{End, Enough, FinalRow, Last, all, vacuous};
use verify::history::{Call, Epoch, History, Malformed, Op, OpId, Outcome, Row};

/// The numbers at which arithmetic goes wrong.
fn number(dice: &mut Stream) -> u64 {
    [0, 1, 2, 3, 1 << 32, u64::MAX - 1, u64::MAX][dice.below(7) as usize]
}

fn op(dice: &mut Stream, at: u64) -> Op {
    let call = [Call::Get, Call::Remove, Call::Put { value: at }][dice.below(3) as usize];
    let epoch = Epoch { generation: number(dice), term: number(dice) };
    let partition = number(dice);
    let outcome = match call {
        _ if dice.chance(20) => Outcome::Unknown,
        Call::Get => {
            let row = dice.chance(80).then(|| Row { revision: number(dice), value: dice.below(12) });
            Outcome::Read { partition, epoch, applied: number(dice), row }
        }
        _ => Outcome::Wrote { partition, epoch, index: number(dice), found: dice.chance(50) },
    };
    let batch = dice.chance(30).then_some(at / 4);
    let begun = if batch.is_some() { at / 4 * 40 } else { at * 10 };
    let ended = Some(begun.max(at * 10) + 1 + 2 * dice.below(100) + at * 1_000);
    let (user, key, expected_epoch) = (u32::MAX - dice.below(2) as u32, dice.below(2) as u32, None);
    Op { user, key, call, begun, ended, outcome, batch, expected_epoch }
}

fn end(dice: &mut Stream) -> End {
    let row = Some(Row { revision: number(dice), value: dice.below(12) });
    End {
        last: [(number(dice), Last { index: number(dice), own: number(dice) })].into(),
        rows: [(dice.below(3) as u32, FinalRow { partition: number(dice), row })].into(),
    }
}

#[test]
fn extreme_numbers_are_judged_or_refused() {
    let mut dice = Rng::from_seed(9).stream("extremes");
    let mut judged = 0;
    for _ in 0..20_000 {
        let ops = (1..2 + dice.below(10)).map(|at| op(&mut dice, at)).collect();
        let Ok(history) = History::new(ops) else { continue };
        let report = all(&history, &end(&mut dice));
        assert!(!report.to_string().is_empty());
        vacuous(&history, &Enough { failed_percent_max: u64::MAX, ..Enough::default() });
        judged += 1;
    }
    assert!(judged > 2_000, "{judged}");
}

#[test]
fn a_position_without_room_behind_it_is_refused() {
    let at = |begun, ended| Op {
        user: 1,
        key: 1,
        call: Call::Get,
        begun,
        ended,
        outcome: Outcome::Unknown,
        batch: None,
        expected_epoch: None,
    };
    let far = u64::MAX / 2;
    for (op, expected) in [
        (at(far, None), None),
        (at(far - 1, Some(far)), None),
        (at(far + 1, None), Some(Malformed::Position(OpId(0)))),
        (at(1, Some(u64::MAX)), Some(Malformed::Position(OpId(0)))),
    ] {
        assert_eq!(History::new(vec![op]).err(), expected);
    }
}
