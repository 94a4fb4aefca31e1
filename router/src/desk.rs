//! The desk: where the requests of one serving thread wait for their answers.
//!
//! Shards hand it everything a round has for this thread in one call, which
//! wakes the thread once; the thread itself then wakes whoever waits, which
//! costs nothing between tasks of one runtime.

use env::{Clock, Mono, sometimes};
use futures_util::FutureExt;
use partition::Outlet;
use pipeline::{Answer, Refusal};
use prometheus_client::metrics::counter::Counter;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};

/// How often it looks for requests whose deadline has passed.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Answers handed out before their connections are written to.
const AT_ONCE: usize = 16;

/// Where requests of one thread wait.
pub struct Desk {
    clock: Arc<dyn Clock>,
    /// From shards, not sorted yet.
    arrived: Mutex<Vec<(u64, Answer)>>,
    bell: Notify,
    parked: Mutex<Parked>,
    /// Calls by shards: each wakes the thread, if it sleeps.
    deliveries: Counter,
}

#[derive(Default)]
struct Parked {
    slots: Vec<Slot>,
    free: Vec<usize>,
}

/// A token's place. It is free again once its answer has come, whoever still
/// waits for it: every request that was taken in is answered exactly once.
enum Slot {
    Free,
    Waiting {
        waiter: oneshot::Sender<Answer>,
        deadline: Mono,
    },
    /// Nobody waits any more, and the answer has not come.
    Left,
}

impl Desk {
    /// An empty desk. Somebody has to [`run`](Desk::run) it.
    pub fn new(clock: Arc<dyn Clock>, deliveries: Counter) -> Arc<Desk> {
        Arc::new(Desk {
            clock,
            arrived: Mutex::default(),
            bell: Notify::new(),
            parked: Mutex::default(),
            deliveries,
        })
    }

    fn parked(&self) -> MutexGuard<'_, Parked> {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A token for a request, and the wait for its answer.
    pub(crate) fn park(&self, deadline: Mono) -> (u64, Waiting) {
        let (waiter, answer) = oneshot::channel();
        let mut parked = self.parked();
        let slot = Slot::Waiting { waiter, deadline };
        let at = match parked.free.pop() {
            Some(at) => {
                parked.slots[at] = slot;
                at
            }
            None => {
                parked.slots.push(slot);
                parked.slots.len() - 1
            }
        };
        (at as u64, Waiting { answer })
    }

    /// The request was not taken in: there will be no answer.
    pub(crate) fn unpark(&self, token: u64) {
        self.parked().take(token);
    }

    /// Hands answers to whoever waits, for as long as it is polled.
    #[allow(clippy::disallowed_methods, reason = "the runtime's timer, which simulation drives as well")]
    pub async fn run(self: Arc<Self>) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut answers = VecDeque::new();
        loop {
            tokio::select! {
                () = self.bell.notified() => {}
                _ = look.tick() => self.leave(self.clock.mono()),
            }
            self.pick_up(&mut answers);
            while self.hand_out(&mut answers) {
                // These go out on their connections first, so that clients
                // have something to do meanwhile.
                tokio::task::yield_now().await;
                self.pick_up(&mut answers);
                if look.tick().now_or_never().is_some() {
                    self.leave(self.clock.mono());
                }
            }
        }
    }

    fn pick_up(&self, answers: &mut VecDeque<(u64, Answer)>) {
        let mut arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        answers.extend(arrived.drain(..));
    }

    /// Hands out some; true when there are more.
    fn hand_out(&self, answers: &mut VecDeque<(u64, Answer)>) -> bool {
        let mut parked = self.parked();
        for (token, answer) in answers.drain(..answers.len().min(AT_ONCE)) {
            if let Slot::Waiting { waiter, .. } = parked.take(token) {
                // Who hung up does not want to know.
                let _ = waiter.send(answer);
            }
        }
        !answers.is_empty()
    }

    /// Lets go of those whose deadline has passed: nobody can tell them what
    /// will become of what they asked.
    fn leave(&self, now: Mono) {
        for slot in &mut self.parked().slots {
            if matches!(slot, Slot::Waiting { deadline, .. } if *deadline <= now)
                && let Slot::Waiting { waiter, .. } = std::mem::replace(slot, Slot::Left)
            {
                sometimes!("a request's outcome stayed unknown");
                let _ = waiter.send(Err(Refusal::Unknown("the deadline passed first".to_owned())));
            }
        }
    }
}

impl Parked {
    fn take(&mut self, token: u64) -> Slot {
        let Some(slot) = usize::try_from(token).ok().and_then(|at| self.slots.get_mut(at)) else {
            return Slot::Free;
        };
        let taken = std::mem::replace(slot, Slot::Free);
        if !matches!(taken, Slot::Free) {
            self.free.push(token as usize);
        }
        taken
    }
}

impl Outlet for Desk {
    fn deliver(&self, answers: &mut Vec<(u64, Answer)>) {
        self.deliveries.inc();
        let mut arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        if arrived.is_empty() {
            std::mem::swap(&mut *arrived, answers);
        } else {
            arrived.append(answers);
        }
        drop(arrived);
        self.bell.notify_one();
    }
}

/// The wait for an answer.
pub(crate) struct Waiting {
    answer: oneshot::Receiver<Answer>,
}

impl Future for Waiting {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        let gone = |_| Err(Refusal::Unknown("its serving thread ended first".to_owned()));
        Pin::new(&mut self.answer).poll(context).map(|answer| answer.unwrap_or_else(gone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use env::sim::SimClock;

    fn desk() -> (Arc<Desk>, Counter) {
        let deliveries = Counter::default();
        (Desk::new(Arc::new(SimClock::default()), deliveries.clone()), deliveries)
    }

    impl Desk {
        fn sort(&self) {
            let mut answers = VecDeque::new();
            self.pick_up(&mut answers);
            while self.hand_out(&mut answers) {}
        }
    }

    fn unknown(answer: &Answer) -> bool {
        matches!(answer, Err(Refusal::Unknown(_)))
    }

    #[test]
    fn answers_reach_those_who_wait_in_one_delivery() {
        let (desk, deliveries) = desk();
        let (one, mut first) = desk.park(Mono(10));
        let (two, mut second) = desk.park(Mono(10));
        desk.deliver(&mut vec![(two, Err(Refusal::Full)), (one, Err(Refusal::Stopping))]);
        desk.sort();
        assert_eq!(first.answer.try_recv(), Ok(Err(Refusal::Stopping)));
        assert_eq!(second.answer.try_recv(), Ok(Err(Refusal::Full)));
        assert_eq!(deliveries.get(), 1);
    }

    #[test]
    fn a_token_is_given_again_only_after_its_answer() {
        let (desk, _) = desk();
        let (one, mut first) = desk.park(Mono(10));
        desk.leave(Mono(9));
        assert!(first.answer.try_recv().is_err(), "its deadline is still to come");
        desk.leave(Mono(10));
        assert!(unknown(&first.answer.try_recv().expect("let go")));
        let (other, mut second) = desk.park(Mono(99));
        assert_ne!(one, other, "an answer to the first is still to come");
        // It comes, late, and reaches nobody.
        desk.deliver(&mut vec![(one, Err(Refusal::Full))]);
        desk.sort();
        assert!(second.answer.try_recv().is_err());
        assert_eq!(desk.park(Mono(99)).0, one);
    }

    #[test]
    fn what_was_not_taken_in_leaves_no_trace() {
        let (desk, _) = desk();
        let (one, _) = desk.park(Mono(10));
        desk.unpark(one);
        desk.unpark(one);
        assert_eq!(desk.park(Mono(10)).0, one);
        assert_ne!(desk.park(Mono(10)).0, one);
    }
}
