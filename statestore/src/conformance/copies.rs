//! Copies within a store: other rows from the moment they are made.

use super::{Check, ONE, Subject, TWO, applied, delete, hash, key, part, put, refused, rows, value};
use crate::store::Store;
use bytes::Bytes;
use model::keyspace::meta;
use model::{KeyRange, code};

pub(super) const CHECKS: &[Check] = &[
    Check { name: "a copy has the rows and the index of its source", run: same },
    Check { name: "a copy is without what is left out", run: without },
    Check { name: "a copy and its source go their own ways", run: apart },
    Check { name: "a copy survives a crash", run: durable },
    Check { name: "a copy replaces nothing", run: no_replacing },
];

fn fill(store: &dyn Store) {
    store.create(&[ONE], 7).expect("created");
    for index in 8..=40 {
        let mutations = vec![put(&format!("k{index}"), vec![index as u8; 100]), put("z", index.to_string())];
        store.apply(&[part(ONE, index, mutations)]).expect("applied");
        if index == 20 {
            store.flush(&[ONE]).expect("flushed");
        }
    }
}

fn range(start: &str, end: &str) -> KeyRange {
    KeyRange::new(key(start), Some(key(end))).expect("not empty")
}

fn same(subject: &mut dyn Subject) {
    let Some(exchange) = subject.exchange() else { return };
    let store = subject.store();
    fill(store);
    let before = rows(store, ONE);
    assert_eq!(exchange.store.copy(ONE, TWO, &[]).expect("copied"), 40);
    assert_eq!((rows(store, TWO), rows(store, ONE)), (before.clone(), before));
    assert_eq!((applied(store, TWO), store.flushed(TWO).expect("flushed")), (40, 40));
    assert_eq!(store.partitions().expect("listed"), [ONE, TWO]);
    let id = store.get(TWO, &meta::PARTITION).expect("read");
    assert!(id.is_none_or(|id| id[..] == TWO.0.to_le_bytes()), "it bears its own id");
    store.create(&[model::PartitionId(3)], 0).expect("created");
    assert_eq!(exchange.store.copy(model::PartitionId(3), model::PartitionId(4), &[]).expect("empty"), 0);
}

fn without(subject: &mut dyn Subject) {
    let Some(exchange) = subject.exchange() else { return };
    let store = subject.store();
    fill(store);
    let left_out = [range("k1", "k2"), range("k30", "k30a"), range("k9999", "k99999")];
    exchange.store.copy(ONE, TWO, &left_out).expect("copied");
    let is_left_out = |key: &Bytes| left_out.iter().any(|range| range.contains(key));
    let expected: Vec<_> = rows(store, ONE).into_iter().filter(|(key, _)| !is_left_out(key)).collect();
    assert_eq!(rows(store, TWO), expected);
    assert_eq!((value(store, TWO, "k12"), value(store, TWO, "k30"), applied(store, TWO)), (None, None, 40));
    assert!(value(store, TWO, "k31").is_some() && value(store, ONE, "k12").is_some());
    // What is left out may come again.
    store.apply(&[part(TWO, 41, vec![put("k12", "new")])]).expect("applied");
    assert_eq!(value(store, TWO, "k12"), Some(Bytes::from("new")));
}

fn apart(subject: &mut dyn Subject) {
    let Some(exchange) = subject.exchange() else { return };
    let store = subject.store();
    fill(store);
    exchange.store.copy(ONE, TWO, &[]).expect("copied");
    store.apply(&[part(ONE, 41, vec![put("k8", "source"), delete("k9")])]).expect("applied");
    store.apply(&[part(TWO, 41, vec![put("k8", "copy"), delete("k10")])]).expect("applied");
    assert_eq!(value(store, ONE, "k8"), Some(Bytes::from("source")));
    assert_eq!(value(store, TWO, "k8"), Some(Bytes::from("copy")));
    assert!(value(store, TWO, "k9").is_some() && value(store, ONE, "k10").is_some());
    let copy = hash(store, TWO);
    store.remove(ONE).expect("removed");
    assert_eq!((hash(store, TWO), store.partitions().expect("listed")), (copy, vec![TWO]));
}

fn durable(subject: &mut dyn Subject) {
    let Some(exchange) = subject.exchange() else { return };
    fill(subject.store());
    exchange.store.copy(ONE, TWO, &[range("k1", "k2")]).expect("copied");
    let expected = hash(subject.store(), TWO);
    for _ in 0..2 {
        subject.crash();
        let store = subject.store();
        assert_eq!((hash(store, TWO), applied(store, TWO)), (expected, 40));
        assert_eq!(value(store, TWO, "k12"), None);
    }
}

fn no_replacing(subject: &mut dyn Subject) {
    let Some(exchange) = subject.exchange() else { return };
    let store = subject.store();
    fill(store);
    refused(exchange.store.copy(ONE, ONE, &[]), code::PARTITION_EXISTS);
    refused(exchange.store.copy(TWO, ONE, &[]), code::PARTITION_EXISTS);
    refused(exchange.store.copy(TWO, model::PartitionId(3), &[]), code::PARTITION_UNKNOWN);
    assert_eq!(store.partitions().expect("listed"), [ONE]);
}
