//! What the serving side counts. Handles are made once: counting is an addition.

use crate::door::{Rpc, TABLE};
use pipeline::{Stage, Timings};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// From 32 µs to 4 s, by powers of two.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(32e-6, 2.0, 18))
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Method {
    method: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MethodAndStatus {
    method: &'static str,
    status: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabel {
    stage: &'static str,
}

/// Stages that take time of their own; admission and clock are part of the
/// first.
const TIMED: [Stage; 4] = [Stage::Dispatch, Stage::Log, Stage::Apply, Stage::Reply];

/// What is counted.
pub struct Meters {
    calls: Family<MethodAndStatus, Counter>,
    call_seconds: Family<Method, Histogram, fn() -> Histogram>,
    stage_seconds: Family<StageLabel, Histogram, fn() -> Histogram>,
    /// By place in the table of methods.
    answered: Vec<Counter>,
    took: Vec<Histogram>,
    stages: Vec<Histogram>,
    /// Calls by shards that hand over answers: each wakes a serving thread.
    pub deliveries: Counter,
    /// Reads that were answered from memory, past any queue.
    pub reads_at_once: Counter,
    /// Reads that had to wait for a disk, in the pool.
    pub reads_from_disk: Counter,
    /// Rows that scans have returned.
    pub scanned_rows: Counter,
    /// Commands taken in.
    pub commands: Counter,
    /// Requests that took longer than the slow log's threshold.
    pub slow: Counter,
}

impl Meters {
    /// Nothing counted yet.
    pub fn new() -> Meters {
        let calls = Family::<MethodAndStatus, Counter>::default();
        let call_seconds = Family::<Method, Histogram, fn() -> Histogram>::new_with_constructor(seconds);
        let stage_seconds = Family::<StageLabel, Histogram, fn() -> Histogram>::new_with_constructor(seconds);
        let fine = |rpc: &Rpc| MethodAndStatus { method: rpc.name(), status: "0".to_owned() };
        Meters {
            answered: TABLE.iter().map(|rpc| calls.get_or_create_owned(&fine(rpc))).collect(),
            took: TABLE
                .iter()
                .map(|rpc| call_seconds.get_or_create_owned(&Method { method: rpc.name() }))
                .collect(),
            stages: TIMED
                .iter()
                .map(|stage| stage_seconds.get_or_create_owned(&StageLabel { stage: stage.name() }))
                .collect(),
            calls,
            call_seconds,
            stage_seconds,
            deliveries: Counter::default(),
            reads_at_once: Counter::default(),
            reads_from_disk: Counter::default(),
            scanned_rows: Counter::default(),
            commands: Counter::default(),
            slow: Counter::default(),
        }
    }

    /// Names them for whoever collects.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("calls", "Calls answered, by method and gRPC status", self.calls.clone());
        registry.register("call_seconds", "Time from the door to the answer", self.call_seconds.clone());
        registry.register("stage_seconds", "Time of a write in each stage", self.stage_seconds.clone());
        registry.register("deliveries", "Wake-ups of serving threads by shards", self.deliveries.clone());
        registry.register("reads_at_once", "Reads answered from memory", self.reads_at_once.clone());
        registry.register("reads_from_disk", "Reads that waited for a disk", self.reads_from_disk.clone());
        registry.register("scanned_rows", "Rows returned by scans", self.scanned_rows.clone());
        registry.register("commands", "Commands taken in", self.commands.clone());
        registry.register("slow_requests", "Requests slower than the threshold", self.slow.clone());
    }

    /// A call was answered.
    pub(crate) fn count(&self, rpc: &'static Rpc, status: &str, took_ns: u64) {
        let number = rpc.number();
        match self.answered.get(number) {
            Some(fine) if status == "0" => fine.inc(),
            _ => {
                let labels = MethodAndStatus { method: rpc.name(), status: status.to_owned() };
                self.calls.get_or_create(&labels).inc()
            }
        };
        if let Some(took) = self.took.get(number).filter(|_| !rpc.streams) {
            took.observe(as_seconds(took_ns));
        }
    }

    /// A write's way through the stages ended at `now`.
    pub(crate) fn stages(&self, timings: &Timings, now: env::Mono) {
        for (histogram, (_, took_ns)) in self.stages.iter().zip(stages(timings, now)) {
            histogram.observe(as_seconds(took_ns));
        }
    }
}

impl Default for Meters {
    fn default() -> Meters {
        Meters::new()
    }
}

/// How long a write spent in each timed stage, in nanoseconds.
pub(crate) fn stages(timings: &Timings, now: env::Mono) -> [(Stage, u64); 4] {
    let ends = [timings.dispatched, timings.logged, timings.applied, now];
    let mut began = timings.arrived;
    let mut at = 0;
    TIMED.map(|stage| {
        let took = ends[at].0.saturating_sub(began.0);
        began = ends[at];
        at += 1;
        (stage, took)
    })
}

#[allow(clippy::cast_precision_loss, reason = "a measured time")]
fn as_seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;
    use env::Mono;

    #[test]
    fn every_moment_belongs_to_one_stage() {
        let timings = Timings { arrived: Mono(5), dispatched: Mono(7), logged: Mono(17), applied: Mono(20) };
        let expected = [(Stage::Dispatch, 2), (Stage::Log, 10), (Stage::Apply, 3), (Stage::Reply, 80)];
        assert_eq!(stages(&timings, Mono(100)), expected);
    }

    #[test]
    fn calls_are_counted_under_their_method_and_status() {
        let meters = Meters::new();
        let rpc = crate::door::find("/statehouse.data.v1.Data/Get").expect("a row");
        meters.count(rpc, "0", 1000);
        meters.count(rpc, "0", 1000);
        meters.count(rpc, "5", 1000);
        let mut registry = Registry::with_prefix("statehouse");
        meters.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("encoded");
        for line in [
            "statehouse_calls_total{method=\"Get\",status=\"0\"} 2",
            "statehouse_calls_total{method=\"Get\",status=\"5\"} 1",
            "statehouse_call_seconds_count{method=\"Get\"} 3",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
