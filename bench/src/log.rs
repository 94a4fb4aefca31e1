//! The log under load: many that wait, and large batches.

use crate::fio::Through;
use crate::report::Report;
use crate::{Failure, fio};
use bytes::Bytes;
use env::channel::{Sender, bounded};
use env::real::{self, OsFiles};
use model::{ClusterId, DiskId, Epoch, PartitionId, Record, RecordKind, Stamp};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use wal::{Append, Log, LogConfig, LogIdentity, Submission, Urgency};

/// One shape of load.
struct Load {
    scenario: &'static str,
    waiting: u64,
    payload: usize,
}

/// A command of 16 B key and 256 B value in its envelope.
const SMALL: usize = 16 + 256 + 10;

const LOADS: [Load; 4] = [
    Load { scenario: "append-1", waiting: 1, payload: SMALL },
    Load { scenario: "append-16", waiting: 16, payload: SMALL },
    Load { scenario: "append-256", waiting: 256, payload: SMALL },
    Load { scenario: "append-1MiB", waiting: 1, payload: (1 << 20) - 256 },
];

/// What one round of a load came to.
struct Round {
    appends: u64,
    batches: u64,
    bytes: u64,
    took: Duration,
}

/// Runs every load beside fio, in turn, round by round. A disk may be several
/// times faster in one second than in another, so each round is compared with
/// the fio that ran right behind it.
pub fn run(dir: &TempDir, seconds: u64, rounds: usize, only: Option<&str>) -> Result<Report, Failure> {
    let mut report = Report::new();
    report.versions.insert("fio".to_owned(), fio::version()?);
    for load in LOADS.iter().filter(|load| only.is_none_or(|only| only == load.scenario)) {
        let (mut appends, mut batches, mut sizes) = (vec![], vec![], vec![]);
        let (mut cached, mut direct) = (vec![], vec![]);
        let mut bed = Bed::new(&dir.path().join(load.scenario), load)?;
        // A moment to lay out and recycle segments.
        bed.round(Duration::from_secs(1))?;
        for _ in 0..rounds {
            let ours = bed.round(Duration::from_secs(seconds))?;
            let size = (ours.bytes / ours.batches.max(1)).next_multiple_of(wal::BLOCK_BYTES);
            cached.push(fio::writes_per_s(dir.path(), size, seconds, Through::Cache)?);
            direct.push(fio::writes_per_s(dir.path(), size, seconds, Through::Direct)?);
            let per_second = |count: u64| count as f64 / ours.took.as_secs_f64();
            appends.push(per_second(ours.appends));
            batches.push(per_second(ours.batches));
            sizes.push(size as f64 / 1024.0);
        }
        let name = load.scenario;
        report.figure(name, "statehouse", "appends_per_s", "1/s", &appends);
        report.figure(name, "statehouse", "batches_per_s", "1/s", &batches);
        report.figure(name, "statehouse", "batch_kib", "KiB", &sizes);
        for (system, others) in [("fio", &cached), ("fio-direct", &direct)] {
            report.figure(name, system, "writes_per_s", "1/s", others);
            let mut ratios: Vec<f64> = batches.iter().zip(others).map(|(ours, fio)| ours / fio).collect();
            ratios.sort_by(f64::total_cmp);
            let told: Vec<String> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
            eprintln!("{name}: ratio to {system} of each round: {}", told.join(" "));
            report.ratio(name, system, "batches_per_s", ratios[ratios.len() / 2]);
        }
    }
    Ok(report)
}

/// Shards that submit, as a server's shard threads do: each gathers what its
/// waiters have into one submission a round.
const SHARDS: u64 = 2;

/// A log under one load, round after round.
struct Bed {
    log: Log,
    shards: Vec<Shard>,
}

impl Bed {
    fn new(dir: &Path, load: &Load) -> Result<Bed, Failure> {
        std::fs::create_dir_all(dir)?;
        let identity = LogIdentity { cluster: ClusterId(1), disk: DiskId(2) };
        let env = real::env()?;
        let open = wal::open(Arc::new(OsFiles), LogConfig::new(dir.to_owned(), identity), env.clock.mono())?;
        drop(open.reader);
        let count = SHARDS.min(load.waiting);
        let shards = (0..count).map(|number| Shard::new(number, load.waiting / count, load)).collect();
        Ok(Bed { log: Log::start(&env, open.writer)?, shards })
    }

    fn round(&mut self, length: Duration) -> Result<Round, Failure> {
        let (answers, inbox) = bounded(SHARDS as usize);
        let mut round = Round { appends: 0, batches: 0, bytes: 0, took: Duration::ZERO };
        let (start, mut last) = (Instant::now(), 0);
        for shard in &mut self.shards {
            shard.submit(&self.log, &answers)?;
        }
        let mut waiting = self.shards.len();
        while waiting > 0 {
            let (number, lsn) = inbox.recv()?;
            let shard = &mut self.shards[number as usize];
            round.appends += shard.waiting;
            round.bytes += shard.bytes();
            round.batches += u64::from(lsn != last);
            last = lsn;
            if start.elapsed() < length {
                shard.submit(&self.log, &answers)?;
            } else {
                waiting -= 1;
            }
        }
        round.took = start.elapsed();
        Ok(round)
    }
}

/// Waiters that submit together.
struct Shard {
    number: u64,
    waiting: u64,
    index: u64,
    payload: Bytes,
}

impl Shard {
    fn new(number: u64, waiting: u64, load: &Load) -> Shard {
        Shard { number, waiting, index: 0, payload: Bytes::from(vec![7; load.payload]) }
    }

    /// Bytes of a submission in its batch: records, spans, their repetition.
    fn bytes(&self) -> u64 {
        64 + self.waiting * (self.payload.len() as u64 + 56 + 64)
    }

    fn record(&self, waiter: u64, kind: RecordKind, payload: Bytes) -> Append {
        Append::from(Record {
            partition: PartitionId(1 + self.number * self.waiting + waiter),
            epoch: Epoch::FIRST,
            first_index: self.index,
            count: u32::from(kind.counts()),
            stamp: Stamp(self.index),
            kind,
            payload,
        })
    }

    /// One append of each waiter. Now and then its store has flushed, and the
    /// log may let go: segments are recycled as in a server that runs for long.
    fn submit(&mut self, log: &Log, answers: &Sender<(u64, u64)>) -> Result<(), Failure> {
        self.index += 1;
        let flushed = self.index.is_multiple_of(1 + (8 << 20) / self.bytes());
        let mut appends = Vec::with_capacity(2 * self.waiting as usize);
        for waiter in 0..self.waiting {
            appends.push(self.record(waiter, RecordKind::Commands, self.payload.clone()));
            if flushed {
                appends.push(self.record(waiter, RecordKind::Purge, wal::index_payload(self.index)));
            }
        }
        let (answers, number) = (answers.clone(), self.number);
        let answer = Box::new(move |synced: Result<wal::Synced, Arc<wal::LogError>>| {
            if let Ok(synced) = synced {
                // Nobody listens once the round is over.
                let _ = answers.send((number, synced.written.0));
            }
        });
        let packet = log.frame(&appends)?;
        log.submit(Submission { packet, urgency: Urgency::Normal, chain: None, answer })?;
        Ok(())
    }
}
