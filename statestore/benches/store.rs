//! Apply, get, multi-get and scan, on both stores: keys of 16 bytes, values of
//! 256, a working set of 100,000 rows in random order.
#![allow(missing_docs, reason = "what criterion generates")]
#![allow(clippy::unwrap_used, reason = "a benchmark")]

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use env::rng::Stream;
use env::{Plants, Rng};
use model::{Index, KeyRange, Limits, Mutation, PartitionId};
use statestore::{Journal, MemoryStore, Part, RocksStore, Store};
use std::hint::black_box;
use std::ops::ControlFlow;

const PARTITION: PartitionId = PartitionId(1);
const ROWS: u64 = 100_000;
const VALUE_BYTES: usize = 256;

/// Spreads numbers over the keyspace, so that neighbours are no neighbours.
fn key(row: u64) -> Bytes {
    let mut key = [1; 16];
    key[1..9].copy_from_slice(&row.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    Bytes::copy_from_slice(&key)
}

fn batch(stream: &mut Stream, first_index: Index, rows: u32) -> Part {
    let value = Bytes::from(vec![first_index as u8; VALUE_BYTES]);
    let mutations = (0..rows).map(|_| Mutation::put(key(stream.below(ROWS)), value.clone())).collect();
    Part { partition: PARTITION, first_index, count: rows, mutations }
}

fn filled(store: &dyn Store) {
    store.create(&[PARTITION], 0).unwrap();
    let value = Bytes::from(vec![7; VALUE_BYTES]);
    for start in (0..ROWS).step_by(1_000) {
        let mutations = (start..start + 1_000).map(|row| Mutation::put(key(row), value.clone())).collect();
        store
            .apply(&[Part { partition: PARTITION, first_index: start + 1, count: 1_000, mutations }])
            .unwrap();
    }
}

fn apply(criterion: &mut Criterion, name: &str, store: &dyn Store) {
    for rows in [64, 1_000] {
        let mut group = criterion.benchmark_group(format!("{name}/apply"));
        group.throughput(Throughput::Elements(u64::from(rows)));
        let mut stream = Rng::from_seed(1).stream("apply");
        group.bench_function(rows.to_string(), |bencher| {
            bencher.iter_batched(
                || batch(&mut stream, 0, rows),
                |mut part| {
                    part.first_index = store.applied(PARTITION).unwrap() + 1;
                    store.apply(&[part]).unwrap();
                },
                criterion::BatchSize::SmallInput,
            );
        });
    }
}

fn reads(criterion: &mut Criterion, name: &str, store: &dyn Store) {
    let mut stream = Rng::from_seed(2).stream("reads");
    let mut group = criterion.benchmark_group(name);
    group.bench_function("get", |bencher| {
        bencher.iter(|| black_box(store.get(PARTITION, &key(stream.below(ROWS))).unwrap()));
    });
    group.throughput(Throughput::Elements(64));
    group.bench_function("multi_get/64", |bencher| {
        bencher.iter(|| {
            let keys: Vec<Bytes> = (0..64).map(|_| key(stream.below(ROWS))).collect();
            let keys: Vec<&[u8]> = keys.iter().map(|key| &key[..]).collect();
            black_box(store.multi_get(PARTITION, &keys).unwrap())
        });
    });
    group.throughput(Throughput::Elements(1_000));
    group.bench_function("scan/1000", |bencher| {
        bencher.iter(|| {
            let range = KeyRange::new(key(stream.below(ROWS)), None).unwrap();
            let mut left = 1_000;
            let scanned = store.scan(PARTITION, &range, &mut |key, value| {
                black_box((key, value));
                left -= 1;
                if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            scanned.unwrap();
        });
    });
}

fn stores(criterion: &mut Criterion) {
    let limits = Limits::default();
    let memory =
        MemoryStore::volatile(&Limits { checkpoint_bytes: u64::MAX, ..limits.clone() }, Plants::NONE);
    filled(&memory);
    apply(criterion, "memory", &memory);
    reads(criterion, "memory", &memory);
    let dir = tempfile::tempdir().unwrap();
    let rocks = RocksStore::open(dir.path(), 1, Journal::Off, &limits, None).unwrap();
    filled(&rocks);
    apply(criterion, "rocks", &rocks);
    reads(criterion, "rocks", &rocks);
    rocks.flush(&[PARTITION]).unwrap();
    reads(criterion, "rocks-flushed", &rocks);
}

criterion_group!(benches, stores);
criterion_main!(benches);
