//! Threads of a simulated node: coroutines on the world's one real thread.
//!
//! A node's threads wait for one another, for a disk and for time. Here each is
//! a coroutine with a stack of its own, so that production code runs as it is,
//! waits included: whoever waits lets go of the real thread, and is resumed when
//! what it waits for has happened in virtual time. Of those that can go on, a
//! stream of the seed picks the next, so that a seed is also a schedule.
//!
//! A crash forgets the coroutines of a host: no destructor runs, as with a
//! process that is killed.
//!
//! ```text
//! env::Spawn ─► fiber ──waits──► env::Bell, or a time ──ring──► ready ─► resumed by `drive`
//! ```

mod bell;
mod fatal;
mod registry;
mod spawn;
mod stack;

pub use fatal::Ends;
pub use registry::{begin, drive, end_of, forget, keep, pause_until, set_frozen, waiting};
pub use spawn::Threads;

/// A simulated host, by number.
pub type HostId = u32;
