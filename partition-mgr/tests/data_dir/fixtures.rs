//! Directories of every version, healthy and damaged, as they lay on disk; and
//! the page that describes them.

use crate::world::anything;
use env::real::OsFiles;
use env::{EntryKind, Files, files};
use model::{ClusterId, Code, DiskId, NodeId, code};
use partition_mgr::data_dir::{Format, Identity};
use partition_mgr::{DataDir, Expect};
use std::num::NonZeroU8;
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Copies the files of a fixture, which cannot hold the empty directories that
/// belong to it, and makes those.
fn copy(name: &str) -> tempfile::TempDir {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    for entry in OsFiles.list(&fixture(name)).expect("the fixture") {
        assert_eq!(entry.kind, EntryKind::File, "{}", entry.name);
        let from = OsFiles.open_read(&fixture(name).join(&entry.name)).expect("there");
        let to = OsFiles.create(&scratch.path().join(&entry.name)).expect("new");
        to.write_at(0, &files::read_all(&*from).expect("read")).expect("written");
    }
    for part in ["log", "store", "checkpoints", "quarantine"] {
        OsFiles.create_dir(&scratch.path().join(part)).expect("made");
    }
    scratch
}

const FORMAT: Format = Format { stores: NonZeroU8::new(4).expect("not 0") };

const IDENTITY: Identity = Identity {
    cluster: ClusterId(0x5f0c_7a31_9be2_4d08_8c64_e1f0_2b7d_93a5),
    node: NodeId(3),
    disk: DiskId(0x0e9d_4b62_c871_f35a_1d20_86b4_57ea_c9f3),
    boot: 41,
};

#[test]
fn a_healthy_directory_of_version_1_opens() {
    let env = env::real::env().expect("the real world");
    let copy = copy("data-dir-v1");
    let expect = Expect { cluster: Some(IDENTITY.cluster), node: Some(IDENTITY.node), ..anything() };
    let dir = DataDir::open(&env, copy.path(), expect).expect("healthy");
    assert_eq!((dir.disk(), dir.boot()), (IDENTITY.disk, IDENTITY.boot + 1));
    assert_eq!((dir.stores(), dir.newly_set_up()), (FORMAT.stores, false));
}

#[test]
fn damaged_directories_are_refused_by_name() {
    let env = env::real::env().expect("the real world");
    let table: [(&str, Code, &str); 7] = [
        (
            "data-dir-v1-format-flipped",
            code::FORMAT_DAMAGED,
            "should be `crc32c 6fd13368`, and is `crc32c 6fd13369",
        ),
        ("data-dir-v1-format-cut", code::FORMAT_DAMAGED, "should be `crc32c "),
        ("data-dir-v1-format-line", code::FORMAT_DAMAGED, "a line that is not known: `shards 2`"),
        ("data-dir-v1-identity-missing", code::IDENTITY_DAMAGED, "IDENTITY is damaged: it is missing"),
        ("data-dir-v1-identity-flipped", code::IDENTITY_DAMAGED, "is `crc32c "),
        ("data-dir-v2", code::FORMAT_UNKNOWN, "FORMAT has version 2; this build knows version 1"),
        ("data-dir-foreign", code::DIRECTORY_FOREIGN, "holds PG_VERSION, but no FORMAT"),
    ];
    for (name, code, says) in table {
        let copy = copy(name);
        let error = DataDir::open(&env, copy.path(), anything()).expect_err(name);
        assert_eq!(error.code(), code, "{name}: {error}");
        assert!(error.to_string().contains(says), "{name}: {error}");
    }
}

#[test]
fn an_interrupted_set_up_is_done_again() {
    let env = env::real::env().expect("the real world");
    let copy = copy("data-dir-v1-interrupted");
    let dir = DataDir::open(&env, copy.path(), anything()).expect("set up again");
    assert!(dir.newly_set_up());
    assert_eq!(dir.boot(), 1);
    assert_ne!(dir.disk(), IDENTITY.disk, "nobody was told the first identity");
}

#[test]
fn the_fixture_is_what_this_build_writes() {
    for (name, bytes) in [("FORMAT", FORMAT.encode()), ("IDENTITY", IDENTITY.encode())] {
        let file = OsFiles.open_read(&fixture("data-dir-v1").join(name)).expect("there");
        assert_eq!(files::read_all(&*file).expect("read"), bytes, "{name}");
    }
}

#[test]
fn the_page_shows_what_this_build_writes() {
    let page = include_str!("../../../docs/formats/data-directory.md");
    for bytes in [FORMAT.encode(), IDENTITY.encode()] {
        let example = format!("```text\n{}```\n", std::str::from_utf8(&bytes).expect("text"));
        assert!(page.contains(&example), "the page lacks:\n{example}");
    }
    let dump = hexdump(&FORMAT.encode());
    assert!(page.contains(&dump), "the page lacks:\n{dump}");
}

/// Offset, sixteen bytes, the same as text.
fn hexdump(bytes: &[u8]) -> String {
    let mut dump = String::new();
    for (row, chunk) in bytes.chunks(16).enumerate() {
        let hex: Vec<String> = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
        let text = chunk
            .iter()
            .map(|byte| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' });
        dump += &format!("{:04x}  {:<47}  |{}|\n", row * 16, hex.join(" "), text.collect::<String>());
    }
    dump
}
