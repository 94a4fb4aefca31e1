//! Every key, in the order in which people read them.
//!
//! Bounds are there to catch a slip of the pen, not to be reached. Two are more
//! than that: `log-batch-bytes-max`, `log-record-bytes-max` and
//! `shard-round-bytes-max` together stay below 4 GiB, which is what a batch's
//! header can say; and `store-files-max` fits RocksDB's `int`.

use super::field::Field;
use super::kind::Kind;
use super::row::{Changes, Key};
use super::word::{LogFormat, LogLevel};
use std::time::Duration;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;
/// A million of anything is not a setting but a mistake.
const MANY: u64 = 1 << 20;
const DAY_MS: u64 = 86_400_000;

const fn count(min: u64, max: u64) -> Kind {
    Kind::Count { min, max }
}

const fn bytes(min: u64, max: u64) -> Kind {
    Kind::Bytes { min, max }
}

const fn ms(min: u64, max: u64) -> Kind {
    Kind::Time { min: Duration::from_millis(min), max: Duration::from_millis(max) }
}

/// A row: name, when a change takes effect, what it takes, its field, its
/// meaning.
macro_rules! key {
    ($path:literal, $changes:ident, $kind:expr, $($field:ident).+, $doc:literal) => {
        Key {
            path: $path,
            doc: $doc,
            kind: $kind,
            changes: Changes::$changes,
            get: |config| Field::value(&config.$($field).+),
            set: |config, value| match Field::from_value(value) {
                Some(value) => {
                    config.$($field).+ = value;
                    true
                }
                None => false,
            },
        }
    };
}

/// The key of this name.
pub fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// The sections, in order.
pub fn sections() -> Vec<&'static str> {
    let mut sections: Vec<_> = KEYS.iter().filter_map(Key::section).collect();
    sections.dedup();
    sections
}

/// The table. What has no section comes first; a section's keys stand together.
#[rustfmt::skip] // a key is two lines: what the machine wants, what people want
pub static KEYS: &[Key] = &[
    key!("data-dir", Restart, Kind::Path, data_dir,
        "Where everything is kept. Made when it is not there; its parent must be."),
    key!("advertise", Restart, Kind::Host, advertise,
        "What clients are told to connect to. Without it, what `listen.data` is bound to."),
    key!("advertise-peer", Restart, Kind::Host, advertise_peer,
        "Where other nodes of a cluster find this one. Without it, what `listen.peer` is bound to."),
    key!("join", Restart, Kind::Host, join,
        "The control address of a node of the cluster that this one belongs to. Asked when the data \
         directory is new, and until the cluster has let it in; later starts do not need it."),

    key!("listen.data", Restart, Kind::Address, listen.data,
        "The data service (gRPC). Port 0 takes any that is free, here and below."),
    key!("listen.control", Restart, Kind::Address, listen.control,
        "The control service (gRPC)."),
    key!("listen.peer", Restart, Kind::Address, listen.peer,
        "Other nodes."),
    key!("listen.metrics", Restart, Kind::Address, listen.metrics,
        "Health and metrics (HTTP): `/livez`, `/readyz`, `/metrics`."),

    key!("threads.io", Restart, count(0, 1024), threads.io,
        "Threads for connections. 0: as many as suit the processors."),
    key!("threads.shards", Restart, count(0, 1024), threads.shards,
        "Threads that own partitions. 0: as many as suit the processors."),
    key!("threads.blocking", Restart, count(1, 1024), threads.blocking,
        "Threads for work that blocks, such as scans."),

    key!("log.sync", Restart, Kind::Sync, log.sync,
        "When a write is on disk. `each`: before it is acknowledged. `every(TIME)`: it is acknowledged as written, and on disk within this time; a power loss may take what came between."),
    key!("log.level", Restart, Kind::Word(LogLevel::WORDS), log.level,
        "The least that the log for people takes."),
    key!("log.format", Restart, Kind::Word(LogFormat::WORDS), log.format,
        "How its lines look."),
    key!("log.slow", Restart, ms(0, DAY_MS), log.slow,
        "A request that takes longer is logged. 0: none is."),

    key!("metrics.per-partition", Restart, Kind::Truth, metrics.per_partition,
        "Whether metrics bear the partition: a series for each, on a node that may have thousands."),

    key!("connections.max", Restart, count(1, MANY), connections.max,
        "Connections open at once."),
    key!("connections.per-address-max", Restart, count(1, MANY), connections.per_address_max,
        "Connections open at once from one address. Less than `connections.max`, so that one address cannot keep the others out."),
    key!("connections.handshake-timeout", Restart, ms(10, DAY_MS), connections.handshake_timeout,
        "A new connection that has not shaken hands within this time is closed."),
    key!("connections.idle-timeout", Restart, ms(0, 30 * DAY_MS), connections.idle_timeout,
        "A connection on which nothing is heard for this long, not even the answer to a ping, is closed. 0: none is."),
    key!("connections.age-max", Restart, ms(0, 365 * DAY_MS), connections.age_max,
        "A connection of this age is asked to come anew, so that load spreads after a change. 0: never."),

    key!("requests.max", Restart, count(1, MANY), requests.max,
        "Requests under way in the whole node; what comes beyond is refused at once."),
    key!("requests.bytes-max", Restart, bytes(64 * MIB, TIB), requests.bytes_max,
        "Bytes of large requests and answers under way in the whole node; what comes beyond is refused at once."),
    key!("requests.deadline", Restart, ms(1, DAY_MS), requests.deadline,
        "The deadline of requests that bring none."),
    key!("requests.streams-per-connection", Restart, count(1, 65_536), requests.streams_per_connection,
        "Requests under way on one connection (HTTP/2 streams)."),

    key!("drain.lame-duck", Restart, ms(0, DAY_MS), drain.lame_duck,
        "After being told to stop, the server is unready but serves for this long, so that balancers look elsewhere."),
    key!("drain.timeout", Restart, ms(0, DAY_MS), drain.timeout,
        "What is under way after that may take this long before it is cut off."),

    key!("stores.instances", Fixed, count(1, 255), stores.instances,
        "Store instances of a new data directory. A directory that exists knows its own number."),

    key!("limits.log-segment-bytes", Restart, bytes(MIB, 16 * GIB), limits.log_segment_bytes,
        "A log segment's size when it is laid out."),
    key!("limits.log-record-bytes-max", Restart, bytes(64 * KIB, GIB), limits.log_record_bytes_max,
        "The largest record the log takes, payload and all."),
    key!("limits.log-batch-bytes-max", Restart, bytes(64 * KIB, GIB), limits.log_batch_bytes_max,
        "The most that one batch gathers before it is written."),
    key!("limits.log-unsynced-bytes-max", Restart, bytes(64 * KIB, 16 * GIB), limits.log_unsynced_bytes_max,
        "With `log.sync` = `every(TIME)`, what may be written before a sync is forced."),
    key!("limits.log-bytes-max", Restart, bytes(16 * MIB, 16 * TIB), limits.log_bytes_max,
        "The log's size from which whoever pins its oldest segment is flushed."),
    key!("limits.log-mark-ms", Restart, count(1, 60_000), limits.log_mark_ms,
        "A quiet log is marked within so many milliseconds of its last ack."),
    key!("limits.log-recycled-max", Restart, count(0, 1024), limits.log_recycled_max,
        "Released segments are kept for reuse while fewer than so many spares are ready."),
    key!("limits.log-queue-max", Restart, count(1024, MANY), limits.log_queue_max,
        "Appends that may wait for the log's writer."),
    key!("limits.replay-bytes-max", Restart, bytes(MIB, 16 * TIB), limits.replay_bytes_max,
        "What recovery may have to apply; beyond it the laggard is flushed."),
    key!("limits.replay-batch-bytes-max", Restart, bytes(64 * KIB, 4 * GIB), limits.replay_batch_bytes_max,
        "The most that replay gathers for one store batch."),
    key!("limits.checkpoint-bytes", Restart, bytes(MIB, TIB), limits.checkpoint_bytes,
        "A memory store writes a local checkpoint after this much change."),
    key!("limits.store-memtable-bytes-max", Restart, bytes(MIB, TIB), limits.store_memtable_bytes_max,
        "What all memtables of a node may hold before they are flushed."),
    key!("limits.store-memtable-bytes-each-max", Restart, bytes(64 * KIB, 64 * GIB), limits.store_memtable_bytes_each_max,
        "What one partition's memtable may hold before it is flushed."),
    key!("limits.store-cache-bytes-max", Restart, bytes(MIB, 16 * TIB), limits.store_cache_bytes_max,
        "What all stores of a node may cache."),
    key!("limits.store-files-max", Restart, count(16, MANY), limits.store_files_max,
        "Files that one store instance keeps open."),
    key!("limits.store-spare-slots", Restart, count(0, 1024), limits.store_spare_slots,
        "Column families made ahead of need, for each store instance."),
    key!("limits.shard-inbox-max", Restart, count(1, MANY), limits.shard_inbox_max,
        "Requests that may wait for a shard, of all its partitions."),
    key!("limits.shard-round-bytes-max", Restart, bytes(4 * KIB, GIB), limits.shard_round_bytes_max,
        "What a shard hands to the log in one round, beyond its last record."),
    key!("limits.partition-requests-max", Restart, count(1, MANY), limits.partition_requests_max,
        "Requests of one partition that may be under way."),
    key!("limits.partition-request-bytes-max", Restart, bytes(64 * KIB, 64 * GIB), limits.partition_request_bytes_max,
        "Bytes of one partition's requests that may be under way."),
    key!("limits.record-commands-max", Restart, count(1, MANY), limits.record_commands_max,
        "Commands of one record, beyond its first request; a range removed counts as its rows."),
    key!("limits.record-payload-bytes-max", Restart, bytes(4 * KIB, GIB), limits.record_payload_bytes_max,
        "Bytes of one record's commands, beyond its first request."),
    key!("limits.read-bytes-max", Restart, bytes(64 * KIB, GIB), limits.read_bytes_max,
        "Bytes of the rows that one read returns at most. A row alone may have more."),
    key!("limits.scan-rows-max", Restart, count(1, MANY), limits.scan_rows_max,
        "Rows of one message of a scan."),
    key!("limits.tick-rows-max", Restart, count(1, MANY), limits.tick_rows_max,
        "Rows that expire at once, before what clients ask for has its turn again."),
    key!("limits.trim-rows-max", Restart, count(1, MANY), limits.trim_rows_max,
        "Rows of events that are given up at once, before what clients ask for has its turn again."),
    key!("limits.binlog-bytes-max", Restart, bytes(4 * KIB, TIB), limits.binlog_bytes_max,
        "Bytes of events that a partition keeps; an eighth more, until they are given up."),
    key!("limits.binlog-age-ms-max", Restart, count(1000, 1 << 40), limits.binlog_age_ms_max,
        "For so many milliseconds a partition keeps events."),
    key!("limits.hash-commands", Restart, count(1, MANY), limits.hash_commands,
        "After so many commands of a partition its state hash is noted in the log."),
    key!("limits.remove-rows-max", Restart, count(1, MANY), limits.remove_rows_max,
        "Rows that one command removes of a range."),
    key!("limits.remove-bytes-max", Restart, bytes(4 * KIB, GIB), limits.remove_bytes_max,
        "Bytes of the rows that one command removes of a range, though always one row."),
    key!("limits.dropped-kept-ms", Restart, count(0, 3650 * DAY_MS), limits.dropped_kept_ms,
        "For so many milliseconds the partitions of a dropped table are erased only by whoever says `--early`. Nothing is erased when they are over, either."),
    key!("limits.raft-heartbeat-ms", Restart, count(5, 60_000), limits.raft_heartbeat_ms,
        "A replica that leads says every so many milliseconds that it is there."),
    key!("limits.raft-election-ms-min", Restart, count(10, 600_000), limits.raft_election_ms_min,
        "A replica that hears of no leader waits so many milliseconds, at least, before it asks to be one."),
    key!("limits.raft-election-ms-max", Restart, count(20, 1_200_000), limits.raft_election_ms_max,
        "And at most so many: more than the least by as much again, so that two rarely ask at once."),
    key!("limits.export-bytes-per-s", Restart, bytes(64 * KIB, 64 * GIB), limits.export_bytes_per_s,
        "How much of a partition's export is fetched in a second from the node that leads it."),
];
