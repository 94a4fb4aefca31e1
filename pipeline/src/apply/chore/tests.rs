//! Chores over a store: what is due expires, a gap is noted, events are given up;
//! and it is all the same at whatever batch size.

use super::*;
use crate::rules::Rules;
use crate::standing::Standing;
use bytes::Bytes;
use machine::{Act, Change, Kv, KvCommand, Setting, Versions};
use model::command::{Command, encode_commands};
use model::{Condition, Epoch, EventKind, Key, Layout, Limits, PartitionId, RecordKind, Stamp};
use statestore::{MemoryStore, content_hash};

const ONE: PartitionId = PartitionId(1);
const MS: u64 = 1_000_000;

/// A partition, its history, and the store that it fills.
struct World {
    store: MemoryStore,
    applier: Applier,
    history: Vec<Record>,
}

fn rules() -> Rules {
    Rules::of(Kv { setting: Setting { layout: Layout::Ordered, previous: true } })
}

fn key(text: &'static str) -> Key {
    Key::new(text).expect("a valid key")
}

fn lasting(name: &'static str, ttl_ms: u64) -> Change {
    let act = Act::Upsert { value: Bytes::from("v"), ttl_ms: Some(ttl_ms) };
    Change { key: key(name), act, condition: Condition::Always }
}

impl World {
    fn new(rules: Rules) -> World {
        let store = MemoryStore::volatile(&Limits::default(), env::Plants::NONE);
        store.create(&[ONE], 0).expect("made");
        let standing = Standing::load(&store, ONE).expect("read");
        World { store, applier: Applier::after(standing, rules, Default::default()), history: Vec::new() }
    }

    fn record(&mut self, ms: u64, kind: RecordKind, count: u32, payload: Bytes) -> Record {
        let first_index = self.applier.applied() + 1;
        let stamp = Stamp(ms * MS);
        Record { partition: ONE, epoch: Epoch::FIRST, first_index, count, stamp, kind, payload }
    }

    fn take(&mut self, record: Record) -> Result<(), ApplyError> {
        self.applier.apply(&record, &self.store, &mut Vec::new())?;
        self.history.push(record);
        Ok(())
    }

    fn write(&mut self, ms: u64, changes: &[Change]) {
        let command = |change: &Change| Command::plain(KvCommand::One(change.clone()).encode());
        let commands: Vec<Command> = changes.iter().map(command).collect();
        let count = commands.len() as u32;
        let record = self.record(ms, RecordKind::Commands, count, encode_commands(&commands));
        self.take(record).expect("applied");
    }

    fn chore(&mut self, ms: u64, chore: &Chore) -> Result<(), ApplyError> {
        let record = self.record(ms, chore.kind(), 1, chore.encode());
        self.take(record)
    }

    fn store(&mut self) {
        if let Some(part) = self.applier.part() {
            self.store.apply(&[part]).expect("stored");
        }
    }

    fn rows(&self, range: &KeyRange) -> Vec<(Bytes, Bytes)> {
        self.applier.rows(&self.store, range, usize::MAX).expect("read")
    }

    /// What is told from the first index on.
    fn told(&self) -> Vec<String> {
        let mut told = Vec::new();
        for (stored, row) in self.rows(&events_from(0)) {
            let first = index_of_events(&stored).expect("ours");
            for (index, event) in Events::decode(first, &row).expect("ours").events {
                let kind = match event.kind {
                    EventKind::Put => "+",
                    EventKind::Removed => "-",
                    EventKind::Expired => "x",
                    EventKind::Told => "!",
                };
                told.push(format!("{index}{kind}{}", event.key.as_bytes().escape_ascii()));
            }
        }
        told
    }

    /// The same history again, with a part for the store after so many records.
    fn again(&self, each: usize) -> World {
        let mut again = World::new(self.applier.rules().clone());
        for (at, record) in self.history.iter().enumerate() {
            again.take(record.clone()).expect("applied before");
            if at % each == each - 1 {
                again.store();
            }
        }
        again.store();
        again
    }
}

const TICK: Chore = Chore::Tick { most: 2 };

/// What is told of rows that were there is bounded, and what is left comes with the
/// next tick: also when the partition was opened in between.
#[test]
fn a_tick_ends_where_it_would_tell_too_much() {
    let large = |name: &'static str, ttl_ms| {
        let act = Act::Upsert { value: vec![b'v'; 600 << 10].into(), ttl_ms: Some(ttl_ms) };
        Change { key: key(name), act, condition: Condition::Always }
    };
    let most = Chore::Tick { most: 9 };
    let mut world = World::new(rules());
    world.write(1, &[large("a", 1), large("b", 2), large("c", 3), large("d", 4)]);
    world.chore(50, &most).expect("applied");
    assert_eq!(world.told()[4..], ["5xa", "5xb"]);
    assert_eq!(world.applier.standing().first_due, Some(Stamp(4 * MS)));
    let mut opened = world.again(1);
    let loaded = Standing::load(&opened.store, ONE).expect("read");
    assert_eq!(loaded.first_due, Some(Stamp(4 * MS)));
    opened.applier = Applier::after(loaded, rules(), Default::default());
    for mut world in [world, opened] {
        world.chore(51, &most).expect("applied");
        assert_eq!(world.told()[6..], ["6xc", "6xd"]);
        assert_eq!(world.applier.standing().first_due, None);
    }
}

#[test]
fn a_tick_takes_what_is_due_the_earliest_first_and_so_much_at_most() {
    let mut world = World::new(rules());
    world.write(1, &[lasting("c", 30), lasting("a", 10), lasting("b", 20), lasting("d", 40)]);
    assert_eq!(world.applier.standing().first_due, Some(Stamp(11 * MS)));
    world.store();
    world.chore(32, &TICK).expect("applied");
    assert_eq!(world.told(), ["1+c", "2+a", "3+b", "4+d", "5xa", "5xb"]);
    assert_eq!(world.applier.standing().first_due, Some(Stamp(31 * MS)));
    world.chore(33, &TICK).expect("applied");
    world.chore(34, &TICK).expect("applied");
    assert_eq!(world.told()[6..], ["6xc"]);
    assert_eq!(world.applier.standing().first_due, Some(Stamp(41 * MS)));
    // What was put meanwhile is due in its turn, and what was removed is not.
    world.write(35, &[lasting("e", 2), Change::remove(key("d"))]);
    world.chore(50, &TICK).expect("applied");
    world.chore(51, &TICK).expect("applied");
    assert_eq!(world.told()[7..], ["8+e", "9-d", "10xe"]);
    assert_eq!(world.applier.standing().first_due, None);
    assert!(world.rows(&deadlines_from(Stamp(0))).is_empty());
}

#[test]
fn events_go_the_oldest_first_until_few_and_young_ones_are_left() {
    let mut world = World::new(rules());
    for ms in 1..=6 {
        world.write(ms, &[lasting("a", 1000), lasting("b", 1000)]);
    }
    world.store();
    let binlog = world.applier.standing().binlog;
    assert_eq!((binlog.given_up, binlog.oldest), (0, Some(Stamp(MS))));
    let each = binlog.bytes / 6;
    let trim = |most, older_ms: u64, keep_bytes| {
        Chore::Trim(Trim { most, older_than: Stamp(older_ms * MS), keep_bytes })
    };
    world.chore(7, &trim(9, 3, u64::MAX)).expect("applied");
    assert_eq!(world.told()[0], "5+a", "those of the first two records are gone");
    world.chore(8, &trim(1, 9, 0)).expect("applied");
    assert_eq!(world.told()[0], "7+a", "one row at most");
    world.chore(9, &trim(9, 0, 2 * each + 60)).expect("applied");
    let binlog = world.applier.standing().binlog;
    assert_eq!((binlog.given_up, binlog.oldest), (8, Some(Stamp(5 * MS))));
    assert_eq!(world.told(), ["9+a", "10+b", "11+a", "12+b"]);
    world.chore(10, &trim(9, 99, 0)).expect("applied");
    let binlog = world.applier.standing().binlog;
    assert_eq!((binlog.given_up, binlog.bytes, binlog.oldest), (12, 0, None));
}

#[test]
fn a_gap_is_added_to_what_nobody_owned() {
    let mut world = World::new(rules());
    world.chore(1, &Chore::Resumed { gap: 5 }).expect("applied");
    world.chore(2, &Chore::Resumed { gap: 7 }).expect("applied");
    world.store();
    assert_eq!(Standing::load(&world.store, ONE).expect("read").paused, 12);
}

#[test]
fn a_machine_goes_on_in_another_version_where_the_build_has_it() {
    let use_kv = |version| Chore::UseMachine { version, name: "kv".to_owned() };
    let mut world = World::new(rules());
    let refused = world.chore(1, &use_kv(2)).expect_err("not in this build");
    assert!(matches!(refused, ApplyError::Version { index: 1, version: 2, .. }), "{refused}");
    let other = Chore::UseMachine { version: 1, name: "other".to_owned() };
    assert!(matches!(World::new(rules()).chore(1, &other), Err(ApplyError::Version { .. })));

    let both = Rules { machine: both_versions(), binlog: true };
    let mut world = World::new(both.clone());
    world.write(1, &[lasting("a", 10)]);
    world.chore(2, &use_kv(2)).expect("this build has it");
    world.write(3, &[lasting("b", 10)]);
    world.store();
    let standing = Standing::load(&world.store, ONE).expect("read");
    assert_eq!(standing.version, 2);
    // A build without it comes to what is there, and not one command further.
    let mut older = World::new(rules());
    older.take(world.history[0].clone()).expect("of the first version");
    assert!(matches!(older.take(world.history[1].clone()), Err(ApplyError::Version { version: 2, .. })));
    // And one that never had the first cannot replay what was written under it.
    let newest = Rules { machine: Versions::one(both.machine.latest().clone()), binlog: true };
    let refused = World::new(newest).take(world.history[0].clone()).expect_err("of the first version");
    assert!(matches!(refused, ApplyError::Version { version: 1, .. }), "{refused}");
}

/// `kv`, and a later one of that name that does the same.
fn both_versions() -> Versions {
    let first = rules().machine;
    let second = std::sync::Arc::new(Second(first.latest().clone()));
    first.and(second).expect("another version")
}

struct Second(std::sync::Arc<dyn machine::Machine>);

impl machine::Machine for Second {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn version(&self) -> u32 {
        2
    }

    fn reads(&self, command: &Bytes, keys: &mut Vec<Bytes>) {
        self.0.reads(command, keys);
    }

    fn apply(&self, view: &dyn View, command: &Bytes, at: At) -> Result<machine::Outcome, ViewError> {
        self.0.apply(view, command, at)
    }
}

#[test]
fn the_same_history_is_the_same_rows_at_any_batch_size() {
    let mut world = World::new(rules());
    let names = ["a", "b", "c", "d", "e"];
    for ms in 1..=60u64 {
        let name = names[(ms % 5) as usize];
        let touch = Change { act: Act::Touch { ttl_ms: Some(3) }, ..lasting(names[(ms % 3) as usize], 1) };
        world.write(ms * 10, &[lasting(name, ms % 7 * 10 + 1), touch]);
        if ms % 4 == 0 {
            world.chore(ms * 10 + 5, &TICK).expect("applied");
        }
        if ms % 9 == 0 {
            let trim = Trim { most: 3, older_than: Stamp(0), keep_bytes: 200 };
            world.chore(ms * 10 + 6, &Chore::Trim(trim)).expect("applied");
        }
        if ms % 3 == 0 {
            world.store();
        }
    }
    world.store();
    let of = |world: &World| {
        let hash = content_hash(&world.store, ONE).expect("read");
        (hash, world.applier.standing().clone(), Standing::load(&world.store, ONE).expect("read"))
    };
    let (hash, standing, loaded) = of(&world);
    assert_eq!(standing.applied, world.history.last().expect("some").last_index());
    assert_eq!((loaded.hash, loaded.binlog), (standing.hash, standing.binlog));
    for each in [1, 2, 7, 1000] {
        let (again, live, _) = of(&world.again(each));
        assert_eq!((again, live), (hash, standing.clone()), "{each} records a part");
    }
}
