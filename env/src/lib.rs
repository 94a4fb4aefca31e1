//! The seams that simulation replaces.
//!
//! It is: traits for the outside world (clock, randomness, threads, files, the
//! end of the process), each with a real and a simulated implementation.
//! It is not: anything of the domain. It knows no key, no record, no partition.
//!
//! Everything else in Statehouse reaches the world through an [`Env`], so that
//! one seed decides a whole simulated run. Clippy bans the direct routes and
//! names the seam to use instead.
//!
//! ```text
//!            ┌ Clock ─ Rng ─ Spawn ─ Files ─ LogDevice ─ Fatal ┐
//! production │ OS      OS    thread  std::fs pread/fdatasync abort │  real/
//! simulation │ virtual seed  inline  SimDisk SimFile        unwind │  sim/
//!            └─────────────────────────────────────────────────┘
//! ```

pub mod buggify;
pub mod clock;
pub mod fatal;
pub mod files;
pub mod plant;
pub mod real;
pub mod rng;
pub mod sim;
pub mod spawn;

pub use clock::{Clock, Mono, Wall};
pub use fatal::Fatal;
pub use files::{Entry, EntryKind, FileLock, Files, LogDevice};
pub use plant::{Plant, Plants};
pub use rng::Rng;
pub use spawn::{Joiner, Spawn};

use std::sync::Arc;

/// The world as one process sees it. Cheap to clone.
#[derive(Clone)]
pub struct Env {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The root of all random streams.
    pub rng: Rng,
    /// Threads.
    pub spawn: Arc<dyn Spawn>,
    /// Names and contents on disk.
    pub files: Arc<dyn Files>,
    /// The way to end this process when going on would be a lie.
    pub fatal: Arc<dyn Fatal>,
}
