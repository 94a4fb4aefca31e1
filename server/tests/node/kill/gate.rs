//! Counts what is acknowledged, and opens at a number.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Notify;

/// Opens when so much has passed.
pub struct Gate {
    left: AtomicU64,
    opened: Notify,
}

impl Gate {
    pub fn after(count: u64) -> Arc<Gate> {
        Arc::new(Gate { left: AtomicU64::new(count), opened: Notify::new() })
    }

    /// So much passes.
    pub fn pass(&self, count: usize) {
        let take = |left: u64| Some(left.saturating_sub(count as u64));
        let before = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).unwrap_or_default();
        if before <= count as u64 {
            self.opened.notify_one();
        }
    }

    pub async fn opened(&self) {
        self.opened.notified().await;
    }
}
