//! What is wrong with what was given, and what to write instead.

use super::origin::Origin;
use super::raw::{Assignment, Flaw, Raw};
use std::fmt;

/// One problem. All of them together are a usage error: exit code 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands.
    pub origin: Origin,
    /// What is wrong, with names and values.
    pub what: String,
    /// What to do.
    pub hint: String,
}

impl Problem {
    /// A problem with something that stands somewhere.
    pub(super) fn new(origin: Origin, what: impl Into<String>, hint: impl Into<String>) -> Problem {
        Problem { origin, what: what.into(), hint: hint.into() }
    }

    /// A value that its key does not accept.
    pub(super) fn flaw(assignment: &Assignment, flaw: Flaw) -> Problem {
        let Assignment { key, raw, origin } = assignment;
        let what = match (raw, flaw) {
            (Raw::Other(name), _) => format!("`{}` takes no {name}", key.path),
            (_, Flaw::Form) => format!("`{}` = {raw} is not understood", key.path),
            (_, Flaw::Range) => format!("`{}` = {raw} is out of range", key.path),
        };
        Problem::new(origin.clone(), what, format!("accepted: {}", key.kind))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n  {}", self.origin, self.what, self.hint)
    }
}
