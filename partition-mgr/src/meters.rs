//! What shards and their manager count.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// What is counted. Clones count together.
#[derive(Clone, Debug)]
pub struct Meters {
    /// Rounds of shards.
    pub rounds: Counter,
    /// Messages that a round took in.
    pub round_messages: Histogram,
    /// Submissions to the log.
    pub submissions: Counter,
    /// From a submission to the log's answer.
    pub log_seconds: Histogram,
    /// Partitions that had to be stopped.
    pub failures: Counter,
}

impl Meters {
    /// Nothing counted yet.
    pub fn new() -> Meters {
        Meters {
            rounds: Counter::default(),
            round_messages: Histogram::new(exponential_buckets(1.0, 2.0, 12)),
            submissions: Counter::default(),
            log_seconds: Histogram::new(exponential_buckets(32e-6, 2.0, 18)),
            failures: Counter::default(),
        }
    }

    /// Names them for whoever collects.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("shard_rounds", "Rounds of shards", self.rounds.clone());
        registry.register("shard_round_messages", "Messages of a round", self.round_messages.clone());
        registry.register("shard_submissions", "Submissions to the log", self.submissions.clone());
        registry.register("log_seconds", "From a submission to the log's answer", self.log_seconds.clone());
        registry.register("partition_failures", "Partitions that had to be stopped", self.failures.clone());
    }
}

impl Default for Meters {
    fn default() -> Meters {
        Meters::new()
    }
}
