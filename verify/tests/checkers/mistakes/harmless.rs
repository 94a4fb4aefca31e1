//! Changes that take knowledge away. Who knows less can accuse less: a checker
//! that finds something now has accused a table of what it did not do.

use super::super::world::{self, MIXED};
use env::Rng;
use verify::check::all;
use verify::history::{Call, History, Op, Outcome};

/// Forgets an answer, as if it had been lost on its way.
fn forget(op: &mut Op) {
    (op.outcome, op.ended) = (Outcome::Unknown, None);
}

#[test]
fn forgotten_answers_accuse_nobody() {
    for seed in 0..400 {
        let mut dice = Rng::from_seed(seed).stream("forget");
        let (history, end) = world::valid(seed, MIXED);
        let mut ops = history.into_ops();
        let percent = [2, 10, 50, 90][seed as usize % 4];
        ops.iter_mut().filter(|_| dice.chance(percent)).for_each(forget);
        let report = all(&History::new(ops).expect("a history"), &end);
        assert!(report.is_clean(), "seed {seed}, {percent} % forgotten\n{report}");
    }
}

#[test]
fn reads_and_refusals_that_nobody_made_accuse_nobody() {
    for seed in 0..400 {
        let mut dice = Rng::from_seed(seed).stream("drop");
        let (history, end) = world::valid(seed, MIXED);
        let mut ops = history.into_ops();
        ops.retain(|op| !(op.call == Call::Get || op.outcome == Outcome::Refused) || dice.chance(50));
        let report = all(&History::new(ops).expect("a history"), &end);
        assert!(report.is_clean(), "seed {seed}\n{report}");
    }
}
