//! Bad input as data: what somebody prepares, and how it is refused.

use crate::world::stores;
use env::{Files, files};
use model::code::{
    DIRECTORY_FOREIGN, DIRECTORY_INCOMPLETE, DIRECTORY_IO, FORMAT_DAMAGED, FORMAT_UNKNOWN, IDENTITY_DAMAGED,
    WRONG_FILE_TYPE,
};
use model::{ClusterId, Code, NodeId, code};
use partition_mgr::Expect;
use std::path::Path;

/// Whose the directories of the cases are.
pub const OURS: ClusterId = ClusterId(0xa);
const THEIRS: ClusterId = ClusterId(0xb);

/// What the caller takes them for.
pub const fn ours() -> Expect {
    Expect { cluster: Some(OURS), node: Some(NodeId(7)), stores: stores(4), disk: None, may_set_up: true }
}

/// A directory that somebody prepares and somebody opens.
pub struct Case {
    pub name: &'static str,
    /// Set up and opened once before it is spoiled?
    pub used: bool,
    pub spoil: fn(&dyn Files, &Path),
    pub expect: Expect,
    pub code: Code,
    /// Parts of the message.
    pub says: &'static [&'static str],
}

fn put(files: &dyn Files, path: &Path, content: &[u8]) {
    files.create(path).and_then(|device| device.write_at(0, content)).expect("written");
}

/// Replaces `from` in a file, and renews its checksum if asked to.
fn edit(files: &dyn Files, path: &Path, from: &str, to: &str, seal: bool) {
    let device = files.open(path).expect("there");
    let text = String::from_utf8(files::read_all(&*device).expect("read")).expect("text");
    let mut text = text.replacen(from, to, 1);
    if seal {
        let (body, _) = text.split_once("crc32c").expect("sealed");
        text = format!("{body}crc32c {:08x}\n", crc32c(body.as_bytes()));
    }
    device.set_bytes(text.len() as u64).and_then(|()| device.write_at(0, text.as_bytes())).expect("written");
}

/// Bit by bit: a second opinion on what the crate computes in hardware.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| (c >> 1) ^ if c & 1 == 1 { 0x82f6_3b78 } else { 0 })
    })
}

/// Moves a part away, to where nobody looks for it.
fn lose(files: &dyn Files, dir: &Path, name: &str) {
    files.rename(&dir.join(name), &dir.with_file_name("lost")).expect("moved");
}

const fn case(
    name: &'static str,
    used: bool,
    spoil: fn(&dyn Files, &Path),
    code: Code,
    says: &'static [&'static str],
) -> Case {
    Case { name, used, spoil, expect: ours(), code, says }
}

/// Directories of other owners.
pub const OTHER_OWNERS: &[Case] = &[
    other(
        THEIRS,
        7,
        code::OTHER_CLUSTER,
        &[
            "D belongs to cluster 0000000000000000000000000000000a,",
            " not to cluster 0000000000000000000000000000000b",
        ],
    ),
    other(OURS, 8, code::OTHER_NODE, &["D belongs to node 7, not to node 8"]),
    other(THEIRS, 8, code::OTHER_CLUSTER, &["cluster"]),
];

const fn other(cluster: ClusterId, node: u64, code: Code, says: &'static [&'static str]) -> Case {
    let expect = Expect {
        cluster: Some(cluster),
        node: Some(NodeId(node)),
        stores: stores(4),
        disk: None,
        may_set_up: true,
    };
    Case { name: "another's", used: true, spoil: |_, _| {}, expect, code, says }
}

/// FORMAT and IDENTITY that are not as they should be.
pub const BAD_FILES: &[Case] = &[
    case(
        "newer FORMAT",
        true,
        |f, d| edit(f, &d.join("FORMAT"), "version 1", "version 2", true),
        FORMAT_UNKNOWN,
        &["D/FORMAT has version 2; this build knows version 1"],
    ),
    case(
        "newer IDENTITY",
        true,
        |f, d| edit(f, &d.join("IDENTITY"), "version 1", "version 9", true),
        FORMAT_UNKNOWN,
        &["D/IDENTITY has version 9; this build knows version 1"],
    ),
    case(
        "FORMAT edited by hand",
        true,
        |f, d| edit(f, &d.join("FORMAT"), "stores 4", "stores 8", false),
        FORMAT_DAMAGED,
        &["D/FORMAT is damaged", "should be `crc32c ", "is `crc32c 6fd13368"],
    ),
    case(
        "FORMAT with another line",
        true,
        |f, d| edit(f, &d.join("FORMAT"), "stores 4", "stores 4\nshards 2", true),
        FORMAT_DAMAGED,
        &["`shards 2`"],
    ),
    case(
        "FORMAT empty",
        true,
        |f, d| f.open(&d.join("FORMAT")).and_then(|file| file.set_bytes(0)).expect("cut"),
        FORMAT_DAMAGED,
        &["first line"],
    ),
    case(
        "FORMAT far too long",
        true,
        |f, d| f.open(&d.join("FORMAT")).and_then(|file| file.set_bytes(1 << 20)).expect("grown"),
        FORMAT_DAMAGED,
        &["1048576 bytes"],
    ),
    case(
        "FORMAT a directory",
        true,
        |f, d| {
            f.unlink(&d.join("FORMAT")).expect("gone");
            f.create_dir(&d.join("FORMAT")).expect("made");
        },
        WRONG_FILE_TYPE,
        &["D/FORMAT is not a regular file"],
    ),
    case(
        "IDENTITY gone",
        true,
        |f, d| lose(f, d, "IDENTITY"),
        IDENTITY_DAMAGED,
        &["D/IDENTITY is damaged: it is missing"],
    ),
    case(
        "IDENTITY edited by hand",
        true,
        |f, d| edit(f, &d.join("IDENTITY"), "node 7", "node 8", false),
        IDENTITY_DAMAGED,
        &["D/IDENTITY"],
    ),
    case(
        "boot counter at its end",
        true,
        |f, d| edit(f, &d.join("IDENTITY"), "boot 1", "boot 18446744073709551615", true),
        IDENTITY_DAMAGED,
        &["boot counter"],
    ),
];

/// Directories with something missing, or something too much.
pub const BAD_PLACES: &[Case] = &[
    case("a file in its place", false, |f, d| put(f, d, b"x"), WRONG_FILE_TYPE, &["cannot list D: "]),
    case(
        "a file where log should be",
        true,
        |f, d| {
            lose(f, d, "log");
            put(f, &d.join("log"), b"x");
        },
        WRONG_FILE_TYPE,
        &["cannot list D/log: "],
    ),
    case("log gone", true, |f, d| lose(f, d, "log"), DIRECTORY_INCOMPLETE, &["D/log is missing"]),
    case(
        "quarantine gone",
        true,
        |f, d| lose(f, d, "quarantine"),
        DIRECTORY_INCOMPLETE,
        &["D/quarantine is missing"],
    ),
    case(
        "foreign files",
        false,
        |f, d| {
            f.create_dir(d).expect("made");
            put(f, &d.join("CURRENT"), b"MANIFEST-000001\n");
            put(f, &d.join("LOCK"), b"");
        },
        DIRECTORY_FOREIGN,
        &["D holds CURRENT, but no FORMAT"],
    ),
    case(
        "a file named like a part",
        false,
        |f, d| {
            f.create_dir(d).expect("made");
            put(f, &d.join("log"), b"line\n");
        },
        DIRECTORY_FOREIGN,
        &["D holds log"],
    ),
    case(
        "somebody's log directory",
        false,
        |f, d| {
            f.create_dir(d).expect("made");
            f.create_dir(&d.join("log")).expect("made");
            put(f, &d.join("log/app.log"), b"line\n");
        },
        DIRECTORY_FOREIGN,
        &["D holds log/app.log"],
    ),
    case(
        "FORMAT deleted after use",
        true,
        |f, d| f.unlink(&d.join("FORMAT")).expect("gone"),
        DIRECTORY_FOREIGN,
        &["D holds IDENTITY, but no FORMAT"],
    ),
    case(
        "FORMAT and IDENTITY deleted, log in use",
        true,
        |f, d| {
            f.unlink(&d.join("FORMAT")).expect("gone");
            f.unlink(&d.join("IDENTITY")).expect("gone");
            put(f, &d.join("log/000001"), b"records");
        },
        DIRECTORY_FOREIGN,
        &["D holds log/000001"],
    ),
    case(
        "IDENTITY damaged, no FORMAT",
        false,
        |f, d| {
            f.create_dir(d).expect("made");
            put(f, &d.join("IDENTITY"), b"who?");
        },
        DIRECTORY_FOREIGN,
        &["D holds IDENTITY"],
    ),
    case(
        "a big file under a name of ours",
        false,
        |f, d| {
            f.create_dir(d).expect("made");
            put(f, &d.join("LOCK"), &[0; 5000]);
        },
        DIRECTORY_FOREIGN,
        &["D holds LOCK"],
    ),
    case(
        "a file above it",
        false,
        |f, d| {
            // `D` is named below a file, see `run`.
            put(f, d.parent().expect("has one"), b"x");
        },
        WRONG_FILE_TYPE,
        &["D: "],
    ),
    case("nothing above it", false, |_, _| {}, DIRECTORY_IO, &["cannot make directory D: "]),
];
