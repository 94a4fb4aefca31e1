//! The fibers of every host, and who runs next.

use super::HostId;
use super::bell::FiberBell;
use super::stack::{self, Stack};
use crate::world::HostClock;
use env::rng::Stream;
use env::{Bell, Clock, Mono};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::Notify;

thread_local! {
    static HOSTS: RefCell<BTreeMap<HostId, Host>> = const { RefCell::new(BTreeMap::new()) };
    static RUNNING: Cell<Option<(HostId, u64)>> = const { Cell::new(None) };
}

/// The threads of one host, since it was started.
struct Host {
    next: u64,
    fibers: BTreeMap<u64, Fiber>,
    ready: Vec<u64>,
    sleeping: BTreeSet<(Mono, u64)>,
    clock: Arc<HostClock>,
    /// Who goes first.
    order: Stream,
    news: Rc<Notify>,
    /// Why it has ended itself.
    ended: Option<String>,
    /// Stopped like a process by SIGSTOP.
    frozen: bool,
    /// Where its threads wait for locks.
    locks: Arc<FiberBell>,
    /// What must not be dropped before the host ends in order.
    kept: Vec<Box<dyn Any>>,
}

/// One thread.
struct Fiber {
    name: String,
    /// `None` while it runs.
    stack: Option<Stack>,
    /// When it ran last.
    ran: Mono,
}

fn with<T>(host: HostId, ask: impl FnOnce(&mut Host) -> T) -> Option<T> {
    HOSTS.with_borrow_mut(|hosts| hosts.get_mut(&host).map(ask))
}

/// A host starts, without threads.
pub fn begin(host: HostId, clock: Arc<HostClock>, order: Stream) {
    let begun = Host {
        next: 0,
        fibers: BTreeMap::new(),
        ready: Vec::new(),
        sleeping: BTreeSet::new(),
        clock,
        order,
        news: Rc::new(Notify::new()),
        ended: None,
        frozen: false,
        locks: Arc::new(FiberBell::new(host)),
        kept: Vec::new(),
    };
    let before = HOSTS.with_borrow_mut(|hosts| hosts.insert(host, begun));
    assert!(before.is_none(), "the host runs already");
}

/// The host's process is killed: nothing of it is dropped.
pub fn forget(host: HostId) {
    std::mem::forget(HOSTS.with_borrow_mut(|hosts| hosts.remove(&host)));
}

/// Keeps something from being dropped while the host runs.
pub fn keep(host: HostId, kept: impl Any) {
    with(host, |host| host.kept.push(Box::new(kept)));
}

/// Why the host has ended itself, if it has.
pub fn end_of(host: HostId) -> Option<String> {
    with(host, |host| host.ended.clone()).flatten()
}

/// The host's threads, and for how many milliseconds each has not run: for
/// whoever wonders what waits for what.
pub fn waiting(host: HostId, now: Mono) -> Vec<(String, u64)> {
    let all = with(host, |host| {
        host.fibers.values().map(|fiber| (fiber.name.clone(), now.ms_since(fiber.ran))).collect()
    });
    all.unwrap_or_default()
}

/// Stops the host's threads, or lets them go on.
pub fn set_frozen(host: HostId, frozen: bool) {
    with(host, |host| {
        host.frozen = frozen;
        host.news.notify_one();
    });
}

pub(super) fn end(host: HostId, reason: &str) {
    with(host, |host| host.ended = Some(reason.to_owned()));
}

pub(super) fn start(host: HostId, name: &str, body: impl FnOnce() + 'static) -> io::Result<()> {
    let stack = Stack::new(body)?;
    let started = with(host, |host| {
        let fiber = host.next;
        host.next += 1;
        let ran = Mono(0);
        host.fibers.insert(fiber, Fiber { name: name.to_owned(), stack: Some(stack), ran });
        host.make_ready(fiber);
    });
    started.ok_or_else(|| io::Error::other("the host does not run"))
}

/// The fiber that runs now, which is one of this host.
pub(super) fn running(host: HostId) -> u64 {
    match RUNNING.get() {
        Some((at, fiber)) if at == host => fiber,
        _ => panic!("only a thread waits; this is a task, or the world itself"),
    }
}

pub(super) fn wake(host: HostId, fiber: u64) {
    // Of a host that has been killed nobody wakes.
    with(host, |host| host.make_ready(fiber));
}

/// Suspends the running fiber until it is woken, or the clock shows `until`.
pub(super) fn wait(host: HostId, fiber: u64, until: Option<Mono>) {
    if let Some(until) = until {
        with(host, |host| host.sleeping.insert((until, fiber)));
    }
    stack::suspend();
    if let Some(until) = until {
        with(host, |host| host.sleeping.remove(&(until, fiber)));
    }
}

/// Suspends the running thread until its host's clock shows `until`. Outside of
/// a thread nothing takes time.
pub fn pause_until(host: HostId, until: Mono) {
    if !stack::is_running() {
        return;
    }
    let fiber = running(host);
    while with(host, |host| host.clock.mono() < until) == Some(true) {
        wait(host, fiber, Some(until));
    }
}

impl Host {
    fn make_ready(&mut self, fiber: u64) {
        if self.fibers.contains_key(&fiber) && !self.ready.contains(&fiber) {
            self.ready.push(fiber);
            self.news.notify_one();
        }
    }

    fn wake_sleepers(&mut self) {
        let now = self.clock.mono();
        while let Some((until, fiber)) = self.sleeping.first().copied().filter(|(until, _)| *until <= now) {
            self.sleeping.remove(&(until, fiber));
            self.make_ready(fiber);
        }
    }

    /// One of those that can go on.
    fn pick(&mut self) -> Option<(u64, Stack)> {
        if self.frozen || self.ended.is_some() {
            return None;
        }
        self.wake_sleepers();
        while !self.ready.is_empty() {
            let at = match self.ready.len() {
                1 => 0,
                several => self.order.below(several as u64) as usize,
            };
            let fiber = self.ready.swap_remove(at);
            // One that has ended since it was woken is passed over.
            let Some(own) = self.fibers.get_mut(&fiber) else { continue };
            own.ran = self.clock.mono();
            if let Some(stack) = own.stack.take() {
                return Some((fiber, stack));
            }
        }
        None
    }
}

fn run(host: HostId, fiber: u64, mut stack: Stack) {
    RUNNING.set(Some((host, fiber)));
    let locks = with(host, |host| host.locks.clone());
    env::lock::wait_at(locks.map(|bell| bell as Arc<dyn Bell>));
    // A vital thread's panic has become the host's end; others are as silent as
    // a thread that nobody joins.
    let ended = catch_unwind(AssertUnwindSafe(|| stack.resume()));
    env::lock::wait_at(None);
    RUNNING.set(None);
    with(host, |host| match ended {
        Ok(false) => {
            if let Some(own) = host.fibers.get_mut(&fiber) {
                own.stack = Some(stack);
            }
        }
        Ok(true) => drop(host.fibers.remove(&fiber)),
        Err(panic) => {
            host.fibers.remove(&fiber);
            host.ended.get_or_insert_with(|| format!("a thread panicked: {}", words_of(&*panic)));
        }
    });
}

fn words_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it did not say why")
}

/// Runs the host's threads, for as long as it is polled: a task of the host.
pub async fn drive(host: HostId) {
    let Some((news, clock)) = with(host, |host| (host.news.clone(), host.clock.clone())) else { return };
    loop {
        while let Some((fiber, stack)) = with(host, Host::pick).flatten() {
            run(host, fiber, stack);
        }
        let rests = |host: &Host| host.frozen || host.ended.is_some();
        let next = with(host, |host| {
            let first = host.sleeping.first().map(|(until, _)| *until);
            first.filter(|_| !rests(host))
        });
        match next.flatten() {
            Some(until) => {
                let _ = tokio::time::timeout_at(clock.instant_of(until), news.notified()).await;
            }
            None => news.notified().await,
        }
    }
}
