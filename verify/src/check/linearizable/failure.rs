//! Why a key has no order, in as few operations as possible.

use super::judge;
use super::search::Found;
use super::track::Track;
use crate::history::{Call, History, Op, OpId, Outcome};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;

/// How many operations beside the culprit are told.
const BESIDE_MAX: usize = 10;

/// A key without an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The key.
    pub key: u32,
    /// The operation whose answer is the first that cannot be right: without
    /// it, and without all that was answered later, there is an order.
    pub op: OpId,
    /// What is wrong, in words.
    pub what: String,
    /// The operations to look at: `op`, the write that it saw, and what was
    /// under way beside it.
    pub ops: Vec<OpId>,
}

impl Failure {
    /// Looks for the first answer that cannot be right. What is linearizable
    /// was linearizable at every moment before, so halving finds it.
    pub(super) fn of(history: &History, key: u32, ops: &[OpId], states_max: usize) -> Failure {
        let mut ends: Vec<(u64, OpId)> =
            ops.iter().filter_map(|id| history.op(*id).ended.map(|ended| (ended, *id))).collect();
        ends.sort_unstable();
        let fails = |(ended, _): &(u64, OpId)| {
            let track = Track::of(history, ops, ended + 1);
            judge(&track, states_max) == Found::None
        };
        let first = ends.partition_point(|end| !fails(end)).min(ends.len().saturating_sub(1));
        let op = ends.get(first).map_or(OpId(0), |(_, id)| *id);
        let beside = beside(history, ops, op);
        let what = words(history, op, &beside);
        let ops = [op].into_iter().chain(beside).collect();
        Failure { key, op, what, ops }
    }
}

/// The write that an operation saw, the last one before it, and what was under
/// way beside it.
fn beside(history: &History, ops: &[OpId], culprit: OpId) -> Vec<OpId> {
    let answer = history.op(culprit);
    let others = || ops.iter().rev().copied().filter(|id| *id != culprit);
    let mut beside: Vec<OpId> = others().filter(|id| saw(answer, history.op(*id))).collect();
    let before = others().filter(|id| {
        let op = history.op(*id);
        op.call.is_write() && op.outcome != Outcome::Refused && op.ended.is_some_and(|end| end < answer.begun)
    });
    beside.extend(before.max_by_key(|id| history.op(*id).ended));
    // An unknown put that nobody read can matter to a remove alone.
    let read: BTreeSet<u64> = ops.iter().filter_map(|id| value_read(history.op(*id))).collect();
    let matters = |op: &Op| match op.call {
        Call::Put { value } if op.is_open_write() => answer.call == Call::Remove || read.contains(&value),
        _ => true,
    };
    let under_way = others().filter(|id| overlaps(history.op(*id), answer) && matters(history.op(*id)));
    beside.extend(under_way.take(BESIDE_MAX));
    beside.sort_unstable();
    beside.dedup();
    beside
}

/// The operation can have taken effect before or after the other.
fn overlaps(op: &Op, other: &Op) -> bool {
    let is_over = op.outcome != Outcome::Unknown && op.ended.is_some_and(|ended| ended < other.begun);
    let has_begun = other.ended.is_some_and(|ended| op.begun < ended);
    op.outcome != Outcome::Refused && has_begun && !is_over
}

/// The operation read what the other wrote.
fn saw(read: &Op, write: &Op) -> bool {
    value_read(read).is_some_and(|value| write.call == Call::Put { value })
}

fn value_read(op: &Op) -> Option<u64> {
    match op.outcome {
        Outcome::Read { row, .. } => row.map(|row| row.value),
        _ => None,
    }
}

fn words(history: &History, culprit: OpId, beside: &[OpId]) -> String {
    let told = history.told(culprit);
    let found = format!("until {told} there was an order, with it there is none");
    match beside {
        [] => found,
        _ => {
            let beside: Vec<String> = beside.iter().map(|id| history.told(*id).to_string()).collect();
            format!("{found}; look at {}", beside.join(", "))
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {}: {}", self.key, self.what)
    }
}
