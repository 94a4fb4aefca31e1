//! The same history gives the same rows: memory, RocksDB and a plain map.
#![cfg(feature = "rocksdb")]
#![allow(clippy::unwrap_used, reason = "tests")]

use bytes::Bytes;
use env::Plants;
use model::keyspace::meta;
use model::{Index, KeyRange, Limits, Mutation, PartitionId};
use proptest::prelude::*;
use statestore::{Journal, MemoryStore, Part, RocksStore, Store, content_hash};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

const PARTITIONS: u64 = 3;

type Rows = BTreeMap<Bytes, Bytes>;

#[derive(Clone, Debug)]
enum Op {
    /// So many indexes for a partition, and their changes.
    Apply(Vec<(u64, u32, Vec<Mutation>)>),
    Flush(u64),
    /// Removed, and made again at an origin.
    Remake(u64, Index),
}

fn key() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        4 => (1u8..5, 0u8..8).prop_map(|(kind, name)| Bytes::from(vec![kind, name])),
        1 => proptest::collection::vec(any::<u8>(), 3..40).prop_map(Bytes::from),
    ]
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let value = proptest::collection::vec(any::<u8>(), 0..60);
    prop_oneof![
        3 => (key(), value).prop_map(|(key, value)| Mutation::put(key, value)),
        1 => key().prop_map(Mutation::delete),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let part = (0..PARTITIONS, 1u32..4, proptest::collection::vec(mutation(), 0..8));
    prop_oneof![
        8 => proptest::collection::vec(part, 1..5).prop_map(Op::Apply),
        1 => (0..PARTITIONS).prop_map(Op::Flush),
        1 => (0..PARTITIONS, 0u64..100).prop_map(|(id, origin)| Op::Remake(id, origin)),
    ]
}

#[derive(Default)]
struct Plain(BTreeMap<PartitionId, (Index, Rows)>);

impl Plain {
    fn batch(&mut self, parts: &[(u64, u32, Vec<Mutation>)]) -> Vec<Part> {
        let of = |(id, count, mutations): &(u64, u32, Vec<Mutation>)| {
            let partition = PartitionId(*id);
            let (applied, rows) = self.0.get_mut(&partition).unwrap();
            let first_index = *applied + 1;
            *applied += Index::from(*count);
            for mutation in mutations {
                match mutation {
                    Mutation::Put { key, value } => drop(rows.insert(key.clone(), value.clone())),
                    Mutation::Delete { key } => drop(rows.remove(key)),
                }
            }
            Part { partition, first_index, count: *count, mutations: mutations.clone() }
        };
        parts.iter().map(of).collect()
    }

    fn rows(&self, id: PartitionId) -> Rows {
        let (applied, rows) = &self.0[&id];
        let mut rows = rows.clone();
        rows.insert(Bytes::from_static(&meta::APPLIED), Bytes::copy_from_slice(&applied.to_le_bytes()));
        rows.insert(Bytes::from_static(&meta::PARTITION), Bytes::copy_from_slice(&id.0.to_le_bytes()));
        rows
    }
}

fn rows(store: &dyn Store, id: PartitionId, range: &KeyRange) -> Rows {
    let mut rows = Rows::new();
    let scanned = store.scan(id, range, &mut |key, value| {
        let before = rows.insert(Bytes::copy_from_slice(key), Bytes::copy_from_slice(value));
        assert_eq!(before, None, "no row twice");
        ControlFlow::Continue(())
    });
    scanned.unwrap();
    rows
}

fn run(stores: &[&dyn Store], ops: &[Op]) -> Plain {
    let mut plain = Plain::default();
    for id in (0..PARTITIONS).map(PartitionId) {
        stores.iter().for_each(|store| store.create(&[id], 0).unwrap());
        plain.0.insert(id, (0, Rows::new()));
    }
    for op in ops {
        match op {
            Op::Apply(parts) => {
                let batch = plain.batch(parts);
                stores.iter().for_each(|store| store.apply(&batch).unwrap());
            }
            Op::Flush(id) => stores.iter().for_each(|store| store.flush(&[PartitionId(*id)]).unwrap()),
            Op::Remake(id, origin) => {
                let id = PartitionId(*id);
                for store in stores {
                    store.remove(id).unwrap();
                    store.create(&[id], *origin).unwrap();
                }
                plain.0.insert(id, (*origin, Rows::new()));
            }
        }
    }
    plain
}

/// Every way to read shows the expected rows.
fn agrees(store: &dyn Store, id: PartitionId, expected: &Rows, range: &KeyRange, more: [&Bytes; 2]) {
    assert_eq!(&rows(store, id, &KeyRange::all()), expected);
    let mut within = expected.clone();
    within.retain(|key, _| range.contains(key));
    assert_eq!(rows(store, id, range), within);
    let keys: Vec<&[u8]> = expected.keys().chain(more).map(|key| &key[..]).collect();
    let values: Vec<Option<Bytes>> = keys.iter().map(|key| expected.get(*key).cloned()).collect();
    assert_eq!(store.multi_get(id, &keys).unwrap(), values);
    for (key, value) in keys.iter().zip(&values) {
        assert_eq!(&store.get(id, key).unwrap(), value);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn stores_agree(ops in proptest::collection::vec(op(), 1..40), from in key(), to in key()) {
        let dir = tempfile::tempdir().unwrap();
        let limits = Limits { store_cache_bytes_max: 1 << 20, ..Limits::default() };
        let rocks = RocksStore::open(dir.path(), 2, Journal::Off, &limits, None).unwrap();
        let memory = MemoryStore::volatile(&limits, Plants::NONE);
        let stores: [&dyn Store; 2] = [&memory, &rocks];
        let plain = run(&stores, &ops);
        let range = KeyRange::new(from.clone(), Some(to.clone())).unwrap_or(KeyRange::all());
        for id in (0..PARTITIONS).map(PartitionId) {
            for store in stores {
                agrees(store, id, &plain.rows(id), &range, [&from, &to]);
            }
            let hash = content_hash(&memory, id).unwrap();
            prop_assert_eq!(hash, content_hash(&rocks, id).unwrap());
        }
    }
}
