//! A failure as the person at the command line sees it.

use model::{Code, code};
use partition_mgr::DataDirError;
use statestore::StoreError;
use std::fmt;
use wal::LogError;

/// What happened, with the code that says what is safe and what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Never changes meaning.
    pub code: Code,
    /// What happened, with names and numbers.
    pub what: String,
}

impl Failure {
    /// A failure of this code.
    pub fn new(code: Code, what: impl Into<String>) -> Failure {
        Failure { code, what: what.into() }
    }

    /// The process's exit code: a refusal is an answer, everything else kept
    /// us from reading or writing.
    pub fn exit(&self) -> u8 {
        if self.code == code::REPAIR_REFUSED { 1 } else { 3 }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error {}: {}", self.code, self.what)?;
        writeln!(f, "  safe: {}", self.code.safe)?;
        write!(f, "  next: {}", self.code.next)
    }
}

impl From<DataDirError> for Failure {
    fn from(error: DataDirError) -> Failure {
        Failure::new(error.code(), error.to_string())
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Failure {
        Failure::new(error.code(), error.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        Failure::new(error.code(), error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_happened_what_is_safe_and_what_to_do() {
        let failure = Failure::new(code::REPAIR_REFUSED, "partition 7 is not damaged");
        let text = "error SH1109: partition 7 is not damaged\n  safe: Nothing was changed.\n  \
                    next: The message names the range of indexes that can be accepted.";
        assert_eq!(failure.to_string(), text);
        assert_eq!((failure.exit(), Failure::new(code::LOG_IO, "").exit()), (1, 3));
    }
}
