//! Start-up after a kill: open the log, open the store, replay.

use crate::Failure;
use crate::report::Report;
use bytes::Bytes;
use env::Mono;
use env::real::{self, OsFiles};
use machine::{Register, RegisterCommand};
use model::command::{Command, encode_commands};
use model::{ClusterId, DiskId, Epoch, Limits, PartitionId, Record, RecordKind, Stamp};
use partition::ParallelReplay;
use pipeline::Rules;
use statestore::{Journal, RocksStore, Store};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tempfile::TempDir;
use wal::{Append, LogConfig, LogIdentity, Urgency};

const PARTITIONS: u64 = 8;
const INSTANCES: u8 = 4;
/// Commands of one record, as a busy shard drains them.
const DRAIN: u64 = 64;
/// One for each core of the machines that this is measured on.
const WORKERS: usize = 2;
const KEYS: u64 = 100_000;

/// Writes a log of `mib` once, then recovers from it `rounds` times.
pub fn run(dir: &TempDir, mib: u64, rounds: usize) -> Result<Report, Failure> {
    let log = dir.path().join("log");
    let commands = write(&log, mib << 20)?;
    let (mut seconds, mut speed, mut items) = (vec![], vec![], vec![]);
    for round in 0..rounds {
        let took = recover(&log, &dir.path().join(format!("store-{round}")))?;
        seconds.push(took);
        speed.push(mib as f64 / took);
        items.push(commands as f64 / took);
    }
    let mut report = Report::new();
    report.figure("recovery", "statehouse", "seconds", "s", &seconds);
    report.figure("recovery", "statehouse", "mb_per_s", "MiB/s", &speed);
    report.figure("recovery", "statehouse", "items_per_s", "1/s", &items);
    Ok(report)
}

fn config(dir: &Path) -> LogConfig {
    LogConfig::new(dir.to_owned(), LogIdentity { cluster: ClusterId(1), disk: DiskId(2) })
}

/// Fills a log; returns how many commands are in it.
fn write(dir: &Path, bytes: u64) -> Result<u64, Failure> {
    std::fs::create_dir(dir)?;
    let mut log = wal::open(Arc::new(OsFiles), config(dir), Mono(0))?;
    drop(log.reader);
    let (mut written, mut serial) = (0, 0u64);
    let mut next = vec![1u64; PARTITIONS as usize];
    while written < bytes {
        let mut appends = Vec::new();
        for (at, next) in next.iter_mut().enumerate() {
            let commands: Vec<Command> = (0..DRAIN).map(|_| command(&mut serial)).collect();
            let payload = encode_commands(&commands);
            written += payload.len() as u64 + 56;
            appends.push(Append::from(Record {
                partition: PartitionId(at as u64 + 1),
                epoch: Epoch::FIRST,
                first_index: *next,
                count: DRAIN as u32,
                stamp: Stamp(*next),
                kind: RecordKind::Commands,
                payload,
            }));
            *next += DRAIN;
        }
        log.writer.step(Mono(0), &appends, Urgency::Normal)?;
    }
    // No orderly end: the writer is dropped as a kill would leave it.
    Ok(serial)
}

fn command(serial: &mut u64) -> Command {
    *serial += 1;
    // Uniform over the keys without drawing: a full cycle of a large step.
    let key = format!("{:016x}", serial.wrapping_mul(7_919) % KEYS);
    let value = Bytes::from(vec![(*serial % 251) as u8; 256]);
    Command::plain(RegisterCommand::Set { key: Bytes::from(key), value }.encode())
}

fn recover(log: &Path, store: &Path) -> Result<f64, Failure> {
    let limits = Limits::default();
    let empty = RocksStore::open(store, INSTANCES.into(), Journal::Off, &limits, None)?;
    let partitions: Vec<PartitionId> = (1..=PARTITIONS).map(PartitionId).collect();
    empty.create(&partitions, 0)?;
    drop(empty);

    let start = Instant::now();
    let mut open = wal::open(Arc::new(OsFiles), config(log), Mono(0))?;
    let opened = start.elapsed();
    let store = Arc::new(RocksStore::open(store, INSTANCES.into(), Journal::Off, &limits, None)?);
    let batch = limits.replay_batch_bytes_max;
    let replay = ParallelReplay {
        store,
        rules: Arc::new(Rules::of(Register)),
        batch_bytes_max: batch,
        workers: WORKERS,
        rig: Default::default(),
    };
    let report = replay.run(&real::env()?, &mut open.reader, &open.recovery, &mut |_| (), &mut |_| {})?;
    let took = start.elapsed().as_secs_f64();
    eprintln!(
        "  log opened in {:.2} s, replayed {} records in all {took:.2} s",
        opened.as_secs_f64(),
        report.records_applied
    );
    Ok(took)
}
