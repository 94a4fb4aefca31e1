//! The clock of a simulated host: the world's virtual time, seen through an
//! offset and a rate of its own.

use env::{Clock, Mono, Wall};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// 2020-01-01, so that dates in traces look like dates.
const WALL_ZERO_MS: i64 = 1_577_836_800_000;

/// Reads virtual time. Made anew whenever the host starts.
pub struct HostClock {
    reading: Mutex<Reading>,
}

#[derive(Clone, Copy)]
struct Reading {
    /// A moment of the runtime's clock, and what this clock showed then.
    at: Instant,
    mono_ns: u64,
    rate_percent: u64,
    wall_offset_ms: i64,
}

impl HostClock {
    /// A clock that shows `elapsed` now. To be called on the host's runtime.
    pub fn new(elapsed: Duration, rate_percent: u64, wall_offset_ms: i64) -> HostClock {
        let mono_ns = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        let reading = Reading { at: now(), mono_ns, rate_percent, wall_offset_ms };
        HostClock { reading: Mutex::new(reading) }
    }

    fn reading(&self) -> MutexGuard<'_, Reading> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The moment of the runtime's clock at which this clock shows `mono`.
    pub fn instant_of(&self, mono: Mono) -> Instant {
        let reading = *self.reading();
        let ahead_ns = mono.0.saturating_sub(reading.mono_ns);
        // Not a nanosecond early: whoever waits would find that it is not time yet.
        reading.at + Duration::from_nanos((ahead_ns * 100).div_ceil(reading.rate_percent))
    }
}

impl HostClock {
    /// Somebody sets the wall clock.
    pub fn set_wall_offset(&self, offset_ms: i64) {
        self.reading().wall_offset_ms = offset_ms;
    }
}

impl Reading {
    fn mono_ns(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.at).as_nanos() as u64;
        self.mono_ns + passed * self.rate_percent / 100
    }
}

#[allow(clippy::disallowed_methods, reason = "a host's runtime shows virtual time")]
fn now() -> Instant {
    assert!(tokio::runtime::Handle::try_current().is_ok(), "only on a host's runtime is time virtual");
    Instant::now()
}

impl Clock for HostClock {
    fn mono(&self) -> Mono {
        Mono(self.reading().mono_ns(now()))
    }

    fn wall(&self) -> Wall {
        let reading = *self.reading();
        let ms = WALL_ZERO_MS + reading.wall_offset_ms;
        Wall(u64::try_from(ms).unwrap_or(0) * 1_000_000 + reading.mono_ns(now()))
    }
}
