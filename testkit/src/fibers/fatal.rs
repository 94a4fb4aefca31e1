//! The end of a simulated host that ends itself.

use super::{HostId, registry, stack};
use env::Fatal;

/// Ends the host: none of its fibers runs again, and no destructor either.
pub struct Ends(pub HostId);

impl Fatal for Ends {
    fn fatal(&self, reason: &str) -> ! {
        registry::end(self.0, reason);
        loop {
            // Never resumed. In a task it is an error of the simulation.
            stack::suspend();
        }
    }
}
