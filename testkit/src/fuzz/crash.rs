//! Crashes at any operation of a disk: the death of the process alone, or a
//! power loss with any image it may leave.

use env::rng::Rng;
use env::sim::{Image, Pending, SimDisk};
use std::sync::{Arc, Mutex, PoisonError};

/// Where and how it ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crash {
    /// After which operation; counted round.
    pub point: u8,
    /// Which image a power loss leaves, counted round; `None`: the process
    /// dies and the page cache stays.
    pub image: Option<u16>,
}

/// Notes what pends after each operation of a disk.
pub(super) struct Witness {
    points: Arc<Mutex<Vec<Pending>>>,
}

impl Witness {
    /// Begins with the disk as it stands.
    pub fn watch(disk: &SimDisk) -> Witness {
        let points = Arc::new(Mutex::new(vec![disk.pending()]));
        let noted = points.clone();
        disk.watch(move |_, _, pending| {
            noted.lock().unwrap_or_else(PoisonError::into_inner).push(pending.clone());
        });
        Witness { points }
    }

    /// The disk that the crash leaves, and whether everything had been done.
    pub fn after(&self, crash: Crash) -> (SimDisk, bool) {
        let points = self.points.lock().unwrap_or_else(PoisonError::into_inner);
        let at = usize::from(crash.point) % points.len();
        let disk = match crash.image {
            None => SimDisk::from_pending(&points[at]),
            Some(nth) => SimDisk::from_image(image(&points[at], usize::from(nth))),
        };
        (disk, at + 1 == points.len())
    }
}

fn image(pending: &Pending, nth: usize) -> Image {
    let mut images = Vec::new();
    pending.each_image(&mut Rng::from_seed(1).stream("images"), |image| images.push(image));
    let nth = nth % images.len();
    images.swap_remove(nth)
}
