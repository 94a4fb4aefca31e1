//! The RocksDB store keeps what the traits promise, and refuses directories
//! that are not what it wrote.
#![cfg(feature = "rocksdb")]
#![allow(clippy::unwrap_used, reason = "tests")]

use env::Files;
use env::real::OsFiles;
use model::{Limits, Mutation, PartitionId, code};
use statestore::conformance::{self, Exchange, Subject};
use statestore::{
    FlushObserver, Journal, Part, RocksStore, Store, StoreError, StoreFiles, content_hash, inspect,
};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

const ONE: PartitionId = PartitionId(1);

fn limits() -> Limits {
    Limits { store_cache_bytes_max: 8 << 20, store_memtable_bytes_max: 8 << 20, ..Limits::default() }
}

fn try_open(dir: &Path, instances: usize) -> Result<RocksStore, StoreError> {
    RocksStore::open(dir, instances, Journal::Off, &limits(), None)
}

struct InRocks {
    dir: tempfile::TempDir,
    instances: usize,
    journal: Journal,
    store: Option<RocksStore>,
}

impl InRocks {
    fn new(instances: usize, journal: Journal) -> InRocks {
        let dir = tempfile::tempdir().unwrap();
        OsFiles.create_dir(&dir.path().join("scratch")).unwrap();
        let mut subject = InRocks { dir, instances, journal, store: None };
        subject.crash();
        subject
    }

    fn open(&self, dir: &Path) -> RocksStore {
        RocksStore::open(dir, self.instances, self.journal, &limits(), None).unwrap()
    }
}

impl Subject for InRocks {
    fn store(&self) -> &dyn Store {
        self.store.as_ref().unwrap()
    }

    fn crash(&mut self) {
        // A close flushes nothing, so memtables are lost as in a crash.
        self.store = None;
        self.store = Some(self.open(&self.dir.path().join("rocks")));
    }

    fn exchange(&self) -> Option<Exchange<'_>> {
        let scratch = self.dir.path().join("scratch");
        Some(Exchange { store: self.store.as_ref().unwrap(), disk: Arc::new(OsFiles), scratch })
    }

    fn open_checkpoint(&self, dir: &Path) -> Box<dyn Store> {
        Box::new(self.open(dir))
    }
}

#[test]
fn conforms_with_one_instance() {
    conformance::run(&mut || Box::new(InRocks::new(1, Journal::Off)));
}

#[test]
fn conforms_with_three_instances() {
    conformance::run(&mut || Box::new(InRocks::new(3, Journal::Off)));
}

#[test]
fn conforms_with_its_own_journal() {
    conformance::run(&mut || Box::new(InRocks::new(2, Journal::Synced)));
}

fn put(index: u64, key: &'static str) -> Part {
    let mutations = vec![Mutation::put(&b"\x01k"[..], "v"), Mutation::put(key, "v")];
    Part { partition: ONE, first_index: index, count: 1, mutations }
}

#[test]
fn without_a_journal_a_stop_keeps_what_was_flushed_and_with_one_everything() {
    for (journal, kept) in [(Journal::Off, 1), (Journal::Synced, 3)] {
        let mut subject = InRocks::new(2, journal);
        let store = subject.store();
        store.create(&[ONE], 0).unwrap();
        store.apply(&[put(1, "\x01a")]).unwrap();
        store.flush(&[ONE]).unwrap();
        store.apply(&[put(2, "\x01b"), put(3, "\x01c")]).unwrap();
        assert_eq!(store.flushed(ONE).unwrap(), kept);
        subject.crash();
        assert_eq!(subject.store().applied(ONE).unwrap(), kept, "{journal:?}");
    }
}

#[test]
fn another_number_of_instances_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(try_open(dir.path(), 2).unwrap());
    for asked in [0, 1, 3] {
        let error = try_open(dir.path(), asked).err().unwrap();
        assert_eq!(error.code(), code::STORE_LAYOUT, "{asked}: {error}");
    }
    drop(try_open(dir.path(), 2).unwrap());
}

#[test]
fn a_file_where_a_directory_should_be_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    OsFiles.create(&dir.path().join("1")).unwrap();
    assert_eq!(try_open(dir.path(), 2).err().unwrap().code(), code::WRONG_FILE_TYPE);
    OsFiles.create(&dir.path().join("store")).unwrap();
    assert_eq!(try_open(&dir.path().join("store"), 2).err().unwrap().code(), code::WRONG_FILE_TYPE);
}

#[test]
fn a_store_is_open_once() {
    let dir = tempfile::tempdir().unwrap();
    let _open = try_open(dir.path(), 1).unwrap();
    let error = try_open(dir.path(), 1).err().unwrap();
    assert_eq!(error.code(), code::DIRECTORY_IN_USE, "{error}");
}

/// A store of two instances with a flushed partition in each.
fn filled(dir: &Path) {
    let store = try_open(dir, 2).unwrap();
    store.create(&[ONE, PartitionId(2)], 0).unwrap();
}

fn file_like(dir: &Path, prefix: &str) -> PathBuf {
    let entries = OsFiles.list(dir).unwrap();
    dir.join(&entries.iter().find(|entry| entry.name.starts_with(prefix)).unwrap().name)
}

#[test]
fn damage_is_refused_and_nothing_is_made_anew() {
    type Damage = fn(&Path);
    let table: [(&str, Damage); 5] = [
        ("no CURRENT", |dir| OsFiles.unlink(&dir.join("1/CURRENT")).unwrap()),
        ("no MANIFEST", |dir| OsFiles.unlink(&file_like(&dir.join("1"), "MANIFEST")).unwrap()),
        ("a MANIFEST with a wrong byte", |dir| {
            let file = OsFiles.open(&file_like(&dir.join("1"), "MANIFEST")).unwrap();
            file.write_at(file.bytes().unwrap() / 2, b"~").unwrap();
        }),
        ("an SST file gone", |dir| OsFiles.unlink(&file_like(&dir.join("1"), "0000")).unwrap()),
        ("instance 0 gone", |dir| {
            OsFiles.rename(&dir.join("0"), &dir.join("away")).unwrap();
        }),
    ];
    for (name, damage) in table {
        let dir = tempfile::tempdir().unwrap();
        filled(dir.path());
        for entry in OsFiles.list(&dir.path().join("1")).unwrap() {
            // Journals are empty, and their names look like those of SST files.
            if entry.name.ends_with(".log") {
                OsFiles.unlink(&dir.path().join("1").join(entry.name)).unwrap();
            }
        }
        damage(dir.path());
        for _ in 0..2 {
            let error = try_open(dir.path(), 2).err().unwrap_or_else(|| panic!("{name} was not seen"));
            assert_eq!(error.code(), code::STORE_DAMAGED, "{name}: {error}");
        }
    }
}

#[test]
fn a_first_start_that_was_cut_short_is_finished() {
    for made in [vec!["2"], vec!["2", "1"], vec!["2", "1", "0"]] {
        let dir = tempfile::tempdir().unwrap();
        for name in made {
            OsFiles.create_dir(&dir.path().join(name)).unwrap();
        }
        let store = try_open(dir.path(), 3).unwrap();
        store.create(&[ONE], 0).unwrap();
        drop(store);
        assert_eq!(try_open(dir.path(), 3).unwrap().partitions().unwrap(), [ONE]);
    }
}

#[derive(Default)]
struct Heard(Mutex<Vec<PartitionId>>);

impl FlushObserver for Heard {
    fn flushed(&self, partition: PartitionId) {
        self.0.lock().unwrap().push(partition);
    }
}

#[test]
fn flushes_are_heard_of_by_partition() {
    let dir = tempfile::tempdir().unwrap();
    let heard = Arc::new(Heard::default());
    let store = RocksStore::open(dir.path(), 2, Journal::Off, &limits(), Some(heard.clone())).unwrap();
    let all: Vec<PartitionId> = (1..=4).map(PartitionId).collect();
    store.create(&all, 0).unwrap();
    heard.0.lock().unwrap().clear();
    store.apply(&[put(1, "\x01a")]).unwrap();
    store.flush(&all).unwrap();
    assert_eq!(*heard.0.lock().unwrap(), [ONE], "the others had nothing to flush");
    assert_eq!(store.flushed(ONE).unwrap(), 1);
}

#[test]
fn inspection_reads_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = try_open(dir.path(), 2).unwrap();
    store.create(&[ONE, PartitionId(2), PartitionId(9)], 5).unwrap();
    store.apply(&[put(6, "\x01a")]).unwrap();
    store.flush(&[ONE]).unwrap();
    drop(store);
    let names = |instance: &str| OsFiles.list(&dir.path().join(instance)).unwrap();
    let before = (names("0"), names("1"));
    let found = inspect::rocks(dir.path(), &limits()).unwrap();
    assert_eq!((names("0"), names("1")), before);
    assert_eq!(found.problems.len(), 0);
    let rows: Vec<_> =
        found.rows.iter().map(|row| (row.partition.0, row.instance, row.applied, row.flushed)).collect();
    assert_eq!(rows, [(1, Some(0), 6, 6), (9, Some(0), 5, 5), (2, Some(1), 5, 5)]);
    assert!(found.rows.iter().all(|row| row.bytes > 0 && row.keys > 0 && row.slot.starts_with("slot-")));
    OsFiles.unlink(&dir.path().join("1/CURRENT")).unwrap();
    let found = inspect::rocks(dir.path(), &limits()).unwrap();
    assert_eq!((found.rows.len(), found.problems.len()), (2, 1), "the sound instance is still shown");
}

#[test]
fn an_export_stays_when_it_is_imported() {
    let dir = tempfile::tempdir().unwrap();
    let store = try_open(&dir.path().join("rocks"), 2).unwrap();
    store.create(&[ONE], 0).unwrap();
    store.apply(&[put(1, "\x01a")]).unwrap();
    let export = dir.path().join("export");
    store.export(ONE, &export).unwrap();
    let before = OsFiles.list(&export).unwrap();
    store.import(PartitionId(2), &export).unwrap();
    store.import(PartitionId(3), &export).unwrap();
    store.remove(PartitionId(2)).unwrap();
    assert_eq!(OsFiles.list(&export).unwrap(), before);
    let left: Vec<_> = OsFiles.list(&dir.path().join("rocks")).unwrap().into_iter().map(|e| e.name).collect();
    assert_eq!(left, ["0", "1"], "no links are left over");
    assert_eq!(content_hash(&store, PartitionId(3)).unwrap(), content_hash(&store, ONE).unwrap());
}

#[test]
fn a_memory_store_s_export_is_refused_by_kind() {
    let dir = tempfile::tempdir().unwrap();
    let files = Arc::new(OsFiles);
    let memory = dir.path().join("memory");
    let memory = statestore::MemoryStore::open(files, &memory, &limits(), env::Plants::NONE).unwrap();
    memory.create(&[ONE], 0).unwrap();
    let export = dir.path().join("export");
    memory.export(ONE, &export).unwrap();
    let store = try_open(&dir.path().join("rocks"), 1).unwrap();
    assert_eq!(store.import(ONE, &export).err().unwrap().code(), code::STORE_LAYOUT);
}

#[test]
fn what_lies_on_disk_alone_is_not_read_by_whoever_must_not_wait() {
    let dir = tempfile::tempdir().unwrap();
    let store = try_open(dir.path(), 1).unwrap();
    store.create(&[ONE], 0).unwrap();
    // More than a block: opening reads the one with the applied row.
    let row = |n: u8| Mutation::put(vec![1, b'k', n], vec![b'v'; 1000]);
    let mutations = (0..100).map(row).collect();
    store.apply(&[Part { partition: ONE, first_index: 1, count: 1, mutations }]).unwrap();
    store.flush(&[ONE]).unwrap();
    drop(store);

    let store = try_open(dir.path(), 1).unwrap();
    let keys: [&[u8]; 1] = [b"\x01k\x63"];
    assert_eq!(store.multi_get_now(ONE, &keys).unwrap(), None, "nothing of it is in memory yet");
    assert_eq!(store.multi_get_now(ONE, &[keys[0], b"\x01l"]).unwrap(), None);
    assert!(store.get(ONE, keys[0]).unwrap().is_some(), "who may wait gets it");
    assert!(store.multi_get_now(ONE, &keys).unwrap().is_some(), "and then it is in memory");
}
