//! Crashes: a partition returns to an index it has been at, rows and all.

use super::{Check, ONE, Subject, TWO, applied, delete, hash, part, put};
use crate::store::Store;
use model::{Index, Mutation, PartitionId};
use std::collections::BTreeMap;

pub(super) const CHECKS: &[Check] = &[
    Check { name: "what is flushed survives a crash", run: flushed_survives },
    Check { name: "a crash returns to an index between flushed and applied", run: between },
    Check { name: "a flush reaches the partitions it names", run: targeted },
    Check { name: "the log brings back what a crash took", run: replays },
];

/// The change at an index: some rows stay, some change, some go again.
fn step(index: Index) -> Vec<Mutation> {
    vec![
        put(&format!("kept{index}"), index.to_string()),
        put("counter", index.to_string()),
        put(&format!("short{index}"), "x"),
        delete(&format!("short{}", index.saturating_sub(3))),
    ]
}

/// Applies up to an index and notes what the partition was at each.
fn advance(store: &dyn Store, id: PartitionId, to: Index, history: &mut BTreeMap<Index, u128>) {
    for index in applied(store, id) + 1..=to {
        store.apply(&[part(id, index, step(index))]).expect("applied");
        history.insert(index, hash(store, id));
    }
}

fn started(store: &dyn Store, id: PartitionId) -> BTreeMap<Index, u128> {
    BTreeMap::from([(0, hash(store, id))])
}

fn flushed_survives(subject: &mut dyn Subject) {
    let store = subject.store();
    store.create(&[ONE], 0).expect("created");
    let mut history = started(store, ONE);
    advance(store, ONE, 20, &mut history);
    store.flush(&[ONE]).expect("flushed");
    assert_eq!(store.flushed(ONE).expect("flushed"), 20);
    store.flush(&[ONE]).expect("flushed again, with nothing new");
    subject.crash();
    let store = subject.store();
    assert_eq!((applied(store, ONE), hash(store, ONE)), (20, history[&20]));
    assert_eq!(store.flushed(ONE).expect("flushed"), 20);
}

fn between(subject: &mut dyn Subject) {
    subject.store().create(&[ONE], 0).expect("created");
    let mut history = started(subject.store(), ONE);
    for round in 1..=5 {
        let store = subject.store();
        advance(store, ONE, round * 20, &mut history);
        store.flush(&[ONE]).expect("flushed");
        advance(store, ONE, round * 20 + 10, &mut history);
        let (low, high) = (store.flushed(ONE).expect("flushed"), applied(store, ONE));
        subject.crash();
        let store = subject.store();
        let index = applied(store, ONE);
        assert!((low..=high).contains(&index), "{low} ≤ {index} ≤ {high}");
        assert_eq!(hash(store, ONE), history[&index], "rows and applied row agree at {index}");
    }
}

fn targeted(subject: &mut dyn Subject) {
    let store = subject.store();
    store.create(&[ONE, TWO], 0).expect("created");
    let (mut one, mut two) = (started(store, ONE), started(store, TWO));
    advance(store, ONE, 5, &mut one);
    advance(store, TWO, 9, &mut two);
    store.flush(&[TWO]).expect("flushed");
    store.flush(&[]).expect("nothing to flush");
    subject.crash();
    let store = subject.store();
    assert_eq!((applied(store, TWO), hash(store, TWO)), (9, two[&9]));
    assert_eq!(hash(store, ONE), one[&applied(store, ONE)]);
}

fn replays(subject: &mut dyn Subject) {
    let store = subject.store();
    store.create(&[ONE], 0).expect("created");
    let mut history = started(store, ONE);
    advance(store, ONE, 30, &mut history);
    store.flush(&[ONE]).expect("flushed");
    advance(store, ONE, 60, &mut history);
    subject.crash();
    let store = subject.store();
    // From the start, as a log does that does not know what is flushed.
    for index in 1..=60 {
        store.apply(&[part(ONE, index, step(index))]).expect("applied or skipped");
    }
    assert_eq!((applied(store, ONE), hash(store, ONE)), (60, history[&60]));
}
