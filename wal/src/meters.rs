//! What the log's thread counts.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// What is counted. Clones count together.
#[derive(Clone, Debug)]
pub struct Meters {
    /// Batches written and synced.
    pub batches: Counter,
    /// To write a batch and sync it.
    pub batch_seconds: Histogram,
    /// Bytes of a batch's records.
    pub batch_bytes: Histogram,
    /// Submissions that share a batch, and so a sync.
    pub batch_submissions: Histogram,
    /// Submissions refused for want of room.
    pub refused: Counter,
}

impl Meters {
    /// Nothing counted yet.
    pub fn new() -> Meters {
        Meters {
            batches: Counter::default(),
            batch_seconds: Histogram::new(exponential_buckets(32e-6, 2.0, 18)),
            batch_bytes: Histogram::new(exponential_buckets(256.0, 4.0, 9)),
            batch_submissions: Histogram::new(exponential_buckets(1.0, 2.0, 10)),
            refused: Counter::default(),
        }
    }

    /// Names them for whoever collects.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("log_batches", "Batches written and synced", self.batches.clone());
        registry.register("log_batch_seconds", "To write a batch and sync it", self.batch_seconds.clone());
        registry.register("log_batch_bytes", "Bytes of a batch's records", self.batch_bytes.clone());
        registry.register(
            "log_batch_submissions",
            "Submissions that share a batch, and so a sync",
            self.batch_submissions.clone(),
        );
        registry.register("log_refused", "Submissions refused for want of room", self.refused.clone());
    }

    /// A batch is on disk.
    #[allow(clippy::cast_precision_loss, reason = "measured values")]
    pub(crate) fn batch(&self, submissions: usize, bytes: usize, took_ns: u64) {
        self.batches.inc();
        self.batch_submissions.observe(submissions as f64);
        self.batch_bytes.observe(bytes as f64);
        self.batch_seconds.observe(took_ns as f64 / 1e9);
    }
}

impl Default for Meters {
    fn default() -> Meters {
        Meters::new()
    }
}
