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
    Set(u64),
    /// There is none afterwards, and before there was one, or none.
    Clear { found: bool },
    /// There is this row, or none.
    See(Option<u64>),
}

/// An operation that is certainly in the order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub deed: Deed,
    pub begun: Moment,
    /// It has taken effect before this.
    pub ended: Moment,
}

/// A position, or the gap before it: twice the position, or one less.
pub(super) type Moment = u128;

/// One key's operations.
#[derive(Clone, Debug, Default)]
pub(super) struct Track {
    /// In the order in which they were begun.
    pub steps: Vec<Step>,
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
        let mut first_read = BTreeMap::new();
        for op in ops() {
            if let (Some(Deed::See(Some(value))), Some(ended)) = (deed(op), heard(op, until)) {
                let first = first_read.entry(value).or_insert(ended);
                *first = ended.min(*first);
            }
        }
        let mut track = Track::default();
        for op in ops() {
            track.add(op, heard(op, until), &first_read);
        }
        track
    }

    fn add(&mut self, op: &Op, ended: Option<u64>, first_read: &BTreeMap<u64, u64>) {
        let begun = at(op.begun);
        if let (Some(ended), Some(deed)) = (ended, deed(op)) {
            return self.steps.push(Step { deed, begun, ended: at(ended) });
        }
        match op.call {
            _ if op.outcome == Outcome::Refused => {}
            Call::Get => {}
            Call::Remove => self.open_removes.push(begun),
            Call::Put { value } => match first_read.get(&value) {
                None => self.open_puts.push(begun),
                Some(read) => {
                    let ended = at(*read) - 1;
                    self.steps.push(Step { deed: Deed::Set(value), begun, ended });
                }
            },
        }
    }
}

fn at(position: u64) -> Moment {
    2 * Moment::from(position)
}

/// Where the answer was heard, if it was by then.
fn heard(op: &Op, until: u64) -> Option<u64> {
    op.ended.filter(|ended| *ended < until)
}

/// What an answered operation did.
fn deed(op: &Op) -> Option<Deed> {
    match (op.call, op.outcome) {
        (Call::Put { value }, Outcome::Wrote { .. }) => Some(Deed::Set(value)),
        (Call::Remove, Outcome::Wrote { found, .. }) => Some(Deed::Clear { found }),
        (Call::Get, Outcome::Read { row, .. }) => Some(Deed::See(row.map(|row| row.value))),
        _ => None,
    }
}
