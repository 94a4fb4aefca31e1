//! A finding: where, what, and what to do instead.

use std::fmt;

/// One line of output. Every finding names its remedy: a rule without one only
/// costs the reader time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Path in the repository, with `/`.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub instead: String,
    /// Printed, but does not fail the check.
    pub warning: bool,
}

impl Finding {
    /// An error at a zero-based line index, as iteration gives them.
    pub fn at(file: &str, index: usize, what: impl Into<String>, instead: impl Into<String>) -> Finding {
        Finding {
            file: file.to_owned(),
            line: index + 1,
            what: what.into(),
            instead: instead.into(),
            warning: false,
        }
    }

    /// The same, as advice.
    #[must_use]
    pub fn into_warning(mut self) -> Finding {
        self.warning = true;
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = if self.warning { "warning: " } else { "" };
        write!(f, "{level}{}:{}: {} ({})", self.file, self.line, self.what, self.instead)
    }
}
