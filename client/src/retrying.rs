//! Sending again, where nothing was applied: a pause that grows, within the
//! deadline.

use crate::connections::Connections;
use crate::error::{Access, Error};
use crate::runtime::{self, Instant};
use env::rng::Stream;
use std::future::Future;
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
}

/// One attempt of a call.
pub(crate) struct Attempt {
    pub channel: Channel,
    /// What is left of the caller's patience.
    pub remaining: Duration,
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

impl Retrying {
    pub fn new(enabled: bool, jitter: Stream) -> Retrying {
        Retrying { enabled, jitter: Mutex::new(jitter) }
    }

    pub fn enabled(&self) -> bool {
        self.enabled
    }

    pub fn pause(&self, attempts: u32) -> Duration {
        let random = self.jitter.lock().unwrap_or_else(PoisonError::into_inner).next_u64();
        pause_after(attempts, random)
    }

    /// Waits before the next attempt, or says that there is none. `began` is
    /// when the last one did: there has to be time for another like it.
    pub async fn again(&self, error: &Error, attempts: u32, began: Instant, expires: Instant) -> bool {
        if !self.enabled || !error.is_retryable() {
            return false;
        }
        let pause = self.pause(attempts);
        let now = runtime::now();
        if now + pause + (now - began) >= expires {
            return false;
        }
        runtime::pause(pause).await;
        true
    }

    /// Calls until there is an answer that stays.
    pub async fn call<T, F>(
        &self,
        connections: &Connections,
        access: Access,
        expires: Instant,
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
            let attempt = Attempt { channel: connections.next(), remaining };
            let error = match runtime::before(expires, call(attempt)).await {
                None => {
                    // What kept a read from being answered before says more than
                    // that time is over. A write may have got through by now.
                    let known = before.filter(|_| access == Access::Read);
                    return Err(known.unwrap_or_else(|| Error::expired(access, connections.server())));
                }
                Some(Ok(answer)) => return Ok(answer),
                Some(Err(error)) => error,
            };
            attempts += 1;
            if !self.again(&error, attempts, began, expires).await {
                return Err(error);
            }
            before = Some(error);
        }
    }
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
