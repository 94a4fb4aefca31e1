//! What is no history: mistakes of whoever recorded it, not of the table.

use super::op::{Call, Op, OpId, Outcome};
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// The last position that a history may have.
const POSITION_MAX: u64 = u64::MAX / 2;

/// Why a list of operations is no history.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Malformed {
    /// More than can be numbered.
    #[error("{0} operations are more than can be numbered")]
    TooMany(usize),
    /// Operations stand in the order of their calls.
    #[error("op {0} is begun at {1}, which is not behind the one before; only items of one request share it")]
    Order(OpId, u64),
    /// There has to be room behind every position.
    #[error("op {0} is at a position above {POSITION_MAX}")]
    Position(OpId),
    /// Two events cannot happen at one position.
    #[error("op {0} is ended at position {1}, which is before its call or another event's")]
    End(OpId, u64),
    /// Items of one request have one user and stand together.
    #[error("op {0} does not belong to batch {1}: another user, or not begun with it")]
    Batch(OpId, u64),
    /// A value has to name its put.
    #[error("op {0} and op {1} write the same value, {2}")]
    Value(OpId, OpId, u64),
    /// A read's answer to a write, or an answer that nobody heard.
    #[error("op {0} cannot have that outcome: another call's, or no answer was heard")]
    Outcome(OpId),
    /// An operation was ended that is not there, or ended twice.
    #[error("op {0} cannot be ended: it is not there, or has been")]
    Ended(OpId),
}

/// Refuses what breaks the invariant of a history.
pub(super) fn check(ops: &[Op]) -> Result<(), Malformed> {
    if u32::try_from(ops.len()).is_err() {
        return Err(Malformed::TooMany(ops.len()));
    }
    let far = ops.iter().position(|op| op.ended.unwrap_or(op.begun).max(op.begun) > POSITION_MAX);
    far.map_or(Ok(()), |at| Err(Malformed::Position(OpId::at(at))))?;
    order(ops)?;
    ends(ops)?;
    batches(ops)?;
    values(ops)?;
    let odd = ops.iter().position(|op| !suits(op));
    odd.map_or(Ok(()), |at| Err(Malformed::Outcome(OpId::at(at))))
}

fn order(ops: &[Op]) -> Result<(), Malformed> {
    for (at, pair) in ops.windows(2).enumerate() {
        let together = pair[0].batch.is_some() && pair[0].batch == pair[1].batch;
        let follows = if together { pair[0].begun == pair[1].begun } else { pair[0].begun < pair[1].begun };
        if !follows {
            return Err(Malformed::Order(OpId::at(at + 1), pair[1].begun));
        }
    }
    Ok(())
}

fn ends(ops: &[Op]) -> Result<(), Malformed> {
    let mut taken: BTreeSet<u64> = ops.iter().map(|op| op.begun).collect();
    for (at, op) in ops.iter().enumerate() {
        if let Some(ended) = op.ended
            && (ended <= op.begun || !taken.insert(ended))
        {
            return Err(Malformed::End(OpId::at(at), ended));
        }
    }
    Ok(())
}

fn batches(ops: &[Op]) -> Result<(), Malformed> {
    let mut seen = BTreeMap::new();
    for (at, op) in ops.iter().enumerate() {
        let Some(batch) = op.batch else { continue };
        if *seen.entry(batch).or_insert((op.user, op.begun)) != (op.user, op.begun) {
            return Err(Malformed::Batch(OpId::at(at), batch));
        }
    }
    Ok(())
}

fn values(ops: &[Op]) -> Result<(), Malformed> {
    let mut seen = BTreeMap::new();
    for (at, op) in ops.iter().enumerate() {
        let Call::Put { value } = op.call else { continue };
        if let Some(first) = seen.insert(value, OpId::at(at)) {
            return Err(Malformed::Value(first, OpId::at(at), value));
        }
    }
    Ok(())
}

fn suits(op: &Op) -> bool {
    match op.outcome {
        Outcome::Unknown => true,
        Outcome::Refused => op.ended.is_some(),
        Outcome::Wrote { .. } => op.call.is_write() && op.ended.is_some(),
        Outcome::Read { .. } => op.call == Call::Get && op.ended.is_some(),
    }
}
