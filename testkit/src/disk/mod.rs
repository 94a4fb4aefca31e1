//! Crash enumeration of one node's disk.
//!
//! A *script* of appends, flushes, pauses and restarts runs on a simulated
//! disk. After each operation that reached the disk, every image that a power
//! loss may leave is opened again, and so is the page cache that a kill leaves,
//! with a power loss at each step of *that* recovery. A *ledger* knows what was
//! submitted, acknowledged and shown; recovery must hold all of the second and
//! third and none beyond the first.
//!
//! ```text
//! script ─► host (log + store + machine on SimDisk) ─► points ─► images ─► host again ─► ledger
//! ```

mod enumerate;
mod host;
mod ledger;
mod rot;
mod script;

pub use enumerate::{Enumeration, Tally};
pub use ledger::Verdict;
