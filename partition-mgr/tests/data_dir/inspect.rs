//! Looking without touching: for directories in any state, open ones included.

use crate::world::{D, anything, sim, stores};
use env::sim::SimDisk;
use env::{Files, files};
use model::code;
use partition_mgr::DataDir;
use partition_mgr::data_dir::{Finding, Flaw, PartFinding};
use std::path::Path;

fn used() -> SimDisk {
    let disk = SimDisk::new();
    DataDir::open(&sim(&disk, 1), Path::new(D), anything()).expect("set up");
    disk
}

#[test]
fn an_open_directory_is_seen_as_it_is() {
    let env = env::real::env().expect("the real world");
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let dir = DataDir::open(&env, scratch.path(), anything()).expect("set up");
    let seen = DataDir::inspect(&*env.files, scratch.path()).expect("listed");
    assert_eq!(seen.format.good().map(|format| format.stores), Some(stores(4)));
    let identity = seen.identity.good().expect("whole");
    assert_eq!((identity.disk, identity.boot), (dir.disk(), dir.boot()));
    assert_eq!(seen.last_pid, Some(std::process::id()));
    assert!(seen.parts.iter().all(|(_, part)| matches!(part, PartFinding::Holds(0))), "{seen:?}");
    assert_eq!(seen.others, [""; 0]);
}

#[test]
fn looking_changes_nothing_and_takes_no_lock() {
    let disk = used();
    disk.watch(|kind, path, _| panic!("{kind:?} on {}", path.display()));
    DataDir::inspect(&disk, Path::new(D)).expect("listed");
    disk.watch(|_, _, _| {});
    DataDir::open(&sim(&disk, 1), Path::new(D), anything()).expect("not locked");
}

#[test]
fn damage_is_a_finding() {
    let disk = used();
    let dir = Path::new(D);
    disk.rot(&dir.join("FORMAT"), 30, |rest| rest[0] ^= 1);
    disk.rename(&dir.join("IDENTITY"), &dir.join("IDENTITY.bak")).expect("moved");
    disk.rename(&dir.join("log"), Path::new("/elsewhere")).expect("moved");
    disk.rename(&dir.join("store"), Path::new("/elsewhere")).expect("moved");
    disk.create(&dir.join("store")).expect("made");
    let seen = DataDir::inspect(&disk, dir).expect("listed");
    assert!(matches!(seen.format, Finding::Flawed(Flaw::Checksum { .. })), "{seen:?}");
    assert!(matches!(seen.identity, Finding::Flawed(Flaw::Absent)), "{seen:?}");
    assert_eq!(seen.identity.good(), None);
    assert_eq!(seen.last_pid, None);
    assert_eq!(seen.others, ["IDENTITY.bak"]);
    let parts: Vec<String> = seen.parts.iter().map(|(name, part)| format!("{name}: {part:?}")).collect();
    let expected = [
        "log: Absent",
        "store: Unreadable(Kind(NotADirectory))",
        "checkpoints: Holds(0)",
        "quarantine: Holds(0)",
    ];
    assert_eq!(parts, expected);
}

#[test]
fn what_cannot_be_read_is_a_finding() {
    let disk = used();
    disk.set_faults(|_, path| path.ends_with("FORMAT").then_some(env::sim::Fault::Eio));
    let seen = DataDir::inspect(&disk, Path::new(D)).expect("listed");
    assert!(matches!(seen.format, Finding::Unreadable(_)), "{seen:?}");
    assert!(seen.identity.good().is_some(), "{seen:?}");
}

#[test]
fn a_directory_in_the_place_of_a_file_is_a_finding() {
    let disk = used();
    let path = Path::new(D).join("FORMAT");
    disk.unlink(&path).expect("gone");
    disk.create_dir(&path).expect("made");
    let seen = DataDir::inspect(&disk, Path::new(D)).expect("listed");
    assert!(matches!(seen.format, Finding::Flawed(Flaw::NotAFile)), "{seen:?}");
}

#[test]
fn no_directory_is_an_error() {
    let disk = SimDisk::new();
    let error = DataDir::inspect(&disk, Path::new(D)).expect_err("nothing there");
    assert_eq!(error.code(), code::DIRECTORY_IO);
    let device = disk.create(Path::new(D)).expect("made");
    device.write_at(0, b"x").expect("written");
    let error = DataDir::inspect(&disk, Path::new(D)).expect_err("a file");
    assert_eq!(error.code(), code::WRONG_FILE_TYPE);
    assert_eq!(files::read_all(&*device).expect("read"), b"x");
}
