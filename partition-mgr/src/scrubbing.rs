//! Scrubbing a partition: every row is read again, and what its events tell is
//! held against its rows.
//!
//! All of it is of one moment. The way is backwards, so that events are met before
//! the rows that they tell of: of each key only the last counts.

use crate::directory::Handle;
use crate::reading::{ReadError, Right, Seen};
use bytes::Bytes;
use machine::Row;
use model::event::Events;
use model::keyspace::{decode_data, decode_deadline, index_of_events, meta};
use model::{EventKind, Index, KeyKind, KeyRange, Layout};
use statestore::{Cursor, Walk};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// Findings that are told.
const FINDINGS_MAX: usize = 100;

/// A scrub under way.
pub struct Scrub {
    cursor: Box<dyn Cursor>,
    pass: Pass,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scrubbed {
    /// Up to which index everything shows.
    pub index: Index,
    /// Of all rows, from the last to the first: two replicas that say the same at
    /// one index hold the same.
    pub hash: u128,
    /// Rows of the table.
    pub rows: u64,
    /// All others.
    pub others: u64,
    /// Bytes of keys and values.
    pub bytes: u64,
    /// Events that were held against rows.
    pub events: u64,
    /// What is wrong, in words.
    pub findings: Vec<String>,
    /// What is wrong and was not told.
    pub more: u64,
}

/// What the last event of a key says.
struct Last {
    index: Index,
    kind: EventKind,
    value: u64,
}

struct Pass {
    layout: Layout,
    /// Are its rows those of `kv`?
    is_kv: bool,
    last: BTreeMap<Bytes, Last>,
    hash: Xxh3,
    found: Scrubbed,
}

impl Handle {
    /// Begins a scrub. May wait for a disk.
    pub fn scrub(&self, layout: Layout, is_kv: bool) -> Result<Scrub, ReadError> {
        let Seen { applied: published, .. } = self.check(None, Right::AsItIs)?;
        let backwards = Walk { reverse: true, long: true };
        let cursor = self.store.cursor(self.id, &KeyRange::all(), backwards)?;
        self.shows(cursor.applied(), published);
        Ok(Scrub::new(cursor, layout, is_kv))
    }
}

impl Scrub {
    fn new(cursor: Box<dyn Cursor>, layout: Layout, is_kv: bool) -> Scrub {
        let found = Scrubbed { index: cursor.applied(), ..Scrubbed::default() };
        let pass = Pass { layout, is_kv, last: BTreeMap::new(), hash: Xxh3::new(), found };
        Scrub { cursor, pass }
    }

    /// Looks at about so many bytes more. May wait for a disk. Is there more?
    pub fn step(&mut self, bytes: u64) -> Result<bool, ReadError> {
        let upto = self.pass.found.bytes + bytes;
        let pass = &mut self.pass;
        let more = self.cursor.visit(&mut |key, value| {
            if pass.found.bytes >= upto {
                return ControlFlow::Break(());
            }
            pass.look(key, value);
            ControlFlow::Continue(())
        })?;
        Ok(more)
    }

    /// What was found, when there is no more.
    pub fn finish(self) -> Scrubbed {
        let mut pass = self.pass;
        let untrue = |(key, last): (&Bytes, &Last)| {
            let is_there = last.kind == EventKind::Put;
            is_there.then(|| format!("row {} was put at {} and is not there", key.escape_ascii(), last.index))
        };
        let findings: Vec<String> = pass.last.iter().filter_map(untrue).collect();
        findings.into_iter().for_each(|finding| pass.find(finding));
        Scrubbed { hash: pass.hash.digest128(), ..pass.found }
    }
}

impl Pass {
    fn find(&mut self, finding: String) {
        match self.found.findings.len() < FINDINGS_MAX {
            true => self.found.findings.push(finding),
            false => self.found.more += 1,
        }
    }

    fn look(&mut self, key: &[u8], value: &[u8]) {
        self.found.bytes += (key.len() + value.len()) as u64;
        if key != meta::PARTITION {
            self.hash.update(&(key.len() as u64).to_le_bytes());
            self.hash.update(&(value.len() as u64).to_le_bytes());
            self.hash.update(key);
            self.hash.update(value);
        }
        let kind = key.first().copied().and_then(KeyKind::from_byte);
        let is_sound = match kind {
            Some(KeyKind::Data) => self.look_at_row(key, value),
            Some(KeyKind::Event) => self.look_at_events(key, value),
            Some(KeyKind::Deadline) => decode_deadline(&Bytes::copy_from_slice(key)).is_some(),
            Some(KeyKind::Meta | KeyKind::Retry | KeyKind::Part) => true,
            None => false,
        };
        match kind {
            Some(KeyKind::Data) => self.found.rows += 1,
            _ => self.found.others += 1,
        }
        if !is_sound {
            self.find(format!("row {} cannot be read", key.escape_ascii()));
        }
    }

    fn look_at_events(&mut self, key: &[u8], row: &[u8]) -> bool {
        let decoded =
            index_of_events(key).and_then(|first| Events::decode(first, &Bytes::copy_from_slice(row)));
        let Some(events) = decoded else { return false };
        if !self.is_kv {
            return true;
        }
        for (index, event) in events.events.into_iter().rev() {
            self.found.events += 1;
            let last = Last { index, kind: event.kind, value: xxh3_64(&event.body) };
            // Not one that holds the whole page.
            let key = Bytes::copy_from_slice(event.key.as_bytes());
            self.last.entry(key).or_insert(last);
        }
        true
    }

    fn look_at_row(&mut self, stored: &[u8], value: &[u8]) -> bool {
        if !self.is_kv {
            return true;
        }
        let row = Row::decode(&Bytes::copy_from_slice(value));
        let (Some(row), Some(stored)) = (row, decode_data(self.layout, stored)) else { return false };
        if row.revision > self.found.index {
            self.find(format!("row {:?} is of index {}, which is not applied", stored.key, row.revision));
        }
        let Some(last) = self.last.remove(stored.key.as_bytes()) else { return true };
        let is_put = last.kind == EventKind::Put;
        if !is_put || last.index != row.revision || last.value != xxh3_64(&row.value) {
            let says = if is_put { "put" } else { "gone" };
            let (key, index, revision) = (stored.key, last.index, row.revision);
            self.find(format!("row {key:?} was {says} at {index}, and is there with revision {revision}"));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use env::Plants;
    use machine::{Act, Change, Kv, KvCommand, Setting};
    use model::command::{Command, encode_commands};
    use model::keyspace::{encode_data, encode_events};
    use model::{Chore, Epoch, Key, Limits, Mutation, PartitionId, Record, RecordKind, Stamp};
    use pipeline::{Applier, Rules, Standing};
    use statestore::{MemoryStore, Part, Store};

    const ONE: PartitionId = PartitionId(1);

    fn key(name: &'static str) -> Key {
        Key::new(name).expect("a valid key")
    }

    /// `a` put twice, `b` put and removed, `c` put and expired, `d` put and touched.
    fn store() -> MemoryStore {
        let store = MemoryStore::volatile(&Limits::default(), Plants::NONE);
        store.create(&[ONE], 0).expect("made");
        let rules = Rules::of(Kv { setting: Setting::of(Layout::Hashed) });
        let standing = Standing::load(&store, ONE).expect("read");
        let mut applier = Applier::after(standing, rules, Default::default());
        let put = |name, value: &'static str| Change::upsert(key(name), Bytes::from(value));
        let act = |name, act| Change { act, ..put(name, "") };
        let short = Act::Upsert { value: Bytes::from("c"), ttl_ms: Some(1) };
        let touched = act("d", Act::Touch { ttl_ms: Some(60_000) });
        let changes = [
            put("a", "1"),
            put("b", "1"),
            put("a", "2"),
            Change::remove(key("b")),
            act("c", short),
            put("d", "1"),
            touched,
        ];
        let commands = changes.map(|change| Command::plain(KvCommand::One(change).encode()));
        let tick = Chore::Tick { most: 9 };
        for (kind, count, payload, stamp) in [
            (RecordKind::Commands, 7, encode_commands(&commands), 1),
            (tick.kind(), 1, tick.encode(), 2_000_000),
        ] {
            let first_index = applier.applied() + 1;
            let (epoch, stamp) = (Epoch::FIRST, Stamp(stamp));
            let record = Record { partition: ONE, epoch, first_index, count, stamp, kind, payload };
            applier.apply(&record, &store, &mut Vec::new()).expect("applied");
        }
        store.apply(&[applier.part().expect("something")]).expect("stored");
        store
    }

    fn scrub(store: &MemoryStore) -> Scrubbed {
        let backwards = Walk { reverse: true, long: true };
        let cursor = store.cursor(ONE, &KeyRange::all(), backwards).expect("held");
        let mut scrub = Scrub::new(cursor, Layout::Hashed, true);
        while scrub.step(10).expect("read") {}
        scrub.finish()
    }

    #[test]
    fn what_is_sound_has_no_findings() {
        let found = scrub(&store());
        assert_eq!(found.findings, [""; 0]);
        assert_eq!((found.index, found.rows, found.events), (8, 2, 7));
        assert_eq!(found.hash, scrub(&store()).hash);
    }

    #[test]
    fn what_is_not_is_named() {
        let row = |name| encode_data(Layout::Hashed, &key(name));
        let other = Row { revision: 3, expires: None, value: Bytes::from("other") }.encode();
        let late = Row { revision: 99, expires: None, value: Bytes::new() }.encode();
        let table = [
            (Mutation::put(row("a"), other.clone()), "row Key(a) was put at 3, and is there with revision 3"),
            (Mutation::delete(row("a")), "row a was put at 3 and is not there"),
            (Mutation::put(row("b"), other.clone()), "row Key(b) was gone at 4"),
            (Mutation::put(row("c"), other), "row Key(c) was gone at 8"),
            (Mutation::put(row("e"), late), "row Key(e) is of index 99, which is not applied"),
            (Mutation::put(row("e"), "\x7f"), "cannot be read"),
            (Mutation::put(encode_events(1), "\x7f"), "cannot be read"),
            (Mutation::put("\x7f", ""), "row \\x7f cannot be read"),
        ];
        for (mutation, expected) in table {
            let store = store();
            let sound = scrub(&store).hash;
            let part = Part { partition: ONE, first_index: 9, count: 1, mutations: vec![mutation] };
            store.apply(&[part]).expect("stored");
            let found = scrub(&store);
            assert!(found.findings.iter().any(|finding| finding.contains(expected)), "{expected}: {found:?}");
            assert_ne!(found.hash, sound, "{expected}");
        }
    }
}
