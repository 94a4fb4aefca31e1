//! Everything that a crash may leave of a call.

use env::Rng;
use env::sim::SimDisk;
use std::sync::{Arc, Mutex};

/// Every disk that a death of the process, or a power loss that keeps nothing
/// unsynced, may leave during the call.
pub fn crashes(disk: &SimDisk, call: impl FnOnce()) -> Vec<SimDisk> {
    let seen = Arc::new(Mutex::new(vec![disk.pending()]));
    let sees = seen.clone();
    disk.watch(move |_, _, pending| sees.lock().expect("not poisoned").push(pending.clone()));
    call();
    disk.watch(|_, _, _| ());
    let mut disks = Vec::new();
    for pending in seen.lock().expect("not poisoned").iter() {
        disks.push(SimDisk::from_pending(pending));
        let mut least = None;
        pending.each_image(&mut Rng::from_seed(1).stream("images"), |image| {
            least.get_or_insert(image);
        });
        disks.extend(least.map(SimDisk::from_image));
    }
    disks
}
