//! Threads, by name.

/// Starts threads.
pub trait Spawn: Send + Sync {
    /// Runs `body` beside the caller. In simulation it runs when the simulated
    /// world says so, on the world's own thread.
    fn thread(&self, name: &str, body: Box<dyn FnOnce() + Send>) -> std::io::Result<Box<dyn Joiner>>;
}

/// Waits for a thread.
pub trait Joiner: Send + Sync {
    /// Returns when the thread has ended; `Err` when it panicked.
    fn join(self: Box<Self>) -> std::thread::Result<()>;
}
