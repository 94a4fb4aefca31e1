//! Pages of events over a store: whole, without gaps, from wherever asked.

use super::*;
use env::Plants;
use machine::{Change, Kv, KvCommand, Setting};
use model::command::{Command, encode_commands};
use model::{Chore, Key, Layout, Limits, PartitionId, Record, RecordKind, Trim};
use pipeline::{Applier, Rules, Standing};
use statestore::{MemoryStore, Store};

const ONE: PartitionId = PartitionId(1);

/// Three records of three commands each, of which the second touches nothing.
fn store() -> (MemoryStore, Applier) {
    let store = MemoryStore::volatile(&Limits::default(), Plants::NONE);
    store.create(&[ONE], 0).expect("made");
    let rules = Rules::of(Kv { setting: Setting::of(Layout::Ordered) });
    let standing = Standing::load(&store, ONE).expect("read");
    let mut applier = Applier::after(standing, rules, Default::default());
    for number in 0..3u64 {
        let key = |name: &'static str| Key::new(name).expect("a valid key");
        let changes = [
            Change::upsert(key("a"), Bytes::from(number.to_string())),
            Change::remove(key("nobody")),
            Change::upsert(key("b"), Bytes::from(number.to_string())),
        ];
        let command = |change| Command::plain(KvCommand::One(change).encode());
        let payload = encode_commands(&changes.map(command));
        take(&mut applier, &store, RecordKind::Commands, 3, payload);
    }
    (store, applier)
}

fn take(applier: &mut Applier, store: &MemoryStore, kind: RecordKind, count: u32, payload: Bytes) {
    let first_index = applier.applied() + 1;
    let stamp = Stamp(first_index * 10);
    let epoch = Epoch::FIRST;
    let record = Record { partition: ONE, epoch, first_index, count, stamp, kind, payload };
    applier.apply(&record, store, &mut Vec::new()).expect("applied");
    store.apply(&[applier.part().expect("something")]).expect("stored");
}

fn read(store: &MemoryStore, next: Index, keys: KeyRange, bytes: usize) -> (String, Option<Index>) {
    let wanted = Wanted { keys, bytes, expected: None };
    let mut cursor = store.cursor(ONE, &events_from(0), Walk::SHORT).expect("held");
    let page = Page::read(&mut *cursor, next, &wanted).expect("read");
    let told =
        |(index, _, event): &(Index, Stamp, Event)| format!("{index}{}", event.key.as_bytes().escape_ascii());
    (page.events.iter().map(told).collect::<Vec<_>>().join(" "), page.behind)
}

#[test]
fn a_page_ends_with_a_record_and_shows_what_is_wanted() {
    let (store, _) = store();
    let all = || KeyRange::all();
    let table = [
        (read(&store, 1, all(), 9999), "1a 3b 4a 6b 7a 9b", None),
        (read(&store, 3, all(), 9999), "3b 4a 6b 7a 9b", None),
        (read(&store, 1, all(), 1), "1a 3b", Some(4)),
        (read(&store, 1, KeyRange::with_prefix(Bytes::from_static(b"b")), 9999), "3b 6b 9b", None),
        (read(&store, 10, all(), 9999), "", None),
    ];
    for ((told, behind), expected, row) in table {
        assert_eq!((told.as_str(), behind), (expected, row));
    }
}

#[test]
fn what_was_given_up_is_known() {
    let (store, mut applier) = store();
    let trim = Chore::Trim(Trim { most: 2, older_than: Stamp(50), keep_bytes: 0 });
    take(&mut applier, &store, trim.kind(), 1, trim.encode());
    let (told, _) = read(&store, 1, KeyRange::all(), 9999);
    assert_eq!(told, "7a 9b");
    assert_eq!(applier.standing().binlog.given_up, 6);
}
