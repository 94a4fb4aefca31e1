//! Replay brings both stores to the same state whatever the batch size, on one
//! thread or several, and refuses by name what it cannot bring up whole. Covers
//! P8 and the first sentence of A11.
#![allow(missing_docs, reason = "a test")]

use bytes::Bytes;
use env::real;
use env::sim::SimDisk;
use env::{Files, Mono, Plants, Rng};
use machine::{Change, Kv, KvCommand, Register, RegisterCommand, Setting};
use model::command::{Command, encode_commands};
use model::keyspace::encode_data;
use model::{
    ClusterId, DiskId, Epoch, Index, Key, Layout, Limits, Mutation, PartitionId, Record, RecordKind, Stamp,
    StateHash,
};
use partition::{ParallelReplay, Progress, Refusal, ReplayReport, replay};
use pipeline::Rules;
use statestore::{MemoryStore, Part, Store, content_hash};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wal::{Append, LogConfig, LogIdentity, OpenLog, Urgency};

const PARTITIONS: [PartitionId; 3] = [PartitionId(1), PartitionId(2), PartitionId(3)];

fn log(disk: &SimDisk) -> OpenLog {
    let identity = LogIdentity { cluster: ClusterId(1), disk: DiskId(2) };
    let limits = Limits { log_segment_bytes: 64 * 1024, ..Limits::default() };
    let config = LogConfig { limits, ..LogConfig::new(PathBuf::from("/log"), identity) };
    wal::open(Arc::new(disk.clone()), config, Mono(0)).expect("opens")
}

fn record(partition: PartitionId, first_index: Index, commands: &[RegisterCommand]) -> Append {
    let commands: Vec<Command> = commands.iter().map(|command| Command::plain(command.encode())).collect();
    Append::from(Record {
        partition,
        epoch: Epoch::FIRST,
        first_index,
        count: u32::try_from(commands.len()).expect("few"),
        stamp: Stamp(first_index),
        kind: RecordKind::Commands,
        payload: encode_commands(&commands),
    })
}

fn other(partition: PartitionId, kind: RecordKind, first_index: Index, payload: impl Into<Bytes>) -> Append {
    let mut append = record(partition, first_index, &[]);
    (append.record.kind, append.record.count) = (kind, u32::from(kind.counts()));
    append.record.payload = payload.into();
    append
}

fn set(key: &str, value: &str) -> RegisterCommand {
    RegisterCommand::Set { key: Bytes::from(key.to_owned()), value: Bytes::from(value.to_owned()) }
}

/// A log of 300 batches of commands that do not commute.
fn written() -> SimDisk {
    let disk = SimDisk::new();
    disk.create_dir(Path::new("/log")).expect("made");
    let mut log = log(&disk);
    let mut draw = Rng::from_seed(11).stream("commands");
    let mut next = BTreeMap::from(PARTITIONS.map(|id| (id, 1)));
    for serial in 0..300u64 {
        let id = PARTITIONS[draw.below(3) as usize];
        let key = Bytes::from(format!("k{}", draw.below(9)));
        let commands: Vec<RegisterCommand> = (0..1 + draw.below(5))
            .map(|_| match draw.below(4) {
                0 => RegisterCommand::Remove { key: key.clone() },
                1 => set("last", &serial.to_string()),
                _ => RegisterCommand::Add { key: key.clone(), amount: serial },
            })
            .collect();
        let first = next.get_mut(&id).expect("one of the three");
        let append = record(id, *first, &commands);
        *first += commands.len() as u64;
        log.writer.step(Mono(0), &[append], Urgency::Normal).expect("written");
    }
    disk
}

fn memory() -> MemoryStore {
    let store = MemoryStore::volatile(&Limits::default(), Plants::NONE);
    store.create(&PARTITIONS, 0).expect("made");
    store
}

fn bring_up(disk: &SimDisk, store: &dyn Store, batch_bytes: usize) -> ReplayReport {
    let mut log = log(disk);
    replay(&mut log.reader, &log.recovery, store, &Rules::of(Register), batch_bytes, &mut |_| {})
        .expect("replayed")
}

fn hashes(store: &dyn Store) -> Vec<u128> {
    PARTITIONS.iter().map(|id| content_hash(store, *id).expect("hashed")).collect()
}

#[test]
fn any_batch_size_gives_the_same_content_on_both_stores() {
    let disk = written();
    let first = memory();
    bring_up(&disk.after_process_death(), &first, 1);
    let expected = hashes(&first);
    for batch_bytes in [1, 50, 1000, usize::MAX] {
        let store = memory();
        let report = bring_up(&disk.after_process_death(), &store, batch_bytes);
        assert!(report.partitions.values().all(|one| one.refusal.is_none() && one.applied > 0));
        assert_eq!(hashes(&store), expected, "memory, {batch_bytes} bytes");
        #[cfg(feature = "rocksdb")]
        {
            let dir = tempfile::tempdir().expect("a scratch directory");
            let store = rocks(dir.path());
            bring_up(&disk.after_process_death(), &store, batch_bytes);
            assert_eq!(hashes(&store), expected, "RocksDB, {batch_bytes} bytes");
        }
    }
}

#[cfg(feature = "rocksdb")]
fn rocks(dir: &Path) -> statestore::RocksStore {
    let (dir, limits) = (dir.join("store"), Limits::default());
    let store = statestore::RocksStore::open(&dir, 2, statestore::Journal::Off, &limits, None);
    let store = store.expect("opens");
    store.create(&PARTITIONS, 0).expect("made");
    store
}

#[test]
fn several_threads_do_what_one_does() {
    let disk = written();
    let (one, many) = (memory(), Arc::new(memory()));
    let alone = bring_up(&disk.after_process_death(), &one, 500);
    let mut log = log(&disk);
    let env = real::env().expect("an environment");
    let mut readings: Vec<Progress> = Vec::new();
    let together = ParallelReplay {
        store: many.clone(),
        rules: Arc::new(Rules::of(Register)),
        batch_bytes_max: 500,
        rig: Default::default(),
        workers: 2,
    };
    let mut shown = 0;
    let shared = together.run(
        &env,
        &mut log.reader,
        &log.recovery,
        &mut |batch| shown += batch.records.len(),
        &mut |progress| readings.push(progress),
    );
    assert!(shown > 0, "somebody else looks on");
    assert_eq!(shared.expect("replayed"), alone);
    assert_eq!(hashes(&*many), hashes(&one));
    assert!(readings.windows(2).all(|pair| pair[0].bytes_done <= pair[1].bytes_done));
}

#[test]
fn replaying_again_changes_nothing() {
    let disk = written();
    let store = memory();
    bring_up(&disk.after_process_death(), &store, 100);
    let before = hashes(&store);
    let again = bring_up(&disk, &store, 100);
    assert_eq!(again.records_applied, 0);
    assert_eq!(hashes(&store), before);
}

#[test]
fn what_cannot_be_brought_up_is_refused_by_name_and_the_others_go_on() {
    let disk = SimDisk::new();
    disk.create_dir(Path::new("/log")).expect("made");
    let mut open = log(&disk);
    let appends = [
        record(PARTITIONS[0], 1, &[set("a", "1")]),
        record(PARTITIONS[0], 3, &[set("a", "3")]),
        record(PARTITIONS[1], 1, &[set("b", "1")]),
        other(PARTITIONS[1], RecordKind::Tick, 2, ""),
        record(PARTITIONS[1], 3, &[set("b", "3")]),
        record(PARTITIONS[2], 1, &[set("c", "1")]),
        record(PartitionId(9), 1, &[set("d", "1")]),
        record(PartitionId(8), 1, &[set("e", "1")]),
        other(PartitionId(8), RecordKind::Forget, 2, ""),
    ];
    open.writer.step(Mono(0), &appends, Urgency::Normal).expect("written");
    drop(open);
    let store = memory();
    let report = bring_up(&disk, &store, usize::MAX);
    let refusal = |id: PartitionId| report.partitions[&id].refusal.clone();
    assert_eq!(refusal(PARTITIONS[0]), Some(Refusal::Gap { applied: 1, next: 3 }));
    assert_eq!(refusal(PARTITIONS[1]), Some(Refusal::Kind { index: 2, kind: RecordKind::Tick }));
    assert_eq!(refusal(PARTITIONS[2]), None);
    assert_eq!(report.strangers, [PartitionId(9)]);
    assert_eq!(store.applied(PARTITIONS[0]).expect("held"), 1);
    assert_eq!(store.applied(PARTITIONS[1]).expect("held"), 1);
}

fn holding(appends: &[Append]) -> SimDisk {
    let disk = SimDisk::new();
    disk.create_dir(Path::new("/log")).expect("made");
    log(&disk).writer.step(Mono(0), appends, Urgency::Normal).expect("written");
    disk
}

#[test]
fn what_comes_to_something_else_than_it_did_stays_out_of_the_store() {
    let noted = StateHash { at: 1, value: 7 };
    let disk = holding(&[
        record(PARTITIONS[0], 1, &[set("a", "1")]),
        other(PARTITIONS[0], RecordKind::Hash, 2, noted.encode()),
        record(PARTITIONS[0], 2, &[set("a", "2")]),
        record(PARTITIONS[1], 1, &[set("b", "1")]),
        record(PARTITIONS[1], 2, &[set("b", "2")]),
    ]);
    let store = memory();
    let report = bring_up(&disk, &store, usize::MAX);
    let found = PARTITIONS.map(|id| (report.partitions[&id].refusal.clone(), report.partitions[&id].applied));
    assert_eq!(found, [(Some(Refusal::Diverged { index: 1 }), 0), (None, 2), (None, 0)]);
    assert_eq!(PARTITIONS.map(|id| store.applied(id).expect("held")), [0, 2, 0]);
}

/// A record changes a row and then meets one that makes no sense.
#[test]
fn of_a_record_that_fails_nothing_reaches_the_store() {
    let id = PARTITIONS[0];
    let key = |text: &'static str| Key::new(text).expect("a key");
    let stored = |text| encode_data(Layout::Ordered, &key(text));
    let store = memory();
    let mutations = vec![Mutation::put(stored("bad"), "no row of kv")];
    store.apply(&[Part { partition: id, first_index: 1, count: 1, mutations }]).expect("stored");
    let change = |change| Command::plain(KvCommand::One(change).encode());
    let put = |text| change(Change::upsert(key(text), Bytes::from("v")));
    let of = |first_index, commands: &[Command]| {
        let mut append = record(id, first_index, &[]);
        append.record.count = u32::try_from(commands.len()).expect("few");
        append.record.payload = encode_commands(commands);
        append
    };
    let disk = holding(&[of(2, &[put("before")]), of(3, &[put("half"), change(Change::remove(key("bad")))])]);
    let rules = Rules::of(Kv { setting: Setting::of(Layout::Ordered) });
    let mut log = log(&disk);
    let report = replay(&mut log.reader, &log.recovery, &store, &rules, usize::MAX, &mut |_| {});
    let one = report.expect("the others go on").partitions[&id].clone();
    assert!(matches!(one.refusal, Some(Refusal::Row { index: 3, .. })), "{one:?}");
    let applied = store.applied(id).expect("held");
    assert_eq!(one.applied, applied);
    assert_eq!(store.get(id, &stored("half")).expect("read"), None);
    assert_eq!(store.get(id, &stored("before")).expect("read").is_some(), applied == 2);
}

#[test]
fn a_store_ahead_of_its_log_is_told() {
    let disk = SimDisk::new();
    disk.create_dir(Path::new("/log")).expect("made");
    let mut open = log(&disk);
    open.writer
        .step(Mono(0), &[record(PARTITIONS[0], 1, &[set("a", "1")])], Urgency::Normal)
        .expect("written");
    drop(open);
    let store = MemoryStore::volatile(&Limits::default(), Plants::NONE);
    store.create(&PARTITIONS, 5).expect("made");
    let report = bring_up(&disk, &store, 100);
    assert_eq!(report.ahead, BTreeMap::from([(PARTITIONS[0], 5)]));
}
