//! The end of one simulated host.

use crate::fatal::Fatal;
use std::panic::resume_unwind;

/// What unwinds out of a host that ended itself.
#[derive(Debug)]
pub struct HostEnds(pub String);

/// Unwinds to whoever runs the host, without the panic hook's noise.
pub struct Unwind;

impl Fatal for Unwind {
    fn fatal(&self, reason: &str) -> ! {
        resume_unwind(Box::new(HostEnds(reason.to_owned())))
    }
}
