//! One operation: who called what, when, and what came of it.

use model::Epoch;
use serde::Serialize;
use std::fmt;

/// The user who reads every row when all is over (see `check::End`).
pub const END_USER: u32 = u32::MAX;

/// The number of an operation: its place in the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct OpId(pub u32);

impl OpId {
    /// The operation at a place of the history's list.
    pub(crate) fn at(index: usize) -> OpId {
        OpId(u32::try_from(index).unwrap_or(u32::MAX))
    }

    /// Its place in the history's list.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One operation of one user on one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    /// Who. A user may have several operations under way.
    pub user: u32,
    /// On which key. A key stays in one partition for the life of a history.
    pub key: u32,
    /// What was asked.
    pub call: Call,
    /// The position of the call.
    pub begun: u64,
    /// The position of the answer; `None` if none was ever heard.
    pub ended: Option<u64>,
    /// What came of it.
    pub outcome: Outcome,
    /// Items of one request share this number, and `begun`.
    pub batch: Option<u64>,
    /// Only an answer under this epoch was wanted.
    pub expected_epoch: Option<Epoch>,
}

/// What a user asks of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Set the row to a value that no other put of the history writes, so that
    /// whoever reads the value has named the put.
    Put {
        /// The value.
        value: u64,
    },
    /// Remove the row.
    Remove,
    /// Read the row.
    Get,
}

/// What came of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A write took effect, and this is what its receipt says.
    Wrote {
        /// The partition that holds the key.
        partition: u64,
        /// Under whom.
        epoch: Epoch,
        /// The index that the write took: its own, for ever.
        index: u64,
        /// Of a remove: there was a row. Of a put it says nothing.
        found: bool,
    },
    /// A read's answer.
    Read {
        /// The partition that holds the key.
        partition: u64,
        /// Under whom.
        epoch: Epoch,
        /// Every write up to this index is in what was read. It is looked up
        /// before the row is, so the row may be newer, never older.
        applied: u64,
        /// The row, if there is one.
        row: Option<Row>,
    },
    /// It did not take effect and never will. No index was used.
    Refused,
    /// It may have taken effect, or may still do so later, once at most.
    Unknown,
}

/// A row as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The index of the write that made it.
    pub revision: u64,
    /// What was written.
    pub value: u64,
}

impl Call {
    /// It changes the row.
    pub fn is_write(self) -> bool {
        self != Call::Get
    }
}

impl Op {
    /// The partition and the epoch that the answer names, if it names one.
    pub fn answered_by(&self) -> Option<(u64, Epoch)> {
        match self.outcome {
            Outcome::Wrote { partition, epoch, .. } | Outcome::Read { partition, epoch, .. } => {
                Some((partition, epoch))
            }
            Outcome::Refused | Outcome::Unknown => None,
        }
    }

    /// A write of which nobody can say whether it took effect.
    pub fn is_open_write(&self) -> bool {
        self.call.is_write() && self.outcome == Outcome::Unknown
    }
}

/// An operation in words: `op 12 (user 3, key 7: put 45, index 9 of partition 1)`.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    pub(super) id: OpId,
    pub(super) op: &'a Op,
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Told { id, op } = self;
        match op.user {
            END_USER => write!(f, "op {id} (at the end, key {}: ", op.key)?,
            user => write!(f, "op {id} (user {user}, key {}: ", op.key)?,
        }
        match op.call {
            Call::Put { value } => write!(f, "put {value}")?,
            Call::Remove => f.write_str("remove")?,
            Call::Get => f.write_str("get")?,
        }
        match op.outcome {
            Outcome::Wrote { partition, index, found, .. } => {
                let missed = if op.call == Call::Remove && !found { ", found nothing" } else { "" };
                write!(f, ", index {index} of partition {partition}{missed})")
            }
            Outcome::Read { partition, applied, row, .. } => {
                match row {
                    Some(Row { revision, value }) => write!(f, ", saw {value} at revision {revision} of")?,
                    None => f.write_str(", saw no row in")?,
                }
                // At the end everything is applied.
                match op.user {
                    END_USER => write!(f, " partition {partition})"),
                    _ => write!(f, " partition {partition}, applied {applied})"),
                }
            }
            Outcome::Refused => f.write_str(", refused)"),
            Outcome::Unknown => f.write_str(", outcome unknown)"),
        }
    }
}

impl fmt::Display for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
