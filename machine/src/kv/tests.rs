//! Rows of `kv` under its commands, one after the other.

use super::*;
use model::keyspace::{deadlines_from, decode_deadline};
use model::{Event, EventKind, Layout, Mutation, Stamp};
use std::collections::BTreeMap;

#[derive(Default)]
struct Rows(BTreeMap<Bytes, Bytes>);

impl View for Rows {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, ViewError> {
        Ok(self.0.get(key).cloned())
    }

    fn range(&self, _: &model::KeyRange, _: usize) -> Result<Vec<(Bytes, Bytes)>, ViewError> {
        unreachable!("it has no parts")
    }
}

const KV: Kv = Kv { setting: Setting { layout: Layout::Hashed, previous: false } };

impl Rows {
    fn run(&mut self, index: u64, command: &Bytes) -> KvReply {
        let outcome = KV.apply(self, command, At { index, stamp: Stamp(index) }).expect("total");
        self.take(outcome.mutations);
        KvReply::decode(&outcome.reply)
    }

    fn take(&mut self, mutations: Vec<Mutation>) {
        for mutation in mutations {
            match mutation {
                Mutation::Put { key, value } => self.0.insert(key, value),
                Mutation::Delete { key } => self.0.remove(&key),
            };
        }
    }

    fn one(&mut self, index: u64, change: Change) -> KvReply {
        self.run(index, &KvCommand::One(change).encode())
    }

    fn row(&self, key: &'static str) -> Option<Row> {
        self.0.get(&encode_data(KV.setting.layout, &name(key))).map(|row| Row::decode(row).expect("our own"))
    }
}

fn name(text: &'static str) -> Key {
    Key::new(text).expect("a valid key")
}

fn put(key: &'static str, value: &'static str) -> Change {
    Change::upsert(name(key), Bytes::from(value))
}

fn remove(key: &'static str) -> Change {
    Change::remove(name(key))
}

fn row(revision: u64, value: &'static str) -> Option<Row> {
    Some(Row { revision, expires: None, value: Bytes::from(value) })
}

#[test]
fn a_row_has_the_revision_of_the_command_that_wrote_it() {
    let mut rows = Rows::default();
    assert_eq!(rows.one(1, remove("k")), KvReply::NotFound);
    assert_eq!(rows.one(2, put("k", "a")), KvReply::Done);
    assert_eq!(rows.one(3, put("k", "b")), KvReply::Done);
    assert_eq!(rows.row("k"), row(3, "b"));
    assert_eq!(rows.one(4, remove("k")), KvReply::Done);
    assert_eq!(rows.one(5, remove("k")), KvReply::NotFound);
    assert_eq!(rows.run(6, &Bytes::from_static(b"\xff")), KvReply::Unreadable);
    assert!(rows.0.is_empty());
}

#[test]
fn a_change_is_made_if_its_condition_holds() {
    use Condition::{Absent, Present, Revision};
    let refused = |revision| KvReply::Refused { change: 0, revision };
    // Each in a world where row `k` has revision 7, and where it is not there.
    let table = [
        (put("k", "b").only_if(Absent), refused(Some(7)), KvReply::Done),
        (put("k", "b").only_if(Present), KvReply::Done, refused(None)),
        (put("k", "b").only_if(Revision(7)), KvReply::Done, refused(None)),
        (put("k", "b").only_if(Revision(6)), refused(Some(7)), refused(None)),
        (remove("k").only_if(Absent), refused(Some(7)), KvReply::NotFound),
        (remove("k").only_if(Present), KvReply::Done, refused(None)),
        (remove("k").only_if(Revision(7)), KvReply::Done, refused(None)),
        (remove("k").only_if(Revision(8)), refused(Some(7)), refused(None)),
    ];
    for (change, there, not_there) in table {
        for (is_there, expected) in [(true, there), (false, not_there)] {
            let mut rows = Rows::default();
            if is_there {
                rows.one(7, put("k", "a"));
            }
            let before = rows.row("k");
            assert_eq!(rows.one(9, change.clone()), expected, "{change:?} {is_there}");
            let changed = if change.act == Act::Remove { None } else { row(9, "b") };
            let is_refused = matches!(expected, KvReply::Refused { .. });
            assert_eq!(rows.row("k"), if is_refused { before } else { changed }, "{change:?}");
        }
    }
}

#[test]
fn an_atomic_command_does_all_or_nothing_and_sees_what_it_did() {
    use Condition::{Absent, Revision};
    let mut rows = Rows::default();
    let all = |changes: Vec<Change>| KvCommand::All(changes).encode();
    let changes =
        vec![put("a", "1"), remove("b"), put("b", "2").only_if(Absent), remove("a").only_if(Revision(1))];
    assert_eq!(rows.run(1, &all(changes)), KvReply::NotFoundIn([1].into_iter().collect()));
    assert_eq!((rows.row("a"), rows.row("b")), (None, row(1, "2")));
    let changes = vec![put("a", "3"), remove("b"), put("c", "4").only_if(Revision(9))];
    assert_eq!(rows.run(2, &all(changes)), KvReply::Refused { change: 2, revision: None });
    assert_eq!((rows.row("a"), rows.row("b")), (None, row(1, "2")));
    let nonsense = Bytes::from_static(b"\x05\x04\0\0\0\x01\x01\0a\x01\0\0\0\xff");
    assert_eq!(rows.run(3, &nonsense), KvReply::Unreadable);
    assert_eq!(rows.row("a"), None);
}

#[test]
fn what_a_command_reads_is_known_before() {
    let changes = vec![put("a", "1"), remove("b"), put("c", "1").only_if(Condition::Absent)];
    let stored = |key| encode_data(KV.setting.layout, &name(key));
    let mut keys = Vec::new();
    KV.reads(&KvCommand::All(changes).encode(), &mut keys);
    KV.reads(&KvCommand::One(put("d", "1")).encode(), &mut keys);
    KV.reads(&KvCommand::One(remove("e")).encode(), &mut keys);
    assert_eq!(keys, [stored("b"), stored("c"), stored("e")]);
}

impl Rows {
    /// What happened by a command at this stamp.
    fn at(&mut self, kv: Kv, ms: u64, change: Change) -> (KvReply, Vec<Event>) {
        let command = KvCommand::One(change).encode();
        let at = At { index: ms, stamp: Stamp(ms * MS) };
        let outcome = kv.apply(self, &command, at).expect("total");
        self.take(outcome.mutations);
        (KvReply::decode(&outcome.reply), outcome.events)
    }

    /// What happened by everything that was due.
    fn tick(&mut self, ms: u64) -> Vec<Event> {
        let mut told = Vec::new();
        loop {
            let noted = self.0.keys().find(|key| deadlines_from(Stamp(0)).contains(key)).cloned();
            let due = noted.and_then(|noted| decode_deadline(&noted));
            let Some((due, row)) = due.filter(|(due, _)| due.0 <= ms * MS) else { return told };
            self.0.remove(&model::keyspace::encode_deadline(due, &row));
            let at = At { index: ms, stamp: Stamp(ms * MS) };
            let outcome = KV.expire(self, &row, at).expect("total");
            self.take(outcome.mutations);
            told.extend(outcome.events);
        }
    }
}

const MS: u64 = 1_000_000;

fn lasting(key: &'static str, value: &'static str, ttl_ms: u64) -> Change {
    Change { act: Act::Upsert { value: Bytes::from(value), ttl_ms: Some(ttl_ms) }, ..put(key, value) }
}

fn touch(key: &'static str, ttl_ms: Option<u64>) -> Change {
    Change { act: Act::Touch { ttl_ms }, ..remove(key) }
}

fn kinds(events: &[Event]) -> Vec<EventKind> {
    events.iter().map(|event| event.kind).collect()
}

#[test]
fn a_row_expires_when_its_time_is_up_and_not_before() {
    use EventKind::{Expired, Put};
    let mut rows = Rows::default();
    assert_eq!(kinds(&rows.at(KV, 1, lasting("k", "a", 10)).1), [Put]);
    assert_eq!(kinds(&rows.tick(10)), []);
    assert_eq!(kinds(&rows.tick(11)), [Expired]);
    assert!(rows.0.is_empty(), "neither row nor deadline is left");

    // Every change of its time is the last word.
    rows.at(KV, 20, lasting("k", "a", 10));
    assert_eq!(rows.at(KV, 21, touch("k", Some(50))), (KvReply::Done, vec![]));
    assert_eq!(rows.row("k").map(|row| (row.revision, row.expires)), Some((20, Some(Stamp(71 * MS)))));
    assert_eq!(kinds(&rows.tick(70)), []);
    rows.at(KV, 70, touch("k", None));
    assert_eq!((kinds(&rows.tick(1000)), rows.0.len()), (vec![], 1));
    rows.at(KV, 1000, touch("k", Some(5)));
    // A put that does not look leaves a note that leads nowhere.
    rows.at(KV, 1001, put("k", "b"));
    assert_eq!((kinds(&rows.tick(2000)), rows.0.len()), (vec![], 1));
    assert_eq!(rows.at(KV, 2001, touch("nobody", None)).0, KvReply::NotFound);
}

#[test]
fn what_is_over_is_not_there_although_no_tick_came_by() {
    use EventKind::{Expired, Put};
    let mut rows = Rows::default();
    rows.at(KV, 1, lasting("k", "a", 10));
    assert_eq!(rows.at(KV, 11, remove("k")), (KvReply::NotFound, vec![]));
    assert_eq!(rows.at(KV, 12, touch("k", None)), (KvReply::NotFound, vec![]));
    let refused = KvReply::Refused { change: 0, revision: None };
    assert_eq!(rows.at(KV, 13, put("k", "b").only_if(Condition::Present)), (refused, vec![]));
    let (reply, events) = rows.at(KV, 14, put("k", "b").only_if(Condition::Absent));
    assert_eq!((reply, kinds(&events)), (KvReply::Done, vec![Expired, Put]));
    assert_eq!((rows.row("k"), rows.0.len()), (row(14, "b"), 1));
}

#[test]
fn events_say_what_was_before_where_the_table_keeps_that() {
    let keeps = Kv { setting: Setting { previous: true, ..KV.setting } };
    let mut rows = Rows::default();
    let before = |events: Vec<Event>| {
        let told = |event: Event| event.before.map(|before| (before.revision, before.value));
        events.into_iter().map(told).collect::<Vec<_>>()
    };
    assert_eq!(before(rows.at(keeps, 1, put("k", "a")).1), [None]);
    assert_eq!(before(rows.at(keeps, 2, put("k", "b")).1), [Some((1, Bytes::from("a")))]);
    assert_eq!(before(rows.at(KV, 3, put("k", "c")).1), [None]);
    assert_eq!(before(rows.at(keeps, 4, remove("k")).1), [Some((3, Bytes::from("c")))]);
}

#[test]
fn an_atomic_batch_that_would_tell_too_much_of_rows_before_does_nothing() {
    let keeps = Kv { setting: Setting { previous: true, ..KV.setting } };
    let mut rows = Rows::default();
    let large = Bytes::from(vec![b'v'; 900 << 10]);
    for (index, key) in (1..).zip(["a", "b", "c"]) {
        rows.one(index, Change::upsert(name(key), large.clone()));
    }
    let all = |keys: &[&'static str]| KvCommand::All(keys.iter().map(|key| put(key, "w")).collect()).encode();
    let apply = |kv: Kv, keys: &[&'static str]| {
        let outcome = kv.apply(&rows, &all(keys), At { index: 4, stamp: Stamp(4) }).expect("total");
        (KvReply::decode(&outcome.reply), outcome.mutations.len(), outcome.events.len())
    };
    assert_eq!(apply(keeps, &["a", "b", "c"]), (KvReply::TooMuch, 0, 0));
    assert_eq!(apply(keeps, &["a", "b"]), (KvReply::Done, 2, 2));
    assert_eq!(apply(KV, &["a", "b", "c"]), (KvReply::Done, 3, 3));
}
