//! The world's one clock, as each host reads it.

use env::{Clock, Mono, Wall};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Virtual nanoseconds since the world began.
#[derive(Clone, Default)]
pub struct WorldClock(Arc<AtomicU64>);

impl WorldClock {
    /// Time goes on.
    pub fn set(&self, ns: u64) {
        self.0.store(ns, Ordering::Relaxed);
    }

    /// Now.
    pub fn ns(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Clock for WorldClock {
    fn mono(&self) -> Mono {
        Mono(self.ns())
    }

    fn wall(&self) -> Wall {
        Wall(self.ns())
    }
}
