//! Partitions come and go.

use super::{Check, ONE, Subject, TWO, applied, hash, part, put, refused, value};
use crate::cursor::Walk;
use crate::store::Store;
use model::{KeyRange, PartitionId, code};
use std::ops::ControlFlow;

pub(super) const CHECKS: &[Check] = &[
    Check { name: "partitions are made, listed and removed", run: comes_and_goes },
    Check { name: "all partitions of a call are made, or none", run: all_or_none },
    Check { name: "a partition begins at its origin", run: origin },
    Check { name: "what is not held is unknown to every call", run: unknown },
    Check { name: "what is made and what is removed survives a crash", run: durable },
    Check { name: "many partitions are made at once", run: many },
];

fn comes_and_goes(subject: &mut dyn Subject) {
    let store = subject.store();
    assert_eq!(store.partitions().expect("listed"), []);
    store.create(&[TWO, ONE], 0).expect("created");
    store.create(&[], 0).expect("none is easily made");
    assert_eq!(store.partitions().expect("listed"), [ONE, TWO]);
    store.apply(&[part(ONE, 1, vec![put("a", "1")])]).expect("applied");
    store.remove(ONE).expect("removed");
    assert_eq!(store.partitions().expect("listed"), [TWO]);
    store.create(&[ONE], 0).expect("created again");
    assert_eq!((value(store, ONE, "a"), applied(store, ONE)), (None, 0), "nothing came back");
}

fn all_or_none(subject: &mut dyn Subject) {
    let store = subject.store();
    store.create(&[TWO], 0).expect("created");
    store.apply(&[part(TWO, 1, vec![put("a", "1")])]).expect("applied");
    let before = hash(store, TWO);
    refused(store.create(&[ONE, TWO], 0), code::PARTITION_EXISTS);
    refused(store.create(&[ONE, ONE], 0), code::PARTITION_EXISTS);
    assert_eq!(store.partitions().expect("listed"), [TWO]);
    assert_eq!(hash(store, TWO), before);
}

fn origin(subject: &mut dyn Subject) {
    let store = subject.store();
    store.create(&[ONE], 41).expect("created");
    assert_eq!((applied(store, ONE), store.flushed(ONE).expect("flushed")), (41, 41));
    store.apply(&[part(ONE, 41, vec![put("a", "the parent's")])]).expect("skipped");
    refused(store.apply(&[part(ONE, 43, vec![])]), code::INDEX_GAP);
    store.apply(&[part(ONE, 42, vec![put("b", "its own")])]).expect("applied");
    assert_eq!((value(store, ONE, "a"), applied(store, ONE)), (None, 42));
}

fn refuses_all(store: &dyn Store, id: PartitionId) {
    let unknown = code::PARTITION_UNKNOWN;
    refused(store.apply(&[part(id, 1, vec![])]), unknown);
    refused(store.get(id, b"\x01a"), unknown);
    refused(store.multi_get(id, &[b"\x01a"]), unknown);
    refused(store.scan(id, &KeyRange::all(), &mut |_, _| ControlFlow::Break(())), unknown);
    refused(store.cursor(id, &KeyRange::all(), Walk::SHORT).map(drop), unknown);
    refused(store.applied(id), unknown);
    refused(store.flushed(id), unknown);
    refused(store.flush(&[ONE, id]), unknown);
    refused(store.remove(id), unknown);
}

fn unknown(subject: &mut dyn Subject) {
    let store = subject.store();
    store.create(&[ONE, TWO], 0).expect("created");
    refuses_all(store, PartitionId(3));
    store.remove(TWO).expect("removed");
    refuses_all(store, TWO);
}

fn durable(subject: &mut dyn Subject) {
    let store = subject.store();
    store.create(&[ONE, TWO, PartitionId(3)], 7).expect("created");
    store.apply(&[part(TWO, 8, vec![put("a", "1")])]).expect("applied");
    store.flush(&[TWO]).expect("flushed");
    store.remove(TWO).expect("removed");
    subject.crash();
    let store = subject.store();
    assert_eq!(store.partitions().expect("listed"), [ONE, PartitionId(3)]);
    assert_eq!(applied(store, ONE), 7);
    store.create(&[TWO], 0).expect("created again");
    subject.crash();
    assert_eq!(value(subject.store(), TWO, "a"), None);
}

fn many(subject: &mut dyn Subject) {
    let all: Vec<_> = (1..=40).map(PartitionId).collect();
    subject.store().create(&all, 3).expect("created");
    subject.crash();
    let store = subject.store();
    assert_eq!(store.partitions().expect("listed"), all);
    for id in all {
        assert_eq!(applied(store, id), 3);
        store.apply(&[part(id, 4, vec![put("a", id.to_string())])]).expect("applied");
    }
}
