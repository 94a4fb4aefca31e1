//! What many runs have met, altogether.

use crate::world::Outcome;
use std::collections::BTreeMap;
use std::fmt;

/// Rare things that a soak has to have met: one that stays at zero is a branch
/// that nobody tests. What only a store with files of its own meets (a partition
/// that had to be stopped, or had lost its store) is met by real faults.
pub const WANTED: &[&str] = &[
    "a full log refused a request",
    "a laggard was flushed",
    "a log was recovered with damage",
    "a log was recovered with unproven records",
    "a mailbox was full",
    "a memory checkpoint was written",
    "a partition was closed",
    "a partition was erased",
    "a request came too late",
    "a request named another epoch",
    "a request's outcome stayed unknown",
    "a segment was released",
    "a segment was reused",
    "a store took a batch later",
    "a torn tail was dropped",
    "an operation came when nobody needed its answer",
    "an operation was answered again",
    "an operation's client was forgotten",
    "an operation's client was from the future",
];

/// Faults that must come to pass, those of the disk as it shows them.
const FAULTS: &[&str] = &[
    "blank-disk",
    "churn",
    "clock-rate",
    "clock-set",
    "cut",
    "cut-one-way",
    "delay",
    "duplicate",
    "failed-sync-hit",
    "failed-write-hit",
    "full-disk",
    "hold",
    "kill",
    "lying-sync-hit",
    "power",
    "reorder",
    "rot",
    "slow-disk",
    "stop",
    "swapped-disk",
];

/// Sums of outcomes.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    runs: u64,
    simulated_ms: u64,
    written: u64,
    read: u64,
    unknown: u64,
    boots: u64,
    faults: BTreeMap<String, u64>,
    sometimes: BTreeMap<String, u64>,
}

impl Coverage {
    /// One more run.
    pub fn add(&mut self, outcome: &Outcome) {
        self.runs += 1;
        self.simulated_ms += outcome.simulated_ms;
        self.written += outcome.found.written;
        self.read += outcome.found.read;
        self.unknown += outcome.found.unknown;
        self.boots += outcome.found.boots;
        for (sums, counts) in [(&mut self.faults, &outcome.faults), (&mut self.sometimes, &outcome.sometimes)]
        {
            for (name, count) in counts {
                *sums.entry(name.clone()).or_default() += count;
            }
        }
    }

    /// What was never met.
    pub fn missing(&self) -> Vec<&'static str> {
        let unmet = WANTED.iter().copied().filter(|name| !self.sometimes.contains_key(*name));
        let idle = FAULTS.iter().copied().filter(|name| !self.faults.contains_key(*name));
        unmet.chain(idle).collect()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = self.simulated_ms as f64 / 3_600_000.0;
        writeln!(f, "runs {}, simulated hours {hours:.2}, starts of nodes {}", self.runs, self.boots)?;
        writeln!(
            f,
            "writes {}, reads {}, writes of unknown outcome {}",
            self.written, self.read, self.unknown
        )?;
        for (title, counts) in [("faults", &self.faults), ("met", &self.sometimes)] {
            writeln!(f, "{title}:")?;
            for (name, count) in counts {
                writeln!(f, "  {count:>10}  {name}")?;
            }
        }
        for name in self.missing() {
            writeln!(f, "  {:>10}  {name}", 0)?;
        }
        Ok(())
    }
}
