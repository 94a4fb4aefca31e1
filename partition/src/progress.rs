//! How far a replay has come, for whoever waits.

use std::fmt;

/// A reading of a replay that is under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of log read so far.
    pub bytes_done: u64,
    /// Bytes of log in all.
    pub bytes_total: u64,
    /// Records applied so far; the rest was in the store already.
    pub records_applied: u64,
}

impl Progress {
    /// Whole percent; 100 when there is nothing to do.
    pub fn percent(&self) -> u64 {
        let done = self.bytes_done.saturating_mul(100);
        done.checked_div(self.bytes_total).map_or(100, |percent| percent.min(100))
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes >> 20;
        write!(
            f,
            "replaying the log: {} % ({} of {} MiB), {} records applied",
            self.percent(),
            mib(self.bytes_done),
            mib(self.bytes_total),
            self.records_applied
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_to_do_is_done() {
        assert_eq!(Progress::default().percent(), 100);
        let half = Progress { bytes_done: 1 << 20, bytes_total: 2 << 20, records_applied: 3 };
        assert_eq!(half.to_string(), "replaying the log: 50 % (1 of 2 MiB), 3 records applied");
    }
}
