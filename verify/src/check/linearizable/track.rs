//! What the search has to put in order: one key's operations, without those
//! that cannot matter.
//!
//! An operation of unknown outcome never ends, so it would stay a candidate to
//! the end of the search. Few of them have to:
//!
//! - An unknown read answers nothing and is left out.
//! - An unknown put whose value was read has taken effect before the first such
//!   read ended. That is its end, and it is like any other.
//! - An unknown put that nobody read can only matter to a remove that found a
//!   row where there would be none, and then it may as well come right before
//!   it: in between, everybody would have read it, removed it or overwritten
//!   it. Which of several is meant makes no difference: a count is enough.
//! - An unknown remove, in the same way, can only matter right before an answer
//!   of "no row" where there would be one.

use crate::history::{Call, History, Op, OpId, Outcome};
use std::collections::BTreeMap;

/// What an operation does to the row, and what it says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// There is this row afterwards.
    Set(RowNumber),
    /// There is none afterwards, and before there was one, or none.
    Clear { found: bool },
    /// There is this row, or none.
    See(Option<RowNumber>),
}

/// A value of the key, counted from 0.
pub(super) type RowNumber = usize;

/// An operation that is certainly in the order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub deed: Deed,
    pub begun: Moment,
    /// It has taken effect before this.
    pub ended: Moment,
}

/// The steps that see one row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Readers {
    pub count: u32,
    /// When the last of them was begun.
    pub last_begun: Moment,
    /// When the first of them was over, if there are any.
    pub first_ended: Option<Moment>,
}

/// A position in the history.
pub(super) type Moment = u64;

/// One key's operations.
#[derive(Clone, Debug, Default)]
pub(super) struct Track {
    /// In the order in which they were begun.
    pub steps: Vec<Step>,
    /// By row: the steps that see it.
    pub readers: Vec<Readers>,
    /// When puts were begun that may have taken effect, and nobody read.
    pub open_puts: Vec<Moment>,
    /// When removes were begun that may have taken effect.
    pub open_removes: Vec<Moment>,
}

impl Track {
    /// The operations of a key as they were known at a position: whatever was
    /// begun later is not there, and what was answered later is unknown.
    pub fn of(history: &History, ops: &[OpId], until: u64) -> Track {
        let known = |id: &&OpId| history.op(**id).begun < until;
        let ops = || ops.iter().filter(known).map(|id| history.op(*id));
        let mut seen: BTreeMap<u64, SeenValue> = BTreeMap::new();
        for op in ops() {
            if let (Some(value), Some(ended)) = (value_seen(op), heard(op, until)) {
                let first = SeenValue { row: seen.len(), readers: Readers::default() };
                seen.entry(value).or_insert(first).readers.add(op.begun, ended);
            }
        }
        let mut readers = vec![Readers::default(); seen.len()];
        seen.values().for_each(|seen| readers[seen.row] = seen.readers);
        let mut track = Track { readers, ..Track::default() };
        for op in ops().filter(|op| op.outcome != Outcome::Refused) {
            track.add(op, heard(op, until), &seen);
        }
        track
    }

    fn add(&mut self, op: &Op, ended: Option<u64>, seen: &BTreeMap<u64, SeenValue>) {
        let begun = op.begun;
        let step = |deed, ended| Step { deed, begun, ended };
        match (op.call, op.outcome, ended) {
            (Call::Put { value }, _, ended) => match (seen.get(&value), ended) {
                (Some(seen), ended) => {
                    let latest = ended.or(seen.readers.first_ended).unwrap_or(Moment::MAX);
                    self.steps.push(step(Deed::Set(seen.row), latest));
                }
                (None, Some(ended)) => {
                    self.steps.push(step(Deed::Set(self.readers.len()), ended));
                    self.readers.push(Readers::default());
                }
                (None, None) => self.open_puts.push(begun),
            },
            (Call::Remove, Outcome::Wrote { found, .. }, Some(ended)) => {
                self.steps.push(step(Deed::Clear { found }, ended));
            }
            (Call::Remove, ..) => self.open_removes.push(begun),
            (Call::Get, Outcome::Read { row, .. }, Some(ended)) => {
                let row = row.and_then(|row| seen.get(&row.value)).map(|seen| seen.row);
                self.steps.push(step(Deed::See(row), ended));
            }
            (Call::Get, ..) => {}
        }
    }
}

impl Readers {
    fn add(&mut self, begun: Moment, ended: Moment) {
        self.count += 1;
        self.last_begun = begun.max(self.last_begun);
        self.first_ended = Some(self.first_ended.map_or(ended, |first| first.min(ended)));
    }
}

/// A value that somebody read.
#[derive(Clone, Copy)]
struct SeenValue {
    row: RowNumber,
    readers: Readers,
}

/// Where a definite answer was heard, if it was by then.
fn heard(op: &Op, until: u64) -> Option<u64> {
    op.ended.filter(|ended| *ended < until && op.outcome != Outcome::Unknown)
}

/// The value that a read was answered with.
fn value_seen(op: &Op) -> Option<u64> {
    match op.outcome {
        Outcome::Read { row, .. } => row.map(|row| row.value),
        _ => None,
    }
}
