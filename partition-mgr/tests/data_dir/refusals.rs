//! Bad input, as a table that runs on a simulated disk and on the real one.

use crate::cases::{BAD_FILES, BAD_PLACES, Case, OTHER_OWNERS, OURS, ours};
use crate::world::{D, anything, sim, stores};
use env::sim::SimDisk;
use env::{EntryKind, Env, Files, files};
use model::{NodeId, code};
use partition_mgr::{DataDir, Expect};
use std::collections::BTreeMap;
use std::path::Path;

/// Names and contents below a directory; LOCK apart, which says who looked.
fn tree(files: &dyn Files, dir: &Path, into: &mut BTreeMap<String, Vec<u8>>) {
    for entry in files.list(dir).unwrap_or_default() {
        let path = dir.join(&entry.name);
        let content = match entry.kind {
            EntryKind::File => files.open_read(&path).and_then(|f| files::read_all(&*f)).expect("read"),
            _ => b"directory".to_vec(),
        };
        into.insert(path.display().to_string(), content);
        tree(files, &path, into);
    }
}

fn run(env: &Env, dir: &Path, case: &Case) {
    let files = &*env.files;
    if case.used {
        DataDir::open(env, dir, ours()).unwrap_or_else(|error| panic!("{}: {error}", case.name));
    }
    (case.spoil)(files, dir);
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    tree(files, dir, &mut before);
    let error = DataDir::open(env, dir, case.expect).expect_err(case.name);
    tree(files, dir, &mut after);
    if case.used {
        let lock = dir.join("LOCK").display().to_string();
        before.remove(&lock);
        after.remove(&lock);
    }
    assert_eq!(before, after, "{}: refused, and changed", case.name);
    let message = error.to_string().replace(&dir.display().to_string(), "D");
    assert_eq!(error.code(), case.code, "{}: {message}", case.name);
    for part in case.says {
        assert!(message.contains(part), "{}: {message}", case.name);
    }
}

fn cases() -> impl Iterator<Item = &'static Case> {
    [BAD_FILES, BAD_PLACES, OTHER_OWNERS].into_iter().flatten()
}

#[test]
fn bad_input_on_a_simulated_disk() {
    for case in cases() {
        // The simulated disk makes directories whose parents are not there.
        if !case.name.ends_with("above it") {
            run(&sim(&SimDisk::new(), 1), Path::new(D), case);
        }
    }
}

#[test]
fn bad_input_on_the_real_disk() {
    let env = env::real::env().expect("the real world");
    for case in cases() {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let below = if case.name.ends_with("above it") { "up/d" } else { "d" };
        run(&env, &scratch.path().join(below), case);
    }
}

#[test]
fn a_living_process_keeps_others_out() {
    let env = env::real::env().expect("the real world");
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let dir = scratch.path().join("d");
    let held = DataDir::open(&env, &dir, anything()).expect("set up");
    let error = DataDir::open(&env, &dir, anything()).expect_err("in use");
    assert_eq!(error.code(), code::DIRECTORY_IN_USE);
    let process = format!("is in use by process {}", std::process::id());
    assert!(error.to_string().ends_with(&process), "{error}");
    let boot = held.boot();
    drop(held);
    let again = DataDir::open(&env, &dir, anything()).expect("free again");
    assert_eq!(again.boot(), boot + 1, "who was kept out used up no number");
}

#[test]
fn who_holds_it_may_be_unknown() {
    let disk = SimDisk::new();
    let env = sim(&disk, 1);
    let _held = DataDir::open(&env, Path::new(D), anything()).expect("set up");
    let error = DataDir::open(&env, Path::new(D), anything()).expect_err("in use");
    assert_eq!(error.to_string(), "/d is in use by another process");
}

#[test]
fn the_count_of_stores_on_disk_wins() {
    let env = sim(&SimDisk::new(), 1);
    let dir = DataDir::open(&env, Path::new(D), anything()).expect("set up");
    assert_eq!((dir.stores(), dir.stores_overruled()), (stores(4), None));
    drop(dir);
    let other = Expect { stores: stores(8), ..anything() };
    let dir = DataDir::open(&env, Path::new(D), other).expect("opened");
    assert_eq!((dir.stores(), dir.stores_overruled()), (stores(4), Some(stores(8))));
}

#[test]
fn every_directory_is_a_disk_of_its_own() {
    let disk = SimDisk::new();
    let env = sim(&disk, 1);
    let one = DataDir::open(&env, Path::new("/one"), ours()).expect("set up");
    let two = DataDir::open(&env, Path::new("/two"), ours()).expect("set up");
    assert_eq!((one.cluster(), one.node(), one.boot()), (OURS, NodeId(7), 1));
    assert_eq!((two.cluster(), two.node(), two.boot()), (OURS, NodeId(7), 1));
    assert_ne!(one.disk(), two.disk());
    assert!(one.newly_set_up());
    assert_eq!(one.log_dir(), Path::new("/one/log"));
    assert_eq!(one.store_dir(), Path::new("/one/store"));
    assert_eq!(one.checkpoint_dir(), Path::new("/one/checkpoints"));
    assert_eq!(one.quarantine_dir(), Path::new("/one/quarantine"));
    let again = DataDir::open(&sim(&disk.after_process_death(), 2), Path::new("/one"), anything());
    let again = again.expect("opened");
    assert_eq!((again.disk(), again.boot(), again.newly_set_up()), (one.disk(), 2, false));
}

#[test]
fn each_bit_of_format_and_identity_counts() {
    let start = SimDisk::new();
    DataDir::open(&sim(&start, 1), Path::new(D), ours()).expect("set up");
    for (name, code) in [("FORMAT", code::FORMAT_DAMAGED), ("IDENTITY", code::IDENTITY_DAMAGED)] {
        let path = Path::new(D).join(name);
        let bytes = start.open_read(&path).and_then(|file| file.bytes()).expect("there");
        for bit in 0..bytes * 8 {
            let disk = start.after_process_death();
            disk.rot(&path, bit / 8, |rest| rest[0] ^= 1 << (bit % 8));
            let error = DataDir::open(&sim(&disk, 1), Path::new(D), ours()).expect_err("one bit is another");
            assert_eq!(error.code(), code, "bit {bit}: {error}");
        }
    }
}

#[test]
fn a_part_may_be_a_link_to_another_disk() {
    let env = env::real::env().expect("the real world");
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let (dir, fast) = (scratch.path().join("d"), scratch.path().join("fast"));
    env.files.create_dir(&dir).expect("made");
    env.files.create_dir(&fast).expect("made");
    std::os::unix::fs::symlink(&fast, dir.join("log")).expect("linked");
    DataDir::open(&env, &dir, anything()).expect("set up");
    DataDir::open(&env, &dir, anything()).expect("opened");
    env.files.rename(&fast, &scratch.path().join("unmounted")).expect("moved");
    let error = DataDir::open(&env, &dir, anything()).expect_err("the link leads nowhere");
    assert_eq!(error.code(), code::DIRECTORY_INCOMPLETE, "{error}");
}

#[test]
fn a_bare_directory_is_not_set_up_where_data_was_expected() {
    let disk = SimDisk::new();
    let env = sim(&disk, 1);
    let dir = Path::new(D);
    let expect = Expect { may_set_up: false, ..anything() };
    let error = DataDir::open(&env, dir, expect).expect_err("nothing is there");
    assert_eq!(
        (error.code(), error.to_string()),
        (model::code::DIRECTORY_BARE, "/d holds no node's data".to_owned())
    );
    assert!(disk.list(dir).is_err(), "nothing was made");
    drop(DataDir::open(&env, dir, anything()).expect("set up"));
    DataDir::open(&env, dir, expect).expect("its own");
}
