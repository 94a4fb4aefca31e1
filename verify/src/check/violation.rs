//! What a checker found.

use crate::history::OpId;
use serde::Serialize;
use std::fmt;

/// One broken promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The promise, by its short name.
    pub rule: &'static str,
    /// What is wrong, naming operations, keys and indexes.
    pub what: String,
    /// The operations concerned.
    pub ops: Vec<OpId>,
}

/// What a checker found, in an order that depends on the history alone. One
/// mistake of a table can break a promise thousands of times, so only the first
/// are told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Violations {
    /// The first of them.
    pub told: Vec<Violation>,
    /// How many there are, told or not.
    pub found: usize,
}

impl Violations {
    /// How many are told.
    pub const TOLD_MAX: usize = 20;

    /// Nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.found == 0
    }

    /// Adds one. `what` is only asked for when it will be told.
    pub(crate) fn add(&mut self, rule: &'static str, ops: &[OpId], what: impl FnOnce() -> String) {
        self.found += 1;
        if self.told.len() < Violations::TOLD_MAX {
            self.told.push(Violation { rule, what: what(), ops: ops.to_vec() });
        }
    }

    /// Adds those of another checker.
    pub(crate) fn extend(&mut self, other: Violations) {
        self.found += other.found;
        let room = Violations::TOLD_MAX - self.told.len();
        self.told.extend(other.told.into_iter().take(room));
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.what)
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for violation in &self.told {
            writeln!(f, "{violation}")?;
        }
        match self.found - self.told.len() {
            0 => Ok(()),
            more => writeln!(f, "and {more} more"),
        }
    }
}
