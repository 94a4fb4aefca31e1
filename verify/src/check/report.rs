//! All that the checkers say of a history.

use super::end::{End, dense};
use super::linearizable::{Verdict, linearizable};
use super::vacuous::Counts;
use super::version_order::version_order;
use super::violation::Violations;
use crate::history::History;
use serde::Serialize;
use std::fmt;

/// The word of all checkers on one history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What was done. Nothing wrong in nothing done is worth nothing.
    pub counts: Counts,
    /// Of `version_order` and of `dense`.
    pub violations: Violations,
    /// Of `linearizable`.
    pub verdict: Verdict,
}

/// Judges a history by everything that is known of its end.
pub fn all(history: &History, end: &End) -> Report {
    let closed = history.closed_by(end);
    let mut violations = version_order(&closed);
    violations.extend(dense(&closed, end));
    Report { counts: Counts::of(history), violations, verdict: linearizable(&closed) }
}

impl Report {
    /// Nothing is wrong, and everything was decided.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty() && self.verdict == Verdict::Linearizable
    }

    /// Something is wrong. Neither this nor clean is a search that was too
    /// large.
    pub fn is_violated(&self) -> bool {
        !self.violations.is_empty() || matches!(self.verdict, Verdict::NotLinearizable(_))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.counts)?;
        write!(f, "{}", self.violations)?;
        writeln!(f, "{}", self.verdict)
    }
}
