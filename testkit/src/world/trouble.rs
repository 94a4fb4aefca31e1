//! What a disk does wrong, beyond what a crash does to it.

use super::now;
use env::sim::{Fault, OpKind, SimDisk};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Shared by the world, which asks for trouble, and the disk in the node.
#[derive(Clone, Default)]
pub struct Trouble {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    failed_sync_in: Option<u64>,
    failed_write_in: Option<u64>,
    lying: bool,
    room: Option<u64>,
    /// How often each came to pass.
    happened: BTreeMap<&'static str, u64>,
    /// When something did last.
    last: Option<Duration>,
}

/// What a disk did wrong shows for so long.
const SHOWS: Duration = Duration::from_secs(20);

impl Trouble {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A disk that is put in has this trouble, too.
    pub fn install(&self, disk: &SimDisk) {
        let own = self.clone();
        disk.set_faults(move |kind, _| own.inner().next(kind));
        disk.set_capacity(self.inner().room.map(|room| disk.used_bytes() + room));
    }

    /// The sync after so many others fails.
    pub fn fail_sync(&self, after: u64) {
        self.inner().failed_sync_in = Some(after);
    }

    /// Another operation after so many others fails.
    pub fn fail_write(&self, after: u64) {
        self.inner().failed_write_in = Some(after);
    }

    /// Syncs lie, or are honest again.
    pub fn lie(&self, lying: bool) {
        self.inner().lying = lying;
    }

    /// There is so much room from now on; `None` is enough.
    pub fn set_room(&self, room: Option<u64>, disk: &SimDisk) {
        let mut inner = self.inner();
        inner.room = room;
        inner.last = Some(now());
        disk.set_capacity(room.map(|room| disk.used_bytes() + room));
    }

    /// Everything works again. What has happened stays known.
    pub fn mend(&self, disk: &SimDisk) {
        let mut inner = self.inner();
        (inner.failed_sync_in, inner.failed_write_in) = (None, None);
        (inner.lying, inner.room) = (false, None);
        disk.set_capacity(None);
    }

    /// Has the disk given a process cause to end itself, or to stop something?
    pub fn is_excuse(&self) -> bool {
        let inner = self.inner();
        inner.room.is_some() || inner.last.is_some_and(|last| now() < last + SHOWS)
    }

    /// How often each came to pass.
    pub fn happened(&self) -> BTreeMap<&'static str, u64> {
        self.inner().happened.clone()
    }
}

impl Inner {
    fn next(&mut self, kind: OpKind) -> Option<Fault> {
        match kind {
            OpKind::Read => None,
            OpKind::Sync | OpKind::SyncDir => {
                if is_due(&mut self.failed_sync_in) {
                    return self.happens("failed-sync", Fault::Eio);
                }
                let lies = self.lying && kind == OpKind::Sync;
                if lies { self.happens("lying-sync", Fault::Lie) } else { None }
            }
            _ => {
                if is_due(&mut self.failed_write_in) {
                    self.happens("failed-write", Fault::Eio)
                } else {
                    None
                }
            }
        }
    }

    fn happens(&mut self, name: &'static str, fault: Fault) -> Option<Fault> {
        *self.happened.entry(name).or_default() += 1;
        self.last = Some(now());
        Some(fault)
    }
}

/// Counts down; true once, at the end.
fn is_due(countdown: &mut Option<u64>) -> bool {
    match countdown {
        Some(0) => {
            *countdown = None;
            true
        }
        Some(left) => {
            *left -= 1;
            false
        }
        None => false,
    }
}
