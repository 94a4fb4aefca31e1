//! The simplest search there is: every order, one after the other, without a
//! memory. Right by being short; usable for a handful of operations.

use verify::history::{Call, History, Op, Outcome};

/// There is an order in which every answer is right. One key only.
pub fn is_linearizable(history: &History) -> bool {
    let ops = history.ops().iter().filter(|op| op.outcome != Outcome::Refused).collect();
    place(ops, None)
}

fn place(left: Vec<&Op>, row: Option<u64>) -> bool {
    if left.iter().all(|op| op.outcome == Outcome::Unknown) {
        return true;
    }
    let over = |op: &Op| op.ended.filter(|_| op.outcome != Outcome::Unknown);
    (0..left.len()).any(|at| {
        let op = left[at];
        let is_first = left.iter().all(|other| over(other).is_none_or(|ended| op.begun < ended));
        let rest = || left.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, op)| *op).collect();
        is_first && after(op, row).is_some_and(|row| place(rest(), row))
    })
}

/// The row after an operation, if its answer is right.
fn after(op: &Op, row: Option<u64>) -> Option<Option<u64>> {
    match (op.call, op.outcome) {
        (Call::Put { value }, _) => Some(Some(value)),
        (Call::Remove, Outcome::Wrote { found, .. }) => (found == row.is_some()).then_some(None),
        (Call::Remove, _) => Some(None),
        (Call::Get, Outcome::Read { row: seen, .. }) => (seen.map(|seen| seen.value) == row).then_some(row),
        (Call::Get, _) => Some(row),
    }
}
