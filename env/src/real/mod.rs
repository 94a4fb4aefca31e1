//! The world as it is.

mod clock;
mod direct;
mod fatal;
mod files;
#[cfg(any(feature = "net", test))]
mod net;
mod spawn;

pub use clock::OsClock;
pub use fatal::Abort;
pub use files::OsFiles;
#[cfg(any(feature = "net", test))]
pub use net::OsNet;
pub use spawn::OsThreads;

use crate::{Env, Rng};
use std::io;
use std::sync::Arc;

#[cfg(not(any(feature = "net", test)))]
use crate::net::NoNet as OsNet;

/// The real world, for production. It has a network where the feature `net` is
/// on.
pub fn env() -> io::Result<Env> {
    Ok(Env {
        clock: Arc::new(OsClock::new()),
        rng: Rng::from_os()?,
        spawn: Arc::new(OsThreads),
        files: Arc::new(OsFiles),
        net: Arc::new(OsNet),
        fatal: Arc::new(Abort),
    })
}
