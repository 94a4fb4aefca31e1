//! The runtime that the raft library is given: a shard's own.
//!
//! It is: an executor that a shard moves along between two of its rounds, on its
//! own thread and by its own clock. So a record goes from the partition to the
//! log and back without passing to another thread, and in simulation the seed
//! decides everything that the library does.
//! It is not: a runtime for anything that waits for the world. Channels are
//! tokio's, which need no runtime.

mod executor;
mod instant;
mod join;
mod sleep;
#[cfg(test)]
mod tests;

pub use executor::Executor;
pub use instant::Moment;

use executor::Shared;
use join::Joined;
use openraft_rt::{AsyncRuntime, OptionalSend};
use openraft_rt_tokio::{TokioMpsc, TokioMutex, TokioOneshot, TokioWatch};
use rand_core::TryRng;
use sleep::{Elapsed, Sleep, Timeout};
use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

/// The runtime as the library names it: everything it has is the executor whose
/// task is being polled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShardRuntime;

/// The executor's random numbers.
#[derive(Debug)]
pub struct Draws;

impl TryRng for Draws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((Shared::current().draw() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(Shared::current().draw())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&Shared::current().draw().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

impl AsyncRuntime for ShardRuntime {
    type JoinError = join::Cancelled;
    type JoinHandle<T: OptionalSend + 'static> = Joined<T>;
    type Sleep = Sleep;
    type Instant = Moment;
    type TimeoutError = Elapsed;
    type Timeout<R, T: Future<Output = R> + OptionalSend> = Timeout<T>;
    type ThreadLocalRng = Draws;

    fn spawn<T>(future: T) -> Joined<T::Output>
    where
        T: Future + OptionalSend + 'static,
        T::Output: OptionalSend + 'static,
    {
        Joined::of(Shared::current().spawn(future))
    }

    fn sleep(duration: Duration) -> Sleep {
        Sleep::until(Moment::after(duration))
    }

    fn sleep_until(deadline: Moment) -> Sleep {
        Sleep::until(deadline)
    }

    fn timeout<R, F: Future<Output = R> + OptionalSend>(duration: Duration, future: F) -> Timeout<F> {
        Timeout::new(future, Moment::after(duration))
    }

    fn timeout_at<R, F: Future<Output = R> + OptionalSend>(deadline: Moment, future: F) -> Timeout<F> {
        Timeout::new(future, deadline)
    }

    /// A task that panics ends its shard, and with it the process.
    fn is_panic(_error: &join::Cancelled) -> bool {
        false
    }

    fn thread_rng() -> Draws {
        Draws
    }

    type Mpsc = TokioMpsc;
    type Watch = TokioWatch;
    type Oneshot = TokioOneshot;
    type Mutex<T: OptionalSend + 'static> = TokioMutex<T>;

    fn new(_threads: usize) -> ShardRuntime {
        ShardRuntime
    }

    /// Not for servers, whose shards run their executors themselves: the
    /// library's own suites call it.
    fn block_on<F, T>(&mut self, future: F) -> T
    where
        F: Future<Output = T>,
    {
        sleep::block_on(future)
    }
}
