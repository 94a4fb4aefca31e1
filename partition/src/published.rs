//! What a partition lets others see without asking it.

use model::{Epoch, Index, Stamp};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::Waker;

/// Wakers that are kept, of those who wait and of those who did.
const WAITING_MAX: usize = 256;

/// Written by the partition's shard, read by anybody.
///
/// Reads that pass the shard check here whether they may be served, and then
/// read the store: the check is their linearization point.
#[derive(Debug)]
pub struct Published {
    serving: AtomicBool,
    generation: AtomicU64,
    term: AtomicU64,
    applied: AtomicU64,
    stamp: AtomicU64,
    own: AtomicU64,
    /// Does anybody wait for more? Asked with every change, and rarely so.
    awaited: AtomicBool,
    waiting: Mutex<Vec<Waker>>,
}

impl Published {
    /// Of a partition that serves under this epoch.
    pub fn new(epoch: Epoch, applied: Index, stamp: Stamp) -> Published {
        Published {
            serving: AtomicBool::new(true),
            generation: AtomicU64::new(epoch.generation),
            term: AtomicU64::new(epoch.term),
            applied: AtomicU64::new(applied),
            stamp: AtomicU64::new(stamp.0),
            own: AtomicU64::new(0),
            awaited: AtomicBool::new(false),
            waiting: Mutex::default(),
        }
    }

    /// May it be read here?
    pub fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Acquire)
    }

    /// It may not be read here any more.
    pub fn stop(&self) {
        self.serving.store(false, Ordering::Release);
        self.wake();
    }

    /// The epoch it serves under. Changes only while it does not serve.
    pub fn epoch(&self) -> Epoch {
        Epoch { generation: self.generation.load(Ordering::Acquire), term: self.term.load(Ordering::Acquire) }
    }

    /// Everything up to here is in its store.
    pub fn applied(&self) -> Index {
        self.applied.load(Ordering::Acquire)
    }

    /// The stamp of what is applied, or an earlier one: what is over by then is
    /// not there.
    pub fn stamp(&self) -> Stamp {
        Stamp(self.stamp.load(Ordering::Acquire))
    }

    /// How many of its indexes were taken by owners of their own accord.
    pub fn own(&self) -> u64 {
        self.own.load(Ordering::Acquire)
    }

    /// So many are by now.
    pub fn set_own(&self, own: u64) {
        self.own.store(own, Ordering::Release);
    }

    /// The store has everything up to here: before any answer says so.
    pub fn set_applied(&self, applied: Index, stamp: Stamp) {
        self.stamp.store(stamp.0, Ordering::Release);
        let before = self.applied.swap(applied, Ordering::SeqCst);
        assert!(before <= applied, "the applied index went back from {before} to {applied}");
        if self.awaited.load(Ordering::SeqCst) {
            self.wake();
        }
    }

    /// Is more applied than this, or does it serve no longer? If neither is so, the
    /// waker is called as soon as one is.
    pub fn is_beyond(&self, applied: Index, waker: &Waker) -> bool {
        let is_beyond = || self.applied.load(Ordering::SeqCst) > applied || !self.is_serving();
        if is_beyond() {
            return true;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // Those who have gone left theirs behind; who is still there asks again.
        let stale = if waiting.len() >= WAITING_MAX { std::mem::take(&mut *waiting) } else { Vec::new() };
        if !waiting.iter().any(|known| known.will_wake(waker)) {
            waiting.push(waker.clone());
        }
        self.awaited.store(true, Ordering::SeqCst);
        drop(waiting);
        stale.into_iter().for_each(Waker::wake);
        // It may have come in between, before anybody was waited for.
        is_beyond()
    }

    fn wake(&self) {
        let waiting = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            self.awaited.store(false, Ordering::SeqCst);
            std::mem::take(&mut *waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn who_waits_is_woken_once_for_each_time_it_asked() {
        let published = Published::new(Epoch::FIRST, 5, Stamp(50));
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        let count = || woken.0.load(Ordering::SeqCst);
        assert!(published.is_beyond(4, &waker));
        assert!(!published.is_beyond(5, &waker) && !published.is_beyond(5, &waker));
        assert_eq!(count(), 0);
        published.set_applied(6, Stamp(60));
        assert_eq!((count(), published.stamp()), (1, Stamp(60)));
        published.set_applied(7, Stamp(70));
        assert_eq!(count(), 1, "it did not ask again");
        assert!(published.is_beyond(6, &waker) && !published.is_beyond(7, &waker));
        published.stop();
        assert_eq!(count(), 2);
        assert!(published.is_beyond(7, &waker), "nothing more will come");
    }
}
