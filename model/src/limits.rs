//! Everything has a bound, and the bound has a name, here.
//!
//! A struct with defaults, set by configuration, drawn per seed in simulation.
//! Bounds of the *format* are constants beside the format instead.

/// Bounds of one node. Units are the last word of each name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A log segment's size when it is laid out.
    pub log_segment_bytes: u64,
    /// The largest record the log takes, payload and all.
    pub log_record_bytes_max: usize,
    /// The most that one batch gathers before it is written.
    pub log_batch_bytes_max: usize,
    /// With `sync = every`, what may be written before a sync is forced.
    pub log_unsynced_bytes_max: u64,
    /// The log's size from which whoever pins its oldest segment is flushed.
    pub log_bytes_max: u64,
    /// A quiet log is marked within this time of its last ack.
    pub log_mark_ms: u64,
    /// Released segments are kept for reuse while fewer than so many spares are
    /// ready. One more than are laid out ahead, so that a log in balance lives
    /// on reuse alone.
    pub log_recycled_max: usize,
    /// Appends that may wait for the writer.
    pub log_queue_max: usize,
    /// What recovery may have to apply; beyond it the laggard is flushed.
    pub replay_bytes_max: u64,
    /// The most that replay gathers for one store batch.
    pub replay_batch_bytes_max: usize,
    /// A memory store writes a local checkpoint after this much change.
    pub checkpoint_bytes: u64,
    /// What all memtables of a node may hold before they are flushed.
    pub store_memtable_bytes_max: usize,
    /// What one partition's memtable may hold before it is flushed.
    pub store_memtable_bytes_each_max: usize,
    /// What all stores of a node may cache.
    pub store_cache_bytes_max: usize,
    /// Files that one store instance keeps open.
    pub store_files_max: usize,
    /// Column families made ahead of need, for each store instance.
    pub store_spare_slots: usize,
    /// Requests that may wait for a shard, of all its partitions.
    pub shard_inbox_max: usize,
    /// What a shard hands to the log in one round, beyond its last record.
    pub shard_round_bytes_max: usize,
    /// Requests of one partition that may be under way.
    pub partition_requests_max: usize,
    /// Bytes of one partition's requests that may be under way.
    pub partition_request_bytes_max: usize,
    /// Commands of one record, beyond its first request. One that removes a range
    /// counts as the rows that it may remove.
    pub record_commands_max: u32,
    /// Bytes of one record's commands, beyond its first request.
    pub record_payload_bytes_max: usize,
    /// Bytes of the rows that one read returns at most. A row alone may have
    /// more.
    pub read_bytes_max: usize,
    /// Rows of one message of a scan.
    pub scan_rows_max: usize,
    /// Rows that one tick expires.
    pub tick_rows_max: u32,
    /// Rows of events that one trim takes away.
    pub trim_rows_max: u32,
    /// Bytes of events that a partition keeps.
    pub binlog_bytes_max: u64,
    /// For how long a partition keeps events.
    pub binlog_age_ms_max: u64,
    /// After so many commands of a partition its state hash is noted in the log.
    pub hash_commands: u64,
    /// Rows that one command removes of a range.
    pub remove_rows_max: u32,
    /// Bytes of the rows that one command removes of a range, though always one row.
    pub remove_bytes_max: u32,
    /// How long a dropped table is kept from being erased by mistake.
    pub dropped_kept_ms: u64,
    /// A replica that leads says so often that it is there.
    pub raft_heartbeat_ms: u64,
    /// A replica that hears of no leader waits so long, at least, before it asks to be
    /// one.
    pub raft_election_ms_min: u64,
    /// And at most.
    pub raft_election_ms_max: u64,
    /// How much of exports a node fetches in a second, for each.
    pub export_bytes_per_s: u64,
}

/// More than what a record has beside its payload.
pub const RECORD_ROOM_BYTES: usize = 4096;

impl Limits {
    /// What one request's commands for a partition may measure: they are one
    /// record at most, and a record has a header, too.
    pub fn request_payload_bytes_max(&self) -> usize {
        self.log_record_bytes_max.saturating_sub(RECORD_ROOM_BYTES)
    }
}

const DAY_MS: u64 = 86_400_000;
const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            log_segment_bytes: 64 * MIB,
            log_record_bytes_max: (8 * MIB) as usize,
            log_batch_bytes_max: (8 * MIB) as usize,
            log_unsynced_bytes_max: 16 * MIB,
            log_bytes_max: 4096 * MIB,
            log_mark_ms: 5,
            log_recycled_max: 3,
            log_queue_max: 4096,
            replay_bytes_max: 1024 * MIB,
            replay_batch_bytes_max: (64 * MIB) as usize,
            checkpoint_bytes: 256 * MIB,
            store_memtable_bytes_max: (256 * MIB) as usize,
            store_memtable_bytes_each_max: (16 * MIB) as usize,
            store_cache_bytes_max: (512 * MIB) as usize,
            store_files_max: 1024,
            store_spare_slots: 2,
            shard_inbox_max: 16_384,
            shard_round_bytes_max: (4 * MIB) as usize,
            partition_requests_max: 8192,
            partition_request_bytes_max: (32 * MIB) as usize,
            record_commands_max: 4096,
            record_payload_bytes_max: MIB as usize,
            read_bytes_max: (16 * MIB) as usize,
            scan_rows_max: 1000,
            tick_rows_max: 1000,
            trim_rows_max: 1000,
            binlog_bytes_max: 64 * MIB,
            binlog_age_ms_max: 24 * 3_600_000,
            hash_commands: 10_000,
            remove_rows_max: 1000,
            remove_bytes_max: (2 * MIB) as u32,
            dropped_kept_ms: 7 * DAY_MS,
            raft_heartbeat_ms: 100,
            raft_election_ms_min: 500,
            raft_election_ms_max: 1000,
            export_bytes_per_s: 64 * MIB,
        }
    }
}
