//! The seams that simulation replaces.
//!
//! It is: traits for the outside world (clock, randomness, threads, files, the
//! network, the end of the process), each with a real and a simulated
//! implementation. The simulated network is part of the simulated world, which
//! knows all hosts; here stands one that refuses.
//! It is not: anything of the domain. It knows no key, no record, no partition.
//!
//! Everything else in Statehouse reaches the world through an [`Env`], so that
//! one seed decides a whole simulated run. Clippy bans the direct routes and
//! names the seam to use instead.
//!
//! ```text
//!            ┌ Clock ── Rng ─ Spawn ── Files ── LogDevice ─────── Net ─── Fatal ──┐
//! production │ OS       OS    thread   std::fs  pread/fdatasync   TCP     abort   │  real/
//! simulation │ virtual  seed  inline   SimDisk  SimFile           NoNet   unwind  │  sim/
//!            └────────────────────────────────────────────────────────────────────┘
//! ```

pub mod buggify;
pub mod channel;
pub mod clock;
pub mod fatal;
pub mod files;
pub mod lock;
pub mod net;
pub mod plant;
pub mod real;
pub mod rng;
pub mod sim;
pub mod sometimes;
pub mod spawn;

pub use channel::{Receiver, Sender};
pub use clock::{Clock, Mono, Wall};
pub use fatal::Fatal;
pub use files::{Entry, EntryKind, FileLock, Files, LogDevice};
pub use lock::{Guard, Lock};
pub use net::{Accepted, Listener, Net, Stream};
pub use plant::{Plant, Plants};
pub use rng::Rng;
pub use spawn::{Bell, Joiner, Spawn};

use std::any::Any;
use std::fmt::Display;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
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
    /// Connections.
    pub net: Arc<dyn Net>,
    /// The way to end this process when going on would be a lie.
    pub fatal: Arc<dyn Fatal>,
}

impl Env {
    /// Keeps the thread that calls it waiting for so long.
    pub fn pause_ms(&self, ms: u64) {
        let (_nobody, says) = self.channel::<()>(1);
        let _ = says.recv_until(&*self.clock, self.clock.mono().plus_ms(ms));
    }

    /// Starts a thread that others wait for: where it panics, they would wait
    /// for ever, so the process ends instead, `code` first.
    pub fn vital_thread(
        &self,
        name: &str,
        code: impl Display,
        body: impl FnOnce() + Send + 'static,
    ) -> io::Result<Box<dyn Joiner>> {
        let (fatal, said) = (self.fatal.clone(), format!("{code} thread `{name}` panicked"));
        let run = move || {
            // Nothing that the panic left half done is looked at again.
            let Err(panic) = catch_unwind(AssertUnwindSafe(body)) else { return };
            if panic.is::<sim::HostEnds>() {
                // A simulated host ends by unwinding, and has said why.
                resume_unwind(panic);
            }
            fatal.fatal(&format!("{said}: {}", words_of(&*panic)));
        };
        self.spawn.thread(name, Box::new(run))
    }
}

fn words_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it did not say why")
}
