//! Ending the process.

use crate::fatal::Fatal;
use std::io::Write;

/// Prints the reason and aborts: no destructor runs, so nothing half known is
/// flushed on the way out.
pub struct Abort;

impl Fatal for Abort {
    fn fatal(&self, reason: &str) -> ! {
        let _ = writeln!(std::io::stderr(), "statehouse ends: {reason}");
        std::process::abort()
    }
}
