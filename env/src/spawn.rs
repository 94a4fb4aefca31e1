//! Threads, by name, and what they wait at.

use crate::clock::Mono;
use std::sync::Arc;

/// Starts threads.
pub trait Spawn: Send + Sync {
    /// Runs `body` beside the caller. In simulation it runs when the simulated
    /// world says so, on the world's own thread.
    fn thread(&self, name: &str, body: Box<dyn FnOnce() + Send>) -> std::io::Result<Box<dyn Joiner>>;

    /// A new place for these threads to wait at. `None` where threads are the
    /// operating system's and wait by its means.
    fn bell(&self) -> Option<Arc<dyn Bell>> {
        None
    }
}

/// Waits for a thread.
pub trait Joiner: Send + Sync {
    /// Returns when the thread has ended; `Err` when it panicked.
    fn join(self: Box<Self>) -> std::thread::Result<()>;
}

/// A place where simulated threads wait. Whoever waits looks again after each
/// ring whether it may go on, so a ring too many costs nothing but time.
pub trait Bell: Send + Sync {
    /// Wakes all who wait.
    fn ring(&self);

    /// Returns after the next ring, or when the clock of the waiting thread's
    /// world shows `until`.
    fn wait(&self, until: Option<Mono>);
}

/// Rings when it is dropped: whoever waits for somebody to leave hears it.
pub(crate) struct Leaving(pub Option<Arc<dyn Bell>>);

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(bell) = &self.0 {
            bell.ring();
        }
    }
}
