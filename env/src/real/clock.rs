//! The operating system's clocks.
#![allow(clippy::disallowed_methods)] // this is the seam

use crate::clock::{Clock, Mono, Wall};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Reads the operating system's clocks.
pub struct OsClock {
    start: Instant,
}

impl OsClock {
    /// The monotonic clock starts now.
    pub fn new() -> OsClock {
        OsClock { start: Instant::now() }
    }
}

impl Default for OsClock {
    fn default() -> OsClock {
        OsClock::new()
    }
}

fn nanos(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Clock for OsClock {
    fn mono(&self) -> Mono {
        Mono(nanos(self.start.elapsed()))
    }

    fn wall(&self) -> Wall {
        // A clock set before 1970 reads as 1970; stamps rise all the same.
        Wall(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, nanos))
    }
}
