//! The world as it is.

mod clock;
mod direct;
mod fatal;
mod files;
mod spawn;

pub use clock::OsClock;
pub use fatal::Abort;
pub use files::OsFiles;
pub use spawn::OsThreads;

use crate::{Env, Rng};
use std::io;
use std::sync::Arc;

/// The real world, for production.
pub fn env() -> io::Result<Env> {
    Ok(Env {
        clock: Arc::new(OsClock::new()),
        rng: Rng::from_os()?,
        spawn: Arc::new(OsThreads),
        files: Arc::new(OsFiles),
        fatal: Arc::new(Abort),
    })
}
