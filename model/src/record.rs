//! The record: the commands of one drain, as the log keeps them.

use crate::epoch::Epoch;
use crate::ids::PartitionId;
use bytes::Bytes;
use std::fmt;

/// Counts the commands of one partition from 1, densely. 0 is "nothing yet".
pub type Index = u64;

/// The partition clock's reading: nanoseconds of wall time, but strictly rising
/// whatever the wall does. Every machine's time is this and nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(pub u64);

/// What a record is. These numbers are on disk for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum RecordKind {
    /// Commands for the machine; counts one index for each.
    Commands = 1,
    /// Time has passed: expire what is due.
    Tick = 2,
    /// The partition ends here; successors follow in the payload.
    Seal = 3,
    /// The profile changes behind this record.
    Barrier = 4,
    /// Ownership was interrupted: leases are extended by the gap.
    Resumed = 5,
    /// The machine's version from here on.
    UseMachine = 6,
    /// Events below a point are given up.
    Trim = 7,
    /// An election's empty record.
    Blank = 16,
    /// A replica set.
    Membership = 17,
    /// The state's hash at an index already applied.
    Hash = 18,
    /// A vote, durable before it is given.
    Vote = 32,
    /// What is known to be committed.
    Committed = 33,
    /// What a replica has from a position of its history on is void.
    Truncate = 34,
    /// Everything up to an index is in the store; the log may let go of it.
    Purge = 35,
    /// The store is ahead of the log: indexes up to here are not in the log.
    Gap = 36,
    /// An operator gave up what follows an index, by name.
    AcceptLoss = 37,
    /// The partition is no longer here: its records bind nothing.
    Forget = 38,
    /// The log's own: what opens a segment.
    Opening = 48,
    /// The log's own: a partition's carrier state, repeated in each opening.
    Checkpoint = 49,
    /// The log's own: segments up to here may be gone.
    Released = 50,
}

impl RecordKind {
    /// Every kind that this build knows.
    pub const ALL: [RecordKind; 20] = [
        RecordKind::Commands,
        RecordKind::Tick,
        RecordKind::Seal,
        RecordKind::Barrier,
        RecordKind::Resumed,
        RecordKind::UseMachine,
        RecordKind::Trim,
        RecordKind::Blank,
        RecordKind::Membership,
        RecordKind::Hash,
        RecordKind::Vote,
        RecordKind::Committed,
        RecordKind::Truncate,
        RecordKind::Purge,
        RecordKind::Gap,
        RecordKind::AcceptLoss,
        RecordKind::Forget,
        RecordKind::Opening,
        RecordKind::Checkpoint,
        RecordKind::Released,
    ];

    /// The kind of a stored byte; an unknown one stops whoever reads it.
    pub fn from_byte(byte: u8) -> Option<RecordKind> {
        RecordKind::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }

    /// Does applying it change the store, and so take indexes?
    pub fn counts(self) -> bool {
        (self as u8) < RecordKind::Blank as u8
    }

    /// Is it a promise to peers (a vote, a commit, a truncation)? Losing one
    /// silently would break it. Purges and the like are none: without them the
    /// log only keeps more than it has to.
    pub fn is_promise(self) -> bool {
        matches!(self, RecordKind::Vote | RecordKind::Committed | RecordKind::Truncate)
    }
}

impl fmt::Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// One entry of the log.
///
/// Invariant: `count` is 0 exactly when the kind does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whose it is.
    pub partition: PartitionId,
    /// Who wrote it.
    pub epoch: Epoch,
    /// The index of its first command; for a kind that does not count, the
    /// index that the next command will have.
    pub first_index: Index,
    /// How many indexes it takes.
    pub count: u32,
    /// The partition clock when it was made.
    pub stamp: Stamp,
    /// What it is.
    pub kind: RecordKind,
    /// What the kind says it is.
    pub payload: Bytes,
}

impl Record {
    /// The index of its last command; `first_index - 1` when it takes none.
    pub fn last_index(&self) -> Index {
        (self.first_index + Index::from(self.count)).saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_keep_their_numbers() {
        let numbers: Vec<u8> = RecordKind::ALL.iter().map(|kind| *kind as u8).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 32, 33, 34, 35, 36, 37, 38, 48, 49, 50]);
        for kind in RecordKind::ALL {
            assert_eq!(RecordKind::from_byte(kind as u8), Some(kind));
        }
        assert_eq!(RecordKind::from_byte(0), None);
        assert_eq!(RecordKind::from_byte(255), None);
    }

    #[test]
    fn only_what_changes_the_store_takes_indexes() {
        assert!(RecordKind::Trim.counts());
        assert!(!RecordKind::Blank.counts());
        assert!(!RecordKind::Purge.counts());
        assert!(RecordKind::Vote.is_promise());
        assert!(!RecordKind::Purge.is_promise());
    }
}
