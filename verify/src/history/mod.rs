//! A history: the operations of all users on one table, in the order in which
//! they were begun.
//!
//! Time is *logical*: a position counts events (a call was made, an answer was
//! heard), so that one operation was over before another began if and only if
//! its `ended` is smaller than the other's `begun`. Nobody's clock is asked.

mod lines;
mod malformed;
mod op;
mod recorder;

pub use lines::Unreadable;
pub use malformed::Malformed;
pub use model::Epoch;
pub use op::{Call, END_USER, Op, OpId, Outcome, Row, Told};
pub use recorder::Recorder;

/// What the users of one table saw.
///
/// Invariant: positions are unique, but for the items of one request, which
/// are begun together; operations stand in the order of `begun`; no two puts
/// write the same value. [`History::new`] refuses anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    ops: Vec<Op>,
}

impl History {
    /// A history of these operations.
    pub fn new(ops: Vec<Op>) -> Result<History, Malformed> {
        malformed::check(&ops)?;
        Ok(History { ops })
    }

    /// A history of operations that keep the invariant by the way they were
    /// made.
    pub(crate) fn of(ops: Vec<Op>) -> History {
        History { ops }
    }

    /// All operations, in the order in which they were begun.
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// All operations with their numbers.
    pub fn numbered(&self) -> impl DoubleEndedIterator<Item = (OpId, &Op)> {
        self.ops.iter().enumerate().map(|(at, op)| (OpId::at(at), op))
    }

    /// One operation; `id` is of this history.
    pub fn op(&self, id: OpId) -> &Op {
        &self.ops[id.index()]
    }

    /// How many operations.
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    /// Nothing was done.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// The first position behind everything.
    pub fn next_position(&self) -> u64 {
        let last = self.ops.iter().map(|op| op.ended.unwrap_or(op.begun)).max();
        last.map_or(0, |last| last + 1)
    }

    /// An operation in words.
    pub fn told(&self, id: OpId) -> Told<'_> {
        Told { id, op: self.op(id) }
    }

    /// Its operations, to be changed and made into another history.
    pub fn into_ops(self) -> Vec<Op> {
        self.ops
    }
}
