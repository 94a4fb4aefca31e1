//! The log's speed: appends by 1, 16 and 256 that wait, 1 MiB batches, recovery.
//!
//! Appends run on the real disk, through the log's own threads: what is
//! measured is what a server would see. Recovery reads a log of 64 MiB.
#![allow(missing_docs, clippy::disallowed_methods, reason = "a benchmark on the real disk")]

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use env::Mono;
use env::real::OsFiles;
use model::{ClusterId, DiskId, Epoch, PartitionId, Record, RecordKind, Stamp};
use std::path::Path;
use std::sync::Arc;
use wal::{Append, LogConfig, LogIdentity, OpenLog, Urgency};

const VALUE: &[u8] = &[7; 256 + 16];

fn open(dir: &Path) -> OpenLog {
    let identity = LogIdentity { cluster: ClusterId(1), disk: DiskId(2) };
    wal::open(Arc::new(OsFiles), LogConfig::new(dir.to_owned(), identity), Mono(0)).expect("opens")
}

fn append(partition: u64, index: u64, payload: &'static [u8]) -> Append {
    Append::from(Record {
        partition: PartitionId(partition),
        epoch: Epoch::FIRST,
        first_index: index,
        count: 1,
        stamp: Stamp(index),
        kind: RecordKind::Commands,
        payload: Bytes::from_static(payload),
    })
}

/// One batch with one sync.
fn step(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append");
    group.sample_size(20);
    for waiting in [1u64, 16, 256] {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let mut log = open(dir.path());
        drop(log.reader);
        group.throughput(Throughput::Elements(waiting));
        let mut index = 0;
        group.bench_function(BenchmarkId::new("waiting", waiting), |bencher| {
            bencher.iter(|| {
                index += 1;
                let batch: Vec<Append> = (1..=waiting).map(|p| append(p, index, VALUE)).collect();
                log.writer.step(Mono(0), &batch, Urgency::Normal).expect("written");
            });
        });
    }
    static MIB: [u8; 1 << 20] = [7; 1 << 20];
    let dir = tempfile::tempdir().expect("a scratch directory");
    let mut log = open(dir.path());
    let mut index = 0;
    group.throughput(Throughput::Bytes(MIB.len() as u64));
    group.bench_function("one MiB", |bencher| {
        bencher.iter(|| {
            index += 1;
            log.writer.step(Mono(0), &[append(1, index, &MIB)], Urgency::Normal).expect("written");
        });
    });
    group.finish();
}

fn recovery(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let mut log = open(dir.path());
    let records = (64 << 20) / (VALUE.len() as u64 + 56);
    for index in 0..records / 1000 {
        let batch: Vec<Append> = (1..=1000).map(|n| append(1, index * 1000 + n, VALUE)).collect();
        log.writer.step(Mono(0), &batch, Urgency::Normal).expect("written");
    }
    drop(log);
    let mut group = criterion.benchmark_group("recovery");
    group.sample_size(10).throughput(Throughput::Bytes(64 << 20));
    group.bench_function("survey and read 64 MiB", |bencher| {
        bencher.iter(|| {
            let config =
                LogConfig::new(dir.path().to_owned(), LogIdentity { cluster: ClusterId(1), disk: DiskId(2) });
            let survey = wal::survey::survey(&OsFiles, &config.dir, config.identity, config.plants);
            survey.expect("readable").segments.len()
        });
    });
    group.finish();
}

criterion_group!(benches, step, recovery);
criterion_main!(benches);
