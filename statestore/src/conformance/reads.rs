//! Reads: in order, within bounds, and of one moment.

use super::{Check, ONE, Subject, TWO, applied, key, part, put, rows};
use crate::error::StoreError;
use crate::store::Store;
use bytes::Bytes;
use model::keyspace::meta;
use model::{KeyRange, Limits, Mutation};
use std::ops::ControlFlow;

pub(super) const CHECKS: &[Check] = &[
    Check { name: "many rows are read in the order asked", run: multi_get },
    Check { name: "one read returns no more than it may", run: bounded },
    Check { name: "a scan is in order and within its range", run: scan },
    Check { name: "a scan ends when told to", run: breaks },
    Check { name: "a scan shows the moment it began", run: scan_is_one_moment },
    Check { name: "partitions do not see each other's rows", run: apart },
    Check { name: "readers see whole batches while a writer runs", run: whole_batches },
];

fn multi_get(subject: &mut dyn Subject) {
    let store = subject.store();
    store.create(&[ONE], 0).expect("created");
    assert_eq!(store.multi_get(ONE, &[]).expect("read"), Vec::<Option<Bytes>>::new());
    store.apply(&[part(ONE, 1, vec![put("a", "1"), put("b", ""), put("c", "3")])]).expect("applied");
    let keys = [key("c"), key("nothing"), key("a"), key("b"), key("a")];
    let keys: Vec<&[u8]> = keys.iter().map(|key| &key[..]).collect();
    let found = store.multi_get(ONE, &keys).expect("read");
    let expected = [Some("3"), None, Some("1"), Some(""), Some("1")];
    assert_eq!(found, expected.map(|value| value.map(Bytes::from)));
    // What was just written is in memory.
    assert_eq!(store.multi_get_now(ONE, &keys).expect("read"), Some(found.clone()));
    assert_eq!(store.multi_get_now(ONE, &keys[..1]).expect("read"), Some(found[..1].to_vec()));
}

/// The same large row again and again costs its bytes each time.
fn bounded(subject: &mut dyn Subject) {
    let store = subject.store();
    store.create(&[ONE], 0).expect("created");
    let value = bytes::Bytes::from(vec![b'v'; 1 << 20]);
    store.apply(&[part(ONE, 1, vec![Mutation::put(key("a"), value.clone())])]).expect("applied");
    let stored = key("a");
    let few: Vec<&[u8]> = vec![&stored; 4];
    assert_eq!(store.multi_get(ONE, &few).expect("read").len(), 4);
    let many: Vec<&[u8]> = vec![&stored; 2 * Limits::default().read_bytes_max / value.len()];
    for refused in [store.multi_get(ONE, &many).map(drop), store.multi_get_now(ONE, &many).map(drop)] {
        assert!(matches!(refused, Err(StoreError::TooMuch { .. })), "{refused:?}");
    }
}

fn scanned(store: &dyn Store, range: &KeyRange, most: usize) -> Vec<String> {
    let mut keys = Vec::new();
    let result = store.scan(ONE, range, &mut |key, value| {
        assert_eq!(key[1..], *value, "each row's value is its key");
        keys.push(key[1..].escape_ascii().to_string());
        if keys.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    result.expect("scanned");
    keys
}

fn fill(store: &dyn Store) {
    let names = ["b", "a", "ab", "c", "aa", "d"];
    store.create(&[ONE], 0).expect("created");
    store.apply(&[part(ONE, 1, names.map(|name| put(name, name)).to_vec())]).expect("applied");
}

fn range(start: &str, end: Option<&str>) -> KeyRange {
    KeyRange::new(key(start), end.map(key)).expect("not empty")
}

fn scan(subject: &mut dyn Subject) {
    let store = subject.store();
    fill(store);
    let table = [
        (range("", None), vec!["a", "aa", "ab", "b", "c", "d"]),
        (range("a", Some("b")), vec!["a", "aa", "ab"]),
        (range("aa", Some("aa\0")), vec!["aa"]),
        (range("ac", Some("c")), vec!["b"]),
        (range("e", None), vec![]),
        (range("", Some("a")), vec![]),
    ];
    for (range, expected) in table {
        assert_eq!(scanned(store, &range, 100), expected, "{range}");
    }
    let all = rows(store, ONE);
    assert!(all.windows(2).all(|pair| pair[0].0 < pair[1].0), "in order, none twice");
    assert_eq!(all[0].0[..], meta::APPLIED, "meta rows come first");
}

fn breaks(subject: &mut dyn Subject) {
    let store = subject.store();
    fill(store);
    assert_eq!(scanned(store, &range("", None), 1), ["a"]);
    assert_eq!(scanned(store, &range("aa", None), 3), ["aa", "ab", "b"]);
}

fn scan_is_one_moment(subject: &mut dyn Subject) {
    let store = subject.store();
    fill(store);
    let mut seen = 0;
    let result = store.scan(ONE, &range("", None), &mut |_, _| {
        seen += 1;
        // The writer is not kept waiting by the scan, nor the scan changed.
        let rows = vec![put(&format!("a{seen}"), "later"), Mutation::delete(key("d"))];
        store.apply(&[part(ONE, 1 + seen, rows)]).expect("applied during the scan");
        ControlFlow::Continue(())
    });
    result.expect("scanned");
    assert_eq!((seen, applied(store, ONE)), (6, 7));
}

fn apart(subject: &mut dyn Subject) {
    let store = subject.store();
    store.create(&[ONE, TWO], 0).expect("created");
    store.apply(&[part(ONE, 1, vec![put("a", "of one")])]).expect("applied");
    assert_eq!(store.get(TWO, &key("a")).expect("read"), None);
    assert_eq!(rows(store, TWO).len(), 1, "the applied row alone");
}

const BATCHES: u64 = 2_000;
const NAMES: usize = 8;

/// Every batch writes its index into every row, so that two rows that differ,
/// or an applied row that does, are a batch seen in half.
fn whole_batches(subject: &mut dyn Subject) {
    let store = subject.store();
    store.create(&[ONE], 0).expect("created");
    let write = |index: u64| {
        let value = Bytes::copy_from_slice(&index.to_le_bytes());
        let mutations = (0..NAMES).map(|name| put(&name.to_string(), value.clone())).collect();
        store.apply(&[part(ONE, index, mutations)]).expect("applied");
    };
    write(1);
    #[allow(clippy::disallowed_methods, reason = "a test of threads, which no simulation runs")]
    std::thread::scope(|scope| {
        scope.spawn(|| (2..=BATCHES).for_each(write));
        scope.spawn(|| while look(store, &seen_by_multi_get) < BATCHES {});
        while look(store, &seen_by_scan) < BATCHES {}
    });
}

/// Looks once; returns the index seen.
fn look(store: &dyn Store, read: &dyn Fn(&dyn Store) -> Vec<Bytes>) -> u64 {
    let before = store.applied(ONE).expect("applied");
    let seen = read(store);
    assert_eq!(seen.len(), 1 + NAMES);
    assert!(seen.iter().all(|value| *value == seen[0]), "a batch was seen in half: {seen:?}");
    let index = u64::from_le_bytes(seen[0][..].try_into().expect("an index"));
    assert!(index >= before, "what is said to be applied shows");
    index
}

fn seen_by_multi_get(store: &dyn Store) -> Vec<Bytes> {
    let mut keys: Vec<Bytes> = (0..NAMES).map(|name| key(&name.to_string())).collect();
    keys.insert(NAMES / 2, Bytes::from_static(&meta::APPLIED));
    let keys: Vec<&[u8]> = keys.iter().map(|key| &key[..]).collect();
    let found = store.multi_get(ONE, &keys).expect("read");
    found.into_iter().map(|value| value.expect("every batch writes every row")).collect()
}

fn seen_by_scan(store: &dyn Store) -> Vec<Bytes> {
    rows(store, ONE).into_iter().map(|(_, value)| value).collect()
}
