//! A clock that moves when it is told to.

use crate::clock::{Clock, Mono, Wall};
use std::sync::atomic::{AtomicU64, Ordering};

/// Virtual time: monotonic and wall readings are moved apart at will.
#[derive(Debug)]
pub struct SimClock {
    mono: AtomicU64,
    wall: AtomicU64,
}

impl Default for SimClock {
    fn default() -> SimClock {
        // 2020-01-01, so that dates in traces look like dates.
        SimClock { mono: AtomicU64::new(0), wall: AtomicU64::new(1_577_836_800_000_000_000) }
    }
}

impl SimClock {
    /// Both clocks go forward.
    pub fn advance_ms(&self, ms: u64) {
        self.mono.fetch_add(ms * 1_000_000, Ordering::Relaxed);
        self.wall.fetch_add(ms * 1_000_000, Ordering::Relaxed);
    }

    /// Both clocks go forward to where the one that never goes back shows this.
    pub fn go_to(&self, ns: u64) {
        let ahead = ns.saturating_sub(self.mono.fetch_max(ns, Ordering::Relaxed));
        self.wall.fetch_add(ahead, Ordering::Relaxed);
    }

    /// Somebody sets the wall clock, perhaps back.
    pub fn set_wall(&self, wall: Wall) {
        self.wall.store(wall.0, Ordering::Relaxed);
    }
}

impl Clock for SimClock {
    fn mono(&self) -> Mono {
        Mono(self.mono.load(Ordering::Relaxed))
    }

    fn wall(&self) -> Wall {
        Wall(self.wall.load(Ordering::Relaxed))
    }
}
