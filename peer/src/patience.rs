//! How long a link waits for what.

use std::time::Duration;

/// Deadlines of links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For a connection, and again for who is at its other end.
    pub connect: Duration,
    /// For bytes to be taken: who takes none for so long is gone.
    pub stall: Duration,
    /// A link on which nothing was sent for so long says that it is there.
    pub beat: Duration,
    /// A link on which nothing came for so long is taken for dead.
    pub silence: Duration,
    /// Between two attempts to connect, the first time and at most.
    pub again: (Duration, Duration),
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            connect: Duration::from_secs(1),
            stall: Duration::from_secs(2),
            beat: Duration::from_millis(300),
            silence: Duration::from_millis(1_500),
            again: (Duration::from_millis(20), Duration::from_millis(500)),
        }
    }
}
