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
    waiting: Mutex<Waiting>,
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

    /// Somebody has seen in the store that everything up to here is applied, before
    /// that was said, and is going to tell others: it is said from now on.
    pub fn is_shown(&self, applied: Index) {
        self.applied.fetch_max(applied, Ordering::SeqCst);
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
        let stale = waiting.make_room();
        if !waiting.wakers.iter().any(|known| known.will_wake(waker)) {
            waiting.wakers.push(waker.clone());
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
            std::mem::take(&mut *waiting).wakers
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}

/// Who waits for more.
#[derive(Debug)]
struct Waiting {
    wakers: Vec<Waker>,
    /// So many may be, until it is seen who is still there.
    most: usize,
}

impl Default for Waiting {
    fn default() -> Waiting {
        Waiting { wakers: Vec::new(), most: WAITING_MAX }
    }
}

impl Waiting {
    /// Those who have to say again that they wait. If all of them do, there is room
    /// for as many more: otherwise they would chase one another for ever.
    fn make_room(&mut self) -> Vec<Waker> {
        if self.wakers.len() < self.most {
            return Vec::new();
        }
        self.most = self.wakers.len() * 2;
        std::mem::take(&mut self.wakers)
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
    fn any_number_may_wait_and_nobody_wakes_them_but_news() {
        let published = Published::new(Epoch::FIRST, 5, Stamp(50));
        let woken: Vec<_> = (0..3 * WAITING_MAX).map(|_| Arc::new(Woken::default())).collect();
        let wakers: Vec<Waker> = woken.iter().map(|woken| Waker::from(woken.clone())).collect();
        let times = || woken.iter().map(|woken| woken.0.load(Ordering::SeqCst)).collect::<Vec<_>>();
        let mut seen = vec![0; woken.len()];
        // Whoever is woken for nothing waits again, and that comes to an end.
        for round in 0.. {
            assert!(round < 5, "they chase one another");
            let now = times();
            let again: Vec<usize> = (0..now.len()).filter(|at| round == 0 || now[*at] > seen[*at]).collect();
            if again.is_empty() {
                break;
            }
            seen = now;
            again.iter().for_each(|at| assert!(!published.is_beyond(5, &wakers[*at])));
        }
        published.set_applied(6, Stamp(60));
        assert!(times().iter().zip(&seen).all(|(now, seen)| now > seen), "all are told");
    }

    #[test]
    fn what_was_shown_is_announced_and_nothing_goes_back() {
        let published = Published::new(Epoch::FIRST, 5, Stamp(50));
        published.is_shown(7);
        published.is_shown(6);
        assert_eq!((published.applied(), published.stamp()), (7, Stamp(50)));
        published.set_applied(7, Stamp(70));
        assert_eq!((published.applied(), published.stamp()), (7, Stamp(70)));
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
