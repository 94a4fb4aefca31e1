//! Batches: whole or not at all, once, and with their applied index.

use super::{Check, ONE, Subject, TWO, applied, delete, hash, part, put, refused, rows, value};
use crate::store::Part;
use bytes::Bytes;
use model::keyspace::meta;
use model::{Mutation, code};

pub(super) const CHECKS: &[Check] = &[
    Check { name: "a batch changes rows and the applied index", run: changes },
    Check { name: "a later mutation wins", run: later_wins },
    Check { name: "what is in already is skipped", run: skips },
    Check { name: "a gap is refused and nothing of its batch is applied", run: gaps },
    Check { name: "a batch reaches several partitions", run: several },
    Check { name: "a part may cover many indexes and no rows", run: no_rows },
    Check { name: "rows of any bytes and of any size", run: any_bytes },
    Check { name: "the store's own rows are not to be changed", run: reserved },
    Check { name: "an unknown partition's batch is refused whole", run: unknown },
];

fn changes(subject: &mut dyn Subject) {
    let store = subject.store();
    store.create(&[ONE], 0).expect("created");
    assert_eq!(applied(store, ONE), 0);
    store.apply(&[part(ONE, 1, vec![put("a", "1"), put("b", "2")])]).expect("applied");
    assert_eq!((value(store, ONE, "a"), applied(store, ONE)), (Some(Bytes::from_static(b"1")), 1));
    store.apply(&[part(ONE, 2, vec![delete("a"), delete("never")])]).expect("applied");
    assert_eq!((value(store, ONE, "a"), applied(store, ONE)), (None, 2));
    assert_eq!(rows(store, ONE).len(), 2, "b and the applied row");
}

fn later_wins(subject: &mut dyn Subject) {
    let store = subject.store();
    store.create(&[ONE], 0).expect("created");
    let mutations = vec![put("a", "1"), delete("a"), put("a", "3"), put("b", "1"), delete("b")];
    let next = part(ONE, 2, vec![put("a", "4")]);
    store.apply(&[part(ONE, 1, mutations), next]).expect("applied");
    assert_eq!(value(store, ONE, "a"), Some(Bytes::from_static(b"4")), "across parts of one batch too");
    assert_eq!((value(store, ONE, "b"), applied(store, ONE)), (None, 2));
}

fn skips(subject: &mut dyn Subject) {
    let store = subject.store();
    store.create(&[ONE], 0).expect("created");
    let first = Part { partition: ONE, first_index: 1, count: 3, mutations: vec![put("a", "first")] };
    store.apply(std::slice::from_ref(&first)).expect("applied");
    let before = hash(store, ONE);
    let again = part(ONE, 2, vec![put("a", "again"), put("b", "new")]);
    store.apply(std::slice::from_ref(&again)).expect("skipped");
    store.apply(&[first]).expect("skipped");
    assert_eq!(hash(store, ONE), before);
    store.apply(&[again, part(ONE, 4, vec![put("c", "4")])]).expect("the old part skipped, the new one in");
    assert_eq!((value(store, ONE, "b"), applied(store, ONE)), (None, 4));
    store.apply(&[]).expect("an empty batch is no batch");
}

fn gaps(subject: &mut dyn Subject) {
    let store = subject.store();
    store.create(&[ONE, TWO], 0).expect("created");
    store.apply(&[part(ONE, 1, vec![put("a", "1")])]).expect("applied");
    let before = (hash(store, ONE), hash(store, TWO));
    let straddling = Part { partition: ONE, first_index: 1, count: 2, mutations: vec![put("x", "1")] };
    let backwards = part(ONE, 2, vec![put("x", "1")]);
    let batches: [(&str, Vec<Part>); 4] = [
        ("ahead", vec![part(ONE, 3, vec![put("x", "1")])]),
        ("half in", vec![straddling]),
        ("the second of two", vec![part(TWO, 1, vec![put("x", "1")]), part(ONE, 3, vec![])]),
        ("behind its own start", vec![backwards, part(ONE, 4, vec![])]),
    ];
    for (name, batch) in batches {
        refused(store.apply(&batch), code::INDEX_GAP);
        assert_eq!((hash(store, ONE), hash(store, TWO)), before, "{name}");
        assert_eq!((applied(store, ONE), applied(store, TWO)), (1, 0), "{name}");
    }
}

fn several(subject: &mut dyn Subject) {
    let store = subject.store();
    let all: Vec<_> = (1..=9).map(model::PartitionId).collect();
    store.create(&all, 0).expect("created");
    for index in 1..=3 {
        // Not in the order of their ids, and not all each time.
        let batch: Vec<Part> =
            all.iter().rev().map(|id| part(*id, index, vec![put("a", id.to_string())])).collect();
        store.apply(&batch).expect("applied");
    }
    for id in &all {
        let own = Bytes::from(id.to_string());
        assert_eq!((value(store, *id, "a"), applied(store, *id)), (Some(own), 3));
    }
}

fn no_rows(subject: &mut dyn Subject) {
    let store = subject.store();
    store.create(&[ONE], 0).expect("created");
    let count = 1_000_000;
    store.apply(&[Part { partition: ONE, first_index: 1, count, mutations: Vec::new() }]).expect("applied");
    assert_eq!(applied(store, ONE), 1_000_000);
}

fn any_bytes(subject: &mut dyn Subject) {
    let store = subject.store();
    store.create(&[ONE], 0).expect("created");
    let long = Bytes::from(vec![0xff; 1024 + 9]);
    let big = Bytes::from(vec![7; 1 << 20]);
    let table = [
        (Bytes::from_static(b"\x01"), Bytes::new()),
        (Bytes::from_static(b"\x01\0"), Bytes::from_static(b"\0\0")),
        (Bytes::from_static(b"\x04\xff\xff"), big),
        (long, Bytes::from_static(b"long")),
    ];
    let mutations = table.iter().map(|(key, value)| Mutation::put(key.clone(), value.clone())).collect();
    store.apply(&[part(ONE, 1, mutations)]).expect("applied");
    for (key, value) in table {
        assert_eq!(store.get(ONE, &key).expect("read"), Some(value), "{}", key.escape_ascii());
    }
}

fn reserved(subject: &mut dyn Subject) {
    let store = subject.store();
    store.create(&[ONE], 0).expect("created");
    let before = hash(store, ONE);
    for row in [meta::APPLIED, meta::PARTITION] {
        let row = Bytes::copy_from_slice(&row);
        for mutation in [Mutation::put(row.clone(), "x"), Mutation::delete(row)] {
            refused(store.apply(&[part(ONE, 1, vec![put("a", "1"), mutation])]), code::ROW_RESERVED);
        }
    }
    assert_eq!(hash(store, ONE), before);
}

fn unknown(subject: &mut dyn Subject) {
    let store = subject.store();
    store.create(&[ONE], 0).expect("created");
    let before = hash(store, ONE);
    let batch = [part(ONE, 1, vec![put("a", "1")]), part(TWO, 1, vec![put("a", "1")])];
    refused(store.apply(&batch), code::PARTITION_UNKNOWN);
    assert_eq!((hash(store, ONE), applied(store, ONE)), (before, 0));
}
