//! Waiting for a moment.

use super::executor::{Executor, Shared};
use super::instant::Moment;
use env::channel;
use openraft_rt::Instant;
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// Is over when the clock shows the moment.
pub struct Sleep {
    until: Moment,
    shared: Arc<Shared>,
    timer: Option<u64>,
}

impl Sleep {
    pub(super) fn until(until: Moment) -> Sleep {
        Sleep { until, shared: Shared::current(), timer: None }
    }

    fn put_off(&mut self) {
        if let Some(timer) = self.timer.take() {
            self.shared.take_back(self.until.0, timer);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.put_off();
        if Moment::now() >= self.until {
            return Poll::Ready(());
        }
        let timer = self.shared.wake_at(self.until.0, context.waker().clone());
        self.timer = Some(timer);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.put_off();
    }
}

/// It took too long.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("it took too long")]
pub struct Elapsed;

pin_project! {
    /// A future, given up at a moment.
    pub struct Timeout<F> {
        #[pin]
        future: F,
        #[pin]
        sleep: Sleep,
    }
}

impl<F> Timeout<F> {
    pub(super) fn new(future: F, until: Moment) -> Timeout<F> {
        Timeout { future, sleep: Sleep::until(until) }
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(outcome) = this.future.poll(context) {
            return Poll::Ready(Ok(outcome));
        }
        this.sleep.poll(context).map(|()| Err(Elapsed))
    }
}

/// Wakes the thread that waits in [`block_on`].
struct Call(channel::Sender<()>);

impl Wake for Call {
    fn wake(self: Arc<Self>) {
        let _ = self.0.try_send(());
    }
}

/// Runs a future and its tasks to its end, in the real world.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let world = env::real::env().expect("the operating system has random numbers");
    let executor = Executor::new(world.clock.clone(), world.rng.stream("block_on"));
    let (call, called) = channel::bounded(1);
    let waker = Waker::from(Arc::new(Call(call)));
    let mut future = pin!(future);
    loop {
        let polled = executor.within(|| future.as_mut().poll(&mut Context::from_waker(&waker)));
        if let Poll::Ready(outcome) = polled {
            return outcome;
        }
        // Another thread may wake a task without a word to this one: looked at
        // again soon.
        if executor.run(1000) && called.try_recv().is_err() {
            let soon = world.clock.mono().plus_ms(1);
            let until = executor.wakes_at().map_or(soon, |at| at.min(soon));
            let _ = called.recv_until(&*world.clock, until);
        }
    }
}
