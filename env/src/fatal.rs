//! The end of the process, for when going on would be a lie.
//!
//! A failed sync is the first case: what the page cache shows and what the disk
//! holds may differ from then on, and only a restart finds out.

/// Ends the process (in simulation, the host) and never returns.
pub trait Fatal: Send + Sync {
    /// `reason` is the last thing printed; it begins with an error code.
    fn fatal(&self, reason: &str) -> !;
}
