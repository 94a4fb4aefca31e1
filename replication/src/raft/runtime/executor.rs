//! A small executor: tasks and timers of one shard, moved along by whoever owns
//! the shard and never by a thread of their own.

use env::{Clock, Mono, rng::Stream};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;

/// A task that is to be polled.
type Runnable = async_task::Runnable;

thread_local! {
    /// The executor whose task is being polled: spawning, sleeping and looking
    /// at the clock are static calls in the library.
    static CURRENT: RefCell<Option<Arc<Shared>>> = const { RefCell::new(None) };
}

/// Tasks, timers, a clock and a stream of random numbers.
///
/// Invariant: nothing that is polled here waits for anything but other tasks,
/// timers and calls of the owner.
pub struct Executor {
    shared: Arc<Shared>,
}

/// What tasks reach of it.
pub(super) struct Shared {
    ready: Mutex<VecDeque<Runnable>>,
    timers: Mutex<Timers>,
    /// Every task that has not ended: they hold each other, and would outlive
    /// their executor.
    alive: Mutex<Alive>,
    clock: Arc<dyn Clock>,
    draws: Mutex<Stream>,
}

#[derive(Default)]
struct Alive {
    tasks: BTreeMap<u64, Waker>,
    serial: u64,
}

#[derive(Default)]
struct Timers {
    in_turn: BTreeMap<(Mono, u64), Waker>,
    serial: u64,
}

impl Executor {
    /// Without a task.
    pub fn new(clock: Arc<dyn Clock>, draws: Stream) -> Executor {
        let shared = Shared {
            ready: Mutex::default(),
            timers: Mutex::default(),
            alive: Mutex::default(),
            clock,
            draws: Mutex::new(draws),
        };
        Executor { shared: Arc::new(shared) }
    }

    /// Starts a task that nobody waits for.
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.shared.spawn(future).detach();
    }

    /// Runs `work` as tasks run: it may call what looks at the clock.
    pub fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        let _current = Entered::new(self.shared.clone());
        work()
    }

    /// Polls what is ready, at most so many times. Returns false when something
    /// is left.
    pub fn run(&self, polls_max: usize) -> bool {
        let _current = Entered::new(self.shared.clone());
        self.shared.ring();
        for _ in 0..polls_max {
            let Some(task) = self.shared.ready().pop_front() else { return true };
            task.run();
        }
        self.shared.ready().is_empty()
    }

    /// When the first timer is due.
    pub fn wakes_at(&self) -> Option<Mono> {
        self.shared.timers().in_turn.first_key_value().map(|((at, _), _)| *at)
    }

    /// Is anything ready to be polled?
    pub fn is_ready(&self) -> bool {
        !self.shared.ready().is_empty()
    }
}

impl Drop for Executor {
    /// Tasks are dropped, and what they drop may wake, spawn and look at the clock.
    fn drop(&mut self) {
        let _current = Entered::new(self.shared.clone());
        loop {
            // Those that are woken are ready, and what is ready can be dropped.
            let alive = mem::take(&mut self.shared.alive().tasks);
            alive.into_values().for_each(Waker::wake);
            let left = mem::take(&mut *self.shared.ready());
            if left.is_empty() {
                return;
            }
        }
    }
}

impl Shared {
    /// The executor whose task runs now.
    pub(super) fn current() -> Arc<Shared> {
        CURRENT.with_borrow(Clone::clone).expect("only a task of an executor calls this")
    }

    pub(super) fn spawn<T: Send + 'static>(
        self: &Arc<Self>,
        future: impl Future<Output = T> + Send + 'static,
    ) -> async_task::Task<T> {
        let shared = Arc::downgrade(self);
        let schedule = move |task: Runnable| {
            if let Some(shared) = shared.upgrade() {
                shared.ready().push_back(task);
            }
        };
        let serial = self.next_serial();
        let living = Living { shared: Arc::downgrade(self), serial };
        let future = async move {
            let _living = living;
            future.await
        };
        // Under a simulated world all of this is one task of another runtime,
        // which must not be taken for one that never rests.
        let future = tokio::task::unconstrained(future);
        let (runnable, task) = async_task::spawn(future, schedule);
        self.alive().tasks.insert(serial, runnable.waker());
        runnable.schedule();
        task
    }

    fn next_serial(&self) -> u64 {
        let mut alive = self.alive();
        alive.serial += 1;
        alive.serial
    }

    pub(super) fn now(&self) -> Mono {
        self.clock.mono()
    }

    pub(super) fn draw(&self) -> u64 {
        self.draws.lock().unwrap_or_else(PoisonError::into_inner).next_u64()
    }

    /// Wakes `waker` when the clock shows `at`; the number takes it back.
    pub(super) fn wake_at(&self, at: Mono, waker: Waker) -> u64 {
        let mut timers = self.timers();
        timers.serial += 1;
        let serial = timers.serial;
        timers.in_turn.insert((at, serial), waker);
        serial
    }

    pub(super) fn take_back(&self, at: Mono, serial: u64) {
        // Its waker may be the last one of its task: dropped without the lock.
        let _waker = self.timers().in_turn.remove(&(at, serial));
    }

    /// Wakes whom timers are due for.
    fn ring(&self) {
        let now = self.now();
        let due = {
            let mut timers = self.timers();
            let later = timers.in_turn.split_off(&(Mono(now.0.saturating_add(1)), 0));
            mem::replace(&mut timers.in_turn, later)
        };
        due.into_values().for_each(Waker::wake);
    }

    fn ready(&self) -> MutexGuard<'_, VecDeque<Runnable>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn alive(&self) -> MutexGuard<'_, Alive> {
        self.alive.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn timers(&self) -> MutexGuard<'_, Timers> {
        self.timers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// In a task until it ends.
struct Living {
    shared: Weak<Shared>,
    serial: u64,
}

impl Drop for Living {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            let _waker = shared.alive().tasks.remove(&self.serial);
        }
    }
}

/// While it lives, its executor is the current one.
struct Entered {
    before: Option<Arc<Shared>>,
}

impl Entered {
    fn new(shared: Arc<Shared>) -> Entered {
        Entered { before: CURRENT.replace(Some(shared)) }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.before.take());
    }
}
