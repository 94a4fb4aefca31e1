//! The page of metrics: what crates count, and what is read off the node when
//! somebody asks.

use super::admission::Admission;
use partition_mgr::{Listed, ListedState};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use router::House;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// What is counted on this node.
pub struct Metrics {
    registry: Mutex<Registry>,
    /// Connections that found no room.
    pub turned_away: Counter,
}

impl Metrics {
    /// Before there is a node.
    pub fn new() -> Metrics {
        let mut registry = Registry::with_prefix("statehouse");
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "What is running", build);
        let turned_away = Counter::default();
        registry.register("connections_turned_away", "Connections that found no room", turned_away.clone());
        Metrics { registry: Mutex::new(registry), turned_away }
    }

    /// There is a node.
    pub fn add_node(&self, house: &Arc<House>, admission: Arc<Admission>, per_partition: bool) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        house.meters.register(&mut registry);
        house.node.register_meters(&mut registry);
        let house = Arc::downgrade(house);
        registry.register_collector(Box::new(Reading { house, admission, per_partition }));
    }

    /// The page.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        // Writing to a String does not fail.
        let _ = encode(&mut text, &registry);
        text
    }
}

/// What is read when somebody asks.
struct Reading {
    /// Weak: the page does not keep a node from ending.
    house: Weak<House>,
    admission: Arc<Admission>,
    per_partition: bool,
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reading")
    }
}

impl Collector for Reading {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(house) = self.house.upgrade() else { return Ok(()) };
        let node = &house.node;
        let vitals = node.vitals();
        let listed = node.list();
        let in_state = |is: fn(&ListedState) -> bool| listed.iter().filter(|one| is(&one.state)).count();
        let gauges = [
            ("requests_under_way", "Requests under way", house.under_way()),
            ("bytes_under_way", "Bytes of large requests and answers under way", house.bytes_under_way()),
            ("connections", "Open connections of clients", self.admission.open()),
            ("shard_inbox_messages", "Messages that wait for shards", node.waiting()),
            ("pool_jobs", "Reads that wait for a thread that may wait", house.reads.waiting()),
            ("tables", "Tables", vitals.tables),
            ("partitions_serving", "Partitions that serve", in_state(|one| *one == ListedState::Serving)),
            (
                "partitions_failed",
                "Partitions that cannot be served",
                in_state(|one| matches!(one, ListedState::Failed(_))),
            ),
            (
                "partitions_quarantined",
                "Removed partitions whose data waits to be erased",
                in_state(|one| *one == ListedState::Quarantined),
            ),
            ("log_bytes", "The log's size", usize::try_from(vitals.log_bytes).unwrap_or(usize::MAX)),
            (
                "uptime_seconds",
                "Since the node was started",
                usize::try_from(vitals.uptime_s).unwrap_or_default(),
            ),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        if self.per_partition { partitions(&mut encoder, &listed) } else { Ok(()) }
    }
}

/// Series of each partition: many, so only where they are asked for.
fn partitions(encoder: &mut DescriptorEncoder<'_>, listed: &[Listed]) -> fmt::Result {
    type Value = fn(&Listed) -> u64;
    let series: [(&str, &str, Value); 3] = [
        ("partition_applied_index", "Everything up to here is applied", |one| one.applied),
        ("partition_requests", "Requests under way", |one| one.under_way.0 as u64),
        ("partition_request_bytes", "Bytes of requests under way", |one| one.under_way.1 as u64),
    ];
    for (name, help, value) in series {
        let kind = ConstGauge::new(0u64).metric_type();
        let mut family = encoder.encode_descriptor(name, help, None, kind)?;
        for one in listed {
            let table = one.table.as_ref().map(ToString::to_string).unwrap_or_default();
            let labels = [("partition", one.id.to_string()), ("table", table)];
            let gauge = ConstGauge::new(i64::try_from(value(one)).unwrap_or(i64::MAX));
            gauge.encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}
