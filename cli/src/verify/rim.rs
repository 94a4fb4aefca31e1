//! Time and tasks of a verification, which runs for minutes on a real clock.
#![allow(clippy::disallowed_methods, reason = "users and faults run on the machine's own clock")]

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

/// What the clock says.
pub fn now() -> Instant {
    Instant::now()
}

/// Waits.
pub async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

/// What the future yields, unless it takes longer.
pub async fn within<T>(time: Duration, future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(time, future).await.ok()
}

/// Runs beside everything else.
pub fn spawn(task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(task)
}

/// Turns true when somebody wants the process to end.
pub fn interrupted() -> Arc<AtomicBool> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        // Without a handler the signal ends us as it always does.
        let Ok(mut told) = signal(kind) else { continue };
        let interrupted = interrupted.clone();
        spawn(async move {
            told.recv().await;
            interrupted.store(true, Ordering::Relaxed);
        });
    }
    interrupted
}
