//! Sending again, where nothing was applied: a pause that grows, within the
//! deadline.

use crate::error::{Access, Error};
use crate::map::Way;
use crate::ops::Name;
use crate::runtime::{self, Instant};
use env::rng::Stream;
use model::code;
use proto::{Retry, common};
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tonic::transport::Channel;

/// The first pause, at most.
const PAUSE_MIN: Duration = Duration::from_millis(20);
/// Any pause, at most.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Whether and when to send again.
#[derive(Debug)]
pub(crate) struct Retrying {
    enabled: bool,
    jitter: Mutex<Stream>,
    /// Items of writes that were sent again under their names.
    resent: AtomicU64,
}

/// A write that may be sent again also when it may have been done.
pub(crate) struct Named {
    pub name: Name,
    /// How many items it has.
    pub items: usize,
    /// An attempt at it was lost: it may have been done.
    pub lost: bool,
}

/// One attempt of a call.
pub(crate) struct Attempt {
    pub channel: Channel,
    /// May whoever is asked pass it on? Not if it should be the one that leads: then it
    /// says who does.
    pub forward: bool,
    /// What is left of the caller's patience.
    pub remaining: Duration,
    /// The name of a write, and up to where no answers are needed.
    pub op: Option<(common::OpId, u64)>,
}

/// How long to wait after so many attempts: half of a bound that doubles, and a
/// random part of the other half, so that clients refused together do not come
/// back together.
fn pause_after(attempts: u32, random: u64) -> Duration {
    let doubled = PAUSE_MIN.saturating_mul(1 << attempts.saturating_sub(1).min(16));
    let half = doubled.min(PAUSE_MAX) / 2;
    let parts = (random >> 32) as u32;
    half + half.mul_f64(f64::from(parts) / f64::from(u32::MAX))
}

/// Of what is left, for an attempt that may be made again: half, but no less
/// than an answer takes on a bad day.
fn share_of(remaining: Duration) -> Duration {
    (remaining / 2).max(Duration::from_millis(500)).min(remaining)
}

impl Retrying {
    pub fn new(enabled: bool, jitter: Stream) -> Retrying {
        Retrying { enabled, jitter: Mutex::new(jitter), resent: AtomicU64::new(0) }
    }

    pub fn enabled(&self) -> bool {
        self.enabled
    }

    /// Items of writes that were sent again under their names, so far.
    pub fn resent(&self) -> u64 {
        self.resent.load(Ordering::Relaxed)
    }

    pub fn pause(&self, attempts: u32) -> Duration {
        let random = self.jitter.lock().unwrap_or_else(PoisonError::into_inner).next_u64();
        pause_after(attempts, random)
    }

    /// Waits before the next attempt, or says that there is no time for one that
    /// takes so long.
    pub async fn again(&self, attempts: u32, takes: Duration, expires: Instant) -> bool {
        if !self.enabled {
            return false;
        }
        let pause = self.pause(attempts);
        if runtime::now() + pause + takes >= expires {
            return false;
        }
        runtime::pause(pause).await;
        true
    }

    /// Calls until there is an answer that stays.
    pub async fn call<T, F>(
        &self,
        way: &Way<'_>,
        access: Access,
        expires: Instant,
        mut named: Option<&mut Named>,
        call: impl Fn(Attempt) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut attempts = 0;
        let mut before: Option<Error> = None;
        loop {
            let began = runtime::now();
            let remaining = expires.saturating_duration_since(began);
            let op = named.as_ref().map(|named| named.name.on_the_wire());
            if let Some(named) = named.as_ref().filter(|named| named.lost) {
                self.resent.fetch_add(named.items as u64, Ordering::Relaxed);
            }
            // What has a name leaves time to be sent again.
            let (channel, leader) = way.take();
            let forward = !(leader.is_some() && attempts == 0 && self.enabled);
            let patience = if op.is_some() || !forward { share_of(remaining) } else { remaining };
            let attempt = Attempt { channel, forward, remaining: patience, op };
            let error = match runtime::before(began + patience, call(attempt)).await {
                None if patience < remaining => Error::expired(access, way.servers()),
                None => {
                    if let Some(leader) = &leader {
                        way.learn(leader, &Error::expired(access, way.servers()));
                    }
                    // What kept a read from being answered before says more than
                    // that time is over. A write may have got through by now.
                    let known = before.filter(|_| access == Access::Read);
                    return Err(known.unwrap_or_else(|| Error::expired(access, way.servers())));
                }
                Some(Ok(answer)) => return Ok(answer),
                Some(Err(error)) => error,
            };
            attempts += 1;
            let is_lost = error.retry() == Retry::WithOpId;
            if let Some(named) = &mut named {
                named.lost |= is_lost;
            }
            let is_led_elsewhere = leader.as_ref().is_some_and(|leader| way.learn(leader, &error));
            if is_led_elsewhere && !forward && runtime::now() < expires {
                before = Some(error);
                continue;
            }
            let may_repeat = error.is_retryable() || (is_lost && named.is_some());
            let like_it = if named.is_some() { Duration::ZERO } else { runtime::now() - began };
            if !may_repeat || !self.again(attempts, like_it, expires).await {
                return Err(after_lost(error, named.is_some_and(|named| named.lost)));
            }
            before = Some(error);
        }
    }
}

/// What is refused now may have been done by an attempt that was lost; unless the
/// refusal is what came of it.
pub(crate) fn after_lost(error: Error, lost: bool) -> Error {
    if !lost || error.retry() == Retry::WithOpId || error.is_outcome() {
        return error;
    }
    Error::new(code::UNKNOWN_OUTCOME, format!("an attempt before was lost; then: {}", error.message()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound_and_differ() {
        let rows = [(1, 10, 20), (2, 20, 40), (3, 40, 80), (6, 320, 640), (7, 500, 1000), (99, 500, 1000)];
        for (attempts, least, most) in rows {
            assert_eq!(pause_after(attempts, 0), Duration::from_millis(least), "{attempts}");
            assert_eq!(pause_after(attempts, u64::MAX), Duration::from_millis(most), "{attempts}");
        }
    }
}
