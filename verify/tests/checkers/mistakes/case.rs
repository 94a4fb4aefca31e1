//! A history that is about to be changed, and questions about it.

use env::rng::Stream;
use std::collections::BTreeMap;
use verify::check::End;
use verify::history::{Call, Op, Outcome, Row};

/// Operations and the end of all, both open to change.
#[derive(Clone)]
pub struct Case {
    pub ops: Vec<Op>,
    pub end: End,
}

/// A write that took effect: which operation, and what is known of it.
#[derive(Clone, Copy, Debug)]
pub struct Write {
    pub at: usize,
    pub key: u32,
    pub partition: u64,
    pub index: u64,
    pub call: Call,
}

/// A read that was answered.
#[derive(Clone, Copy, Debug)]
pub struct Read {
    pub at: usize,
    pub key: u32,
    pub row: Option<Row>,
}

impl Case {
    /// Acknowledged writes.
    pub fn writes(&self) -> Vec<Write> {
        let write = |(at, op): (usize, &Op)| match op.outcome {
            Outcome::Wrote { partition, index, .. } => {
                Some(Write { at, key: op.key, partition, index, call: op.call })
            }
            _ => None,
        };
        self.ops.iter().enumerate().filter_map(write).collect()
    }

    /// Acknowledged puts, with the row that each made.
    pub fn puts(&self) -> Vec<(Write, Row)> {
        let row = |write: Write| match write.call {
            Call::Put { value } => Some((write, Row { revision: write.index, value })),
            _ => None,
        };
        self.writes().into_iter().filter_map(row).collect()
    }

    /// Answered reads.
    pub fn reads(&self) -> Vec<Read> {
        let read = |(at, op): (usize, &Op)| match op.outcome {
            Outcome::Read { row, .. } => Some(Read { at, key: op.key, row }),
            _ => None,
        };
        self.ops.iter().enumerate().filter_map(read).collect()
    }

    /// One operation's answer was heard before another was begun.
    pub fn precedes(&self, first: usize, then: usize) -> bool {
        self.ops[first].ended.is_some_and(|ended| ended < self.ops[then].begun)
    }

    /// Two operations on a key, the first over before the second was begun.
    pub fn follows(&self, first: (u32, usize), then: (u32, usize)) -> bool {
        first.0 == then.0 && self.precedes(first.1, then.1)
    }

    /// Writes of unknown outcome on a key.
    pub fn has_open(&self, key: u32, only_removes: bool) -> bool {
        let open = self.ops.iter().filter(|op| op.key == key && op.is_open_write());
        open.filter(|op| !only_removes || op.call == Call::Remove).count() > 0
    }

    /// Every remove that may have touched the key was over before an operation
    /// was begun.
    pub fn no_remove_since(&self, key: u32, then: usize) -> bool {
        let removes = self.ops.iter().enumerate().filter(|(_, op)| op.key == key && op.call == Call::Remove);
        let mut matter = removes.filter(|(_, op)| op.outcome != Outcome::Refused);
        matter.all(|(at, op)| op.outcome != Outcome::Unknown && self.precedes(at, then))
    }

    /// Puts of unknown outcome by value.
    pub fn open_puts(&self) -> BTreeMap<u64, usize> {
        let value = |(at, op): (usize, &Op)| match op.call {
            Call::Put { value } if op.outcome == Outcome::Unknown => Some((value, at)),
            _ => None,
        };
        self.ops.iter().enumerate().filter_map(value).collect()
    }

    /// Changes what a read shows.
    pub fn show(&mut self, at: usize, shown: Option<Row>) {
        if let Outcome::Read { row, .. } = &mut self.ops[at].outcome {
            *row = shown;
        }
    }

    /// Changes the index of a write.
    pub fn number(&mut self, at: usize, number: u64) {
        if let Outcome::Wrote { index, .. } = &mut self.ops[at].outcome {
            *index = number;
        }
    }
}

/// One of several places, if there is any.
pub fn pick<T>(dice: &mut Stream, places: impl IntoIterator<Item = T>) -> Option<T> {
    let mut places: Vec<T> = places.into_iter().collect();
    let count = places.len() as u64;
    (count > 0).then(|| places.swap_remove(dice.below(count) as usize))
}

/// All pairs of two lists.
pub fn pairs<A: Copy, B: Copy>(first: &[A], then: &[B]) -> Vec<(A, B)> {
    first.iter().flat_map(|a| then.iter().map(move |b| (*a, *b))).collect()
}
