//! Did enough happen? A table that answered nothing broke no promise.

use super::violation::Violations;
use crate::history::{Call, History, Outcome};
use serde::Serialize;
use std::fmt;

/// What was done in a history, by call and by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Puts that took effect.
    pub puts: u64,
    /// Removes that took effect, with or without a row.
    pub removes: u64,
    /// Removes among them that found a row.
    pub removes_found: u64,
    /// Reads that were answered.
    pub reads: u64,
    /// Reads among them that found a row.
    pub reads_found: u64,
    /// Operations that were refused.
    pub refused: u64,
    /// Writes of unknown outcome.
    pub unknown_writes: u64,
    /// Reads that were not answered.
    pub unknown_reads: u64,
}

/// What has to have happened at least, or at most, for a clean history to mean
/// something. The default asks for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enough {
    /// Puts that took effect.
    pub puts_min: u64,
    /// Removes that found a row.
    pub removes_found_min: u64,
    /// Reads that found a row.
    pub reads_found_min: u64,
    /// Reads and removes that found none.
    pub absent_min: u64,
    /// Writes of unknown outcome: faults that hit something.
    pub unknown_writes_min: u64,
    /// Operations without a definite answer, refused or unknown, of a hundred.
    pub failed_percent_max: u64,
}

impl Default for Enough {
    fn default() -> Enough {
        Enough {
            puts_min: 0,
            removes_found_min: 0,
            reads_found_min: 0,
            absent_min: 0,
            unknown_writes_min: 0,
            failed_percent_max: 100,
        }
    }
}

/// Counts a history and tells where too little happened.
pub fn vacuous(history: &History, enough: &Enough) -> Violations {
    let counts = Counts::of(history);
    let absent = counts.removes - counts.removes_found + counts.reads - counts.reads_found;
    let mut found = Violations::default();
    for (what, happened, wanted) in [
        ("puts that took effect", counts.puts, enough.puts_min),
        ("removes that found a row", counts.removes_found, enough.removes_found_min),
        ("reads that found a row", counts.reads_found, enough.reads_found_min),
        ("reads and removes that found no row", absent, enough.absent_min),
        ("writes of unknown outcome", counts.unknown_writes, enough.unknown_writes_min),
    ] {
        if happened < wanted {
            found.add("vacuous", &[], || format!("too little happened: {happened} {what}, wanted {wanted}"));
        }
    }
    let failed = counts.refused + counts.unknown_writes + counts.unknown_reads;
    let most = enough.failed_percent_max;
    if failed.saturating_mul(100) > most.saturating_mul(history.len() as u64) {
        found.add("vacuous", &[], || {
            format!("too little succeeded: {failed} of {} failed, at most {most} % may", history.len())
        });
    }
    found
}

impl Counts {
    /// Counts the operations of a history.
    pub fn of(history: &History) -> Counts {
        let mut counts = Counts::default();
        for op in history.ops() {
            match (op.call, op.outcome) {
                (_, Outcome::Refused) => counts.refused += 1,
                (Call::Get, Outcome::Read { row, .. }) => {
                    counts.reads += 1;
                    counts.reads_found += u64::from(row.is_some());
                }
                (Call::Get, _) => counts.unknown_reads += 1,
                (Call::Put { .. }, Outcome::Wrote { .. }) => counts.puts += 1,
                (Call::Remove, Outcome::Wrote { found, .. }) => {
                    counts.removes += 1;
                    counts.removes_found += u64::from(found);
                }
                (Call::Put { .. } | Call::Remove, _) => counts.unknown_writes += 1,
            }
        }
        counts
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { puts, removes, removes_found, reads, reads_found, .. } = self;
        write!(f, "puts {puts}, removes {removes} ({removes_found} found a row), ")?;
        write!(f, "reads {reads} ({reads_found} found a row), refused {}, ", self.refused)?;
        write!(f, "unknown writes {}, unanswered reads {}", self.unknown_writes, self.unknown_reads)
    }
}
