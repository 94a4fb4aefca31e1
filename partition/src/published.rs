//! What a partition lets others see without asking it.

use model::{Epoch, Index, NodeId, Stamp};
use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

/// Who writes a partition's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leader {
    /// The replica here.
    Here,
    /// One on another node.
    On(NodeId),
    /// There is none, or nobody here has heard of it.
    Unknown,
}

const HERE: u64 = u64::MAX;
const UNKNOWN: u64 = u64::MAX - 1;

/// Written by the partition's shard, read by anybody.
///
/// Reads that pass the shard check here whether they may be served, and then
/// read the store: the check is their linearization point.
#[derive(Debug)]
pub struct Published {
    serving: AtomicBool,
    /// Who writes: this one, another one, or nobody knows.
    leader: AtomicU64,
    /// Is being the leader here something that others have to confirm?
    replicated: AtomicBool,
    generation: AtomicU64,
    term: AtomicU64,
    applied: AtomicU64,
    stamp: AtomicU64,
    own: AtomicU64,
    /// Does anybody wait for more? Asked with every change, and rarely so.
    awaited: AtomicBool,
    waiting: Mutex<Waiting>,
    /// Is told when somebody else writes.
    moved: OnceLock<Moved>,
}

/// Whom to tell, without waiting.
struct Moved(Box<dyn Fn() + Send + Sync>);

impl fmt::Debug for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Moved")
    }
}

impl Published {
    /// Of a partition that serves under this epoch.
    pub fn new(epoch: Epoch, applied: Index, stamp: Stamp) -> Published {
        Published {
            serving: AtomicBool::new(true),
            leader: AtomicU64::new(HERE),
            replicated: AtomicBool::new(false),
            generation: AtomicU64::new(epoch.generation),
            term: AtomicU64::new(epoch.term),
            applied: AtomicU64::new(applied),
            stamp: AtomicU64::new(stamp.0),
            own: AtomicU64::new(0),
            awaited: AtomicBool::new(false),
            waiting: Mutex::default(),
            moved: OnceLock::new(),
        }
    }

    /// Whenever somebody else writes from now on, this is called, by the shard's thread.
    /// Once: the first counts.
    pub fn on_move(&self, moved: impl Fn() + Send + Sync + 'static) {
        let _ = self.moved.set(Moved(Box::new(moved)));
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

    /// It has replicas on other nodes, and nobody knows yet who leads.
    pub fn set_replicated(&self) {
        self.replicated.store(true, Ordering::Release);
        self.follow(None);
    }

    /// Has it replicas on other nodes? Then nobody here knows by himself whether it
    /// leads still: a read has to ask its group first.
    pub fn is_replicated(&self) -> bool {
        self.replicated.load(Ordering::Acquire)
    }

    /// Who writes.
    pub fn leader(&self) -> Leader {
        match self.leader.load(Ordering::Acquire) {
            HERE => Leader::Here,
            UNKNOWN => Leader::Unknown,
            node => Leader::On(NodeId(node)),
        }
    }

    /// It writes here from now on, under this epoch.
    pub fn lead(&self, epoch: Epoch) {
        self.generation.store(epoch.generation, Ordering::Release);
        self.term.store(epoch.term, Ordering::Release);
        self.set_leader(HERE);
    }

    /// Somebody leads in this term.
    pub fn began(&self, term: u64) {
        self.term.fetch_max(term, Ordering::AcqRel);
    }

    /// Another one writes, on this node if that is known.
    pub fn follow(&self, leader: Option<NodeId>) {
        self.set_leader(leader.map_or(UNKNOWN, |node| node.0));
    }

    fn set_leader(&self, leader: u64) {
        let before = self.leader.swap(leader, Ordering::AcqRel);
        if let Some(Moved(moved)) = self.moved.get().filter(|_| before != leader) {
            moved();
        }
    }

    /// The epoch it serves under. Changes only while it does not write.
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

    /// Waits until more is applied than this, or it serves no longer.
    pub fn more(&self, applied: Index) -> More<'_> {
        More { published: self, applied, number: None }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        let wakers = {
            let mut waiting = self.waiting();
            self.awaited.store(false, Ordering::SeqCst);
            std::mem::take(&mut waiting.wakers)
        };
        wakers.into_values().for_each(Waker::wake);
    }
}

/// Who waits for more, each by a number of his own.
#[derive(Debug, Default)]
struct Waiting {
    wakers: BTreeMap<u64, Waker>,
    next: u64,
}

/// A wait for more. Whoever gives it up leaves nothing behind.
#[derive(Debug)]
pub struct More<'a> {
    published: &'a Published,
    applied: Index,
    number: Option<u64>,
}

impl Future for More<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let published = self.published;
        let applied = self.applied;
        let is_over = || published.applied.load(Ordering::SeqCst) > applied || !published.is_serving();
        if !is_over() {
            let mut waiting = published.waiting();
            let number = *self.number.get_or_insert_with(|| {
                waiting.next += 1;
                waiting.next
            });
            waiting.wakers.insert(number, context.waker().clone());
            published.awaited.store(true, Ordering::SeqCst);
        }
        // It may have come in between, before anybody was waited for.
        if is_over() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for More<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.published.waiting().wakers.remove(&number);
        }
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

    fn is_over(more: &mut More<'_>, waker: &Waker) -> bool {
        Pin::new(more).poll(&mut Context::from_waker(waker)).is_ready()
    }

    #[test]
    fn any_number_may_wait_and_who_leaves_leaves_nothing() {
        let published = Published::new(Epoch::FIRST, 5, Stamp(50));
        let woken: Vec<_> = (0..1000).map(|_| Arc::new(Woken::default())).collect();
        let wakers: Vec<Waker> = woken.iter().map(|woken| Waker::from(woken.clone())).collect();
        let count = || woken.iter().map(|woken| woken.0.load(Ordering::SeqCst)).sum::<usize>();
        let mut waits: Vec<More<'_>> = wakers.iter().map(|_| published.more(5)).collect();
        for _ in 0..2 {
            assert!(waits.iter_mut().zip(&wakers).all(|(wait, waker)| !is_over(wait, waker)));
        }
        assert_eq!((count(), published.waiting().wakers.len()), (0, 1000), "nobody but news wakes them");
        waits.truncate(10);
        assert_eq!(published.waiting().wakers.len(), 10);
        published.set_applied(6, Stamp(60));
        assert_eq!((count(), published.waiting().wakers.len()), (10, 0));
    }

    #[test]
    fn who_writes_is_told_when_it_is_somebody_else() {
        let published = Published::new(Epoch::FIRST, 5, Stamp(50));
        let told = Arc::new(AtomicUsize::new(0));
        let tell = told.clone();
        published.on_move(move || {
            tell.fetch_add(1, Ordering::SeqCst);
        });
        let steps: [(Option<NodeId>, usize); 4] =
            [(None, 1), (None, 1), (Some(NodeId(2)), 2), (Some(NodeId(2)), 2)];
        for (leader, expected) in steps {
            published.follow(leader);
            assert_eq!(told.load(Ordering::SeqCst), expected, "{leader:?}");
        }
        published.lead(Epoch::FIRST);
        assert_eq!((told.load(Ordering::SeqCst), published.leader()), (3, Leader::Here));
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
        assert!(is_over(&mut published.more(4), &waker));
        let mut wait = published.more(5);
        assert!(!is_over(&mut wait, &waker) && !is_over(&mut wait, &waker));
        assert_eq!(count(), 0);
        published.set_applied(6, Stamp(60));
        assert_eq!((count(), published.stamp()), (1, Stamp(60)));
        published.set_applied(7, Stamp(70));
        assert_eq!(count(), 1, "it did not ask again");
        let mut last = published.more(7);
        assert!(is_over(&mut wait, &waker) && !is_over(&mut last, &waker));
        published.stop();
        assert_eq!(count(), 2);
        assert!(is_over(&mut last, &waker), "nothing more will come");
    }
}
