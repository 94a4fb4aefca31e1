//! Time and tasks: the one place where the client reaches for tokio's.
#![allow(clippy::disallowed_methods, reason = "a client lives in its caller's tokio runtime")]

use std::future::Future;
use std::time::Duration;

use tokio::task::AbortHandle;
pub(crate) use tokio::time::Instant;

pub(crate) fn now() -> Instant {
    Instant::now()
}

pub(crate) async fn until(at: Instant) {
    tokio::time::sleep_until(at).await;
}

pub(crate) async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// What the future yields, unless `at` comes first.
pub(crate) async fn before<T>(at: Instant, future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout_at(at, future).await.ok()
}

pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
    tokio::spawn(task).abort_handle()
}

/// As the wire says how long something is.
pub(crate) fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
