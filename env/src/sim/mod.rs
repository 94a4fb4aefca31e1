//! The world as a seed decides it.

mod clock;
mod disk;
mod fatal;
mod file;
mod image;
mod pending;
mod piece;
mod spawn;

pub use clock::SimClock;
pub use disk::{Fault, OpKind, SimDisk};
pub use fatal::{HostEnds, Unwind};
pub use image::{Atom, Image, SECTOR_BYTES};
pub use pending::Pending;
pub use piece::Piece;
pub use spawn::InlineThreads;

use crate::net::NoNet;
use crate::{Env, Rng};
use std::sync::Arc;

/// A simulated world over a disk that outlives it. It has no network: whoever
/// runs several hosts gives them one.
pub fn env(seed: u64, disk: &SimDisk, clock: &Arc<SimClock>) -> Env {
    Env {
        clock: clock.clone(),
        rng: Rng::from_seed(seed),
        spawn: Arc::new(InlineThreads::default()),
        files: Arc::new(disk.clone()),
        net: Arc::new(NoNet),
        fatal: Arc::new(Unwind),
    }
}
