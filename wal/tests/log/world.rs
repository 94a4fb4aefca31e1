//! A small log: segments of eight blocks, whose four batches of records are
//! soon full.

use bytes::Bytes;
use env::sim::SimDisk;
use env::{Files, Mono, Plants};
use model::command::{Command, encode_commands};
use model::{ClusterId, DiskId, Epoch, Index, Limits, OpId, PartitionId, Record, RecordKind, Stamp};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wal::{
    Append, LogConfig, LogError, LogIdentity, MarkPolicy, OpenLog, SyncPolicy, Urgency, Writer,
    index_payload, open,
};

pub const DIR: &str = "/log";
pub const BLOCK: u64 = wal::BLOCK_BYTES;

pub const IDENTITY: LogIdentity = LogIdentity {
    cluster: ClusterId(0x5f0c_7a31_9be2_4d08_8c64_e1f0_2b7d_93a5),
    disk: DiskId(0x0e9d_4b62_c871_f35a_1d20_86b4_57ea_c9f3),
};

pub fn config(dir: &Path) -> LogConfig {
    LogConfig {
        dir: dir.to_owned(),
        identity: IDENTITY,
        sync: SyncPolicy::Each,
        mark: MarkPolicy::Idle,
        limits: Limits { log_segment_bytes: 8 * BLOCK, log_record_bytes_max: 8 * 1024, ..Limits::default() },
        plants: Plants::NONE,
    }
}

/// A bare disk with the log's directory on it.
pub fn disk() -> SimDisk {
    let disk = SimDisk::new();
    disk.create_dir(Path::new(DIR)).expect("made");
    disk.sync_dir(Path::new("/")).expect("synced");
    disk
}

/// What a start says about the log of a simulated disk.
pub fn try_start(disk: &SimDisk) -> Result<OpenLog, LogError> {
    open(Arc::new(disk.clone()), config(Path::new(DIR)), Mono(0))
}

pub fn start(disk: &SimDisk) -> OpenLog {
    try_start(disk).expect("opens")
}

pub fn record(partition: u64, first_index: Index, kind: RecordKind, payload: Bytes) -> Record {
    Record {
        partition: PartitionId(partition),
        epoch: Epoch { generation: 3, term: 2 },
        first_index,
        count: u32::from(kind.counts()),
        stamp: Stamp(1_700_000_000_000_000_000 + first_index),
        kind,
        payload,
    }
}

/// One command.
pub fn command(partition: u64, index: Index) -> Append {
    let body = format!("{partition}/{index}");
    commands(partition, index, &[Command::plain(body)])
}

pub fn commands(partition: u64, first_index: Index, commands: &[Command]) -> Append {
    let payload = encode_commands(commands);
    let count = u32::try_from(commands.len()).expect("few");
    Append::from(Record { count, ..record(partition, first_index, RecordKind::Commands, payload) })
}

/// A command with an op-id.
pub fn with_op(body: &'static str, client: u128, sequence: u64) -> Command {
    Command { op: Some(OpId { client, sequence }), ..Command::plain(body) }
}

/// A record of a kind whose payload names an index.
pub fn naming(partition: u64, kind: RecordKind, index: Index) -> Append {
    Append::from(record(partition, index + 1, kind, index_payload(index)))
}

/// A vote, and what every opening is to repeat from then on.
pub fn vote(partition: u64, next_index: Index, vote: &'static str) -> Append {
    let payload = Bytes::from_static(vote.as_bytes());
    let record = record(partition, next_index, RecordKind::Vote, payload.clone());
    Append { record, carry: Some(wal::Carry::alone(payload)) }
}

/// Writes one batch.
pub fn write(writer: &mut Writer, appends: &[Append]) {
    let synced = writer.step(Mono(0), appends, Urgency::Normal).expect("written");
    assert_eq!(synced.written, synced.durable);
}

/// The log falls quiet, and is marked.
pub fn quiet(writer: &mut Writer) {
    let further = writer.idle(Mono(0).plus_ms(5)).expect("marked");
    assert!(further.is_some(), "there was something to mark");
}

/// Every record that a reader shows, with its batch.
pub fn contents(log: &mut OpenLog) -> Vec<(u64, Record)> {
    let mut found = Vec::new();
    while let Some(batch) = log.reader.next_batch().expect("readable") {
        found.extend(batch.records.into_iter().map(|record| (batch.lsn.0, record)));
    }
    found
}

/// Names and lengths in the log's directory: nothing was deleted as long as
/// these stay.
pub fn listing(files: &dyn Files, dir: &Path) -> Vec<(String, u64)> {
    let entries = files.list(dir).expect("listed");
    entries.into_iter().map(|entry| (entry.name, entry.bytes)).collect()
}

/// The path of a segment.
pub fn segment(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:020}.log"))
}
