//! What a seed decides before anything happens: sizes, speeds and habits.

use env::Rng;
use env::rng::Stream;
use model::Limits;
use serde::{Deserialize, Serialize};
use wal::SyncPolicy;

/// How users speak to nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// Length-prefixed frames: cheap, and calls can be held and doubled.
    Frames,
    /// What real users have: our client, gRPC, the door.
    Grpc,
}

/// Every choice of a world but its faults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Knobs {
    /// How long users work, in simulated time.
    pub work_ms: u64,
    /// No faults, more users, more rows.
    pub calm: bool,
    /// What virtual time is counted in.
    pub tick_ms: u64,
    /// Hosts take turns in an order of their own each time.
    pub random_order: bool,
    /// See there.
    pub transport: Transport,
    /// Least and most time that a message travels.
    pub latency_ms: (u64, u64),
    /// How many users.
    pub users: u32,
    /// Requests that one user has under way.
    pub lanes: u32,
    /// A lane pauses about so long between two requests.
    pub think_ms: u64,
    /// A user waits so long for an answer.
    pub patience_ms: u64,
    /// How many rows they fight for.
    pub keys: u32,
    /// The longest value.
    pub value_bytes: u32,
    /// Reads of a hundred requests.
    pub reads_percent: u64,
    /// Requests of several items, of a hundred.
    pub batches_percent: u64,
    /// Partitions of the table.
    pub partitions: u32,
    /// Shards of a node.
    pub shards: u32,
    /// Least and most time of a sync.
    pub sync_us: (u64, u64),
    /// Syncs of a hundred that take twenty times as long.
    pub spikes_percent: u64,
    /// Acknowledged before it is synced, if not 0; synced within so long.
    pub sync_every_ms: u32,
    /// A log segment's size.
    pub segment_bytes: u64,
    /// A store writes a checkpoint after this much change.
    pub checkpoint_bytes: u64,
    /// A quiet log is marked after so long.
    pub mark_ms: u64,
    /// The most that the log may hold, and that replay may have to apply.
    pub log_bytes_max: u64,
    /// Commands of one record.
    pub record_commands: u32,
    /// Requests of a partition that may be under way.
    pub requests_max: u32,
    /// Bytes of events that a partition keeps.
    pub binlog_bytes: u64,
    /// Rows that expire, or whose events are given up, at once.
    pub chore_rows: u32,
    /// After so many commands a state hash is noted.
    pub hash_commands: u64,
}

fn one_of<T: Copy>(stream: &mut Stream, choices: &[T]) -> T {
    choices[stream.below(choices.len() as u64) as usize]
}

impl Knobs {
    /// Those of a seed.
    pub fn draw(rng: &Rng, work_ms: u64) -> Knobs {
        let topology = &mut rng.stream("topology");
        let knobs = &mut rng.stream("knobs");
        let network = &mut rng.stream("network knobs");
        let disk = &mut rng.stream("disk knobs");
        let load = &mut rng.stream("workload knobs");
        let calm = topology.chance(10);
        let segment_bytes = one_of(disk, &[32, 64, 256]) << 10;
        Knobs {
            work_ms,
            calm,
            tick_ms: one_of(topology, &[1, 2, 5, 5, 5, 10, 10, 10]),
            random_order: topology.chance(50),
            transport: if topology.chance(25) { Transport::Grpc } else { Transport::Frames },
            latency_ms: one_of(network, &[(0, 2), (0, 10), (1, 40), (5, 5)]),
            users: if calm { 6 } else { 4 },
            lanes: 1 + load.below(3) as u32,
            think_ms: one_of(load, &[10, 30, 60, 120, 200]),
            patience_ms: one_of(load, &[300, 1000, 1000, 3000]),
            keys: if calm { 400 } else { one_of(load, &[3, 12, 50]) },
            value_bytes: if calm { 2000 } else { one_of(load, &[8, 100, 1000]) },
            reads_percent: one_of(load, &[20, 50, 80]),
            batches_percent: one_of(load, &[0, 10, 40]),
            partitions: one_of(topology, &[1, 2, 4, 7]),
            shards: one_of(topology, &[1, 1, 2, 3]),
            sync_us: one_of(disk, &[(200, 4_000), (200, 4_000), (5_000, 50_000), (50_000, 300_000)]),
            spikes_percent: one_of(disk, &[0, 0, 2]),
            sync_every_ms: one_of(disk, &[0, 0, 0, 0, 20, 200]),
            segment_bytes,
            checkpoint_bytes: one_of(disk, &[500, 4_000, 50_000, 1 << 20]),
            mark_ms: one_of(disk, &[1, 5, 100]),
            log_bytes_max: segment_bytes * one_of(disk, &[4, 8, 64]),
            record_commands: one_of(knobs, &[1, 3, 4096]),
            requests_max: one_of(knobs, &[2, 64, 8192]),
            binlog_bytes: one_of(knobs, &[500, 20_000, 200_000]),
            chore_rows: one_of(knobs, &[1, 3, 1000]),
            hash_commands: one_of(knobs, &[1, 7, 100]),
        }
    }

    /// The bounds of a node.
    pub fn limits(&self) -> Limits {
        Limits {
            log_segment_bytes: self.segment_bytes,
            log_record_bytes_max: 16 << 10,
            log_batch_bytes_max: 16 << 10,
            log_unsynced_bytes_max: 16 << 10,
            log_recycled_max: 2,
            log_mark_ms: self.mark_ms,
            log_bytes_max: self.log_bytes_max,
            replay_bytes_max: self.log_bytes_max / 2,
            replay_batch_bytes_max: 4 << 10,
            checkpoint_bytes: self.checkpoint_bytes,
            record_commands_max: self.record_commands,
            // A record of several requests fits into the log's largest, too.
            record_payload_bytes_max: 8 << 10,
            shard_inbox_max: 256,
            partition_requests_max: self.requests_max as usize,
            tick_rows_max: self.chore_rows,
            trim_rows_max: self.chore_rows,
            binlog_bytes_max: self.binlog_bytes,
            hash_commands: self.hash_commands,
            ..Limits::default()
        }
    }

    /// When the log is synced.
    pub fn sync(&self) -> SyncPolicy {
        if self.sync_every_ms == 0 { SyncPolicy::Each } else { SyncPolicy::Every(self.sync_every_ms.into()) }
    }
}
