//! Directories of format 1, healthy and damaged, as they lay on disk, and what
//! every build has to say about them.
//!
//! With `STATEHOUSE_WRITE_FIXTURES=1` the directories are written instead. That
//! was done once: what a released build has written is never written again; a
//! new format gets new directories beside these.

use crate::world::{
    BLOCK, DIR, IDENTITY, command, commands, config, contents, disk, listing, naming, quiet, record, segment,
    start, vote, with_op, write,
};
use bytes::Bytes;
use env::real::OsFiles;
use env::sim::SimDisk;
use env::{Files, Mono, files};
use expect_test::{Expect, expect};
use model::command::Command;
use model::{ClusterId, Record, RecordKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wal::{Append, LogIdentity, Place, SegmentId, open};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// A copy to open, because opening a log continues it. Written first, when that
/// is asked for.
fn copy(name: &str, made: SimDisk) -> tempfile::TempDir {
    if std::env::var_os("STATEHOUSE_WRITE_FIXTURES").is_some() {
        OsFiles.create_dir(&fixture(name)).expect("made");
        for (old, _) in listing(&OsFiles, &fixture(name)) {
            OsFiles.unlink(&fixture(name).join(old)).expect("unlinked");
        }
        duplicate(&made, Path::new(DIR), &fixture(name));
    }
    let scratch = tempfile::tempdir().expect("a scratch directory");
    duplicate(&OsFiles, &fixture(name), scratch.path());
    scratch
}

fn duplicate(files: &dyn Files, from: &Path, to: &Path) {
    for (name, _) in listing(files, from) {
        let content = files::read_all(&*files.open_read(&from.join(&name)).expect("there")).expect("read");
        OsFiles.create(&to.join(&name)).expect("new").write_at(0, &content).expect("written");
    }
}

/// Three segments: two that were filled, with every kind of record that
/// somebody may append, and one of a second life whose last batch nothing
/// proves.
fn healthy() -> SimDisk {
    let disk = disk();
    let mut log = start(&disk);
    let one_and_two = commands(1, 1, &[Command::plain("a"), with_op("b", 0x0199_aabb, 17)]);
    write(&mut log.writer, &[one_and_two, command(2, 1)]);
    write(&mut log.writer, &[vote(3, 1, "for node 3")]);
    quiet(&mut log.writer);
    write(&mut log.writer, &[command(1, 3)]);
    write(&mut log.writer, &every_other_kind());
    let given_up = [command(5, 1), command(5, 2), naming(5, RecordKind::AcceptLoss, 1), command(5, 2)];
    write(&mut log.writer, &given_up);
    quiet(&mut log.writer);
    drop(log);
    let mut log = start(&disk);
    write(&mut log.writer, &[command(1, 4), naming(1, RecordKind::Purge, 2)]);
    write(&mut log.writer, &[naming(2, RecordKind::Gap, 5), command(2, 6)]);
    write(&mut log.writer, &[command(6, 1), naming(6, RecordKind::Forget, 1)]);
    write(&mut log.writer, &[command(1, 5)]);
    drop(log);
    assert_eq!(listing(&disk, Path::new(DIR)).len(), 3);
    disk
}

fn every_other_kind() -> Vec<Append> {
    use RecordKind as K;
    let known =
        [K::Commands, K::Purge, K::Gap, K::AcceptLoss, K::Forget, K::Opening, K::Checkpoint, K::Released];
    let mut next = 1;
    let others = K::ALL.into_iter().filter(|kind| !known.contains(kind));
    let records = others.map(|kind| {
        let made = record(4, next, kind, Bytes::from(format!("{kind}")));
        next += u64::from(made.count);
        Append::from(made)
    });
    records.collect()
}

/// The healthy log with bytes changed in one of its segments.
fn rotten(number: u64, changes: &[(u64, u8)]) -> SimDisk {
    let disk = healthy();
    for (offset, mask) in changes {
        disk.rot(&segment(Path::new(DIR), number), *offset, |bytes| bytes[0] ^= mask);
    }
    disk
}

/// What every reader shows of the healthy log: pinned for ever.
const RECORDS: [&str; 26] = [
    r#"1 @3.2 1+2 t1 Commands \x02\x00\x00\x00\x00a\x1a\x00\x00\x00\x01\xbb\xaa\x99\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x11\x00\x00\x00\x00\x00\x00\x00b"#,
    r#"2 @3.2 1+1 t1 Commands \x04\x00\x00\x00\x002/1"#,
    r#"3 @3.2 1+0 t1 Vote for node 3"#,
    r#"1 @3.2 3+1 t3 Commands \x04\x00\x00\x00\x001/3"#,
    r#"4 @3.2 1+1 t1 Tick Tick"#,
    r#"4 @3.2 2+1 t2 Seal Seal"#,
    r#"4 @3.2 3+1 t3 Barrier Barrier"#,
    r#"4 @3.2 4+1 t4 Resumed Resumed"#,
    r#"4 @3.2 5+1 t5 UseMachine UseMachine"#,
    r#"4 @3.2 6+1 t6 Trim Trim"#,
    r#"4 @3.2 7+0 t7 Blank Blank"#,
    r#"4 @3.2 7+0 t7 Membership Membership"#,
    r#"4 @3.2 7+0 t7 Hash Hash"#,
    r#"4 @3.2 7+0 t7 Vote Vote"#,
    r#"4 @3.2 7+0 t7 Committed Committed"#,
    r#"4 @3.2 7+0 t7 Truncate Truncate"#,
    r#"5 @3.2 1+1 t1 Commands \x04\x00\x00\x00\x005/1"#,
    r#"5 @3.2 2+0 t2 AcceptLoss \x01\x00\x00\x00\x00\x00\x00\x00"#,
    r#"5 @3.2 2+1 t2 Commands \x04\x00\x00\x00\x005/2"#,
    r#"1 @3.2 4+1 t4 Commands \x04\x00\x00\x00\x001/4"#,
    r#"1 @3.2 3+0 t3 Purge \x02\x00\x00\x00\x00\x00\x00\x00"#,
    r#"2 @3.2 6+0 t6 Gap \x05\x00\x00\x00\x00\x00\x00\x00"#,
    r#"2 @3.2 6+1 t6 Commands \x04\x00\x00\x00\x002/6"#,
    r#"6 @3.2 1+1 t1 Commands \x04\x00\x00\x00\x006/1"#,
    r#"6 @3.2 2+0 t2 Forget \x01\x00\x00\x00\x00\x00\x00\x00"#,
    r#"1 @3.2 5+1 t5 Commands \x04\x00\x00\x00\x001/5"#,
];

/// What recovery says, and what a reader shows, a line for each record.
fn told(dir: &Path) -> (Vec<String>, Vec<String>) {
    let mut log = open(Arc::new(OsFiles), config(dir), Mono(0)).expect("opens");
    let found = &log.recovery;
    let mut told = vec![format!("{} segments, {} kept, torn: {}", found.segments, found.kept, found.torn)];
    told.extend(found.damages.iter().map(ToString::to_string));
    let last: Vec<String> = found.last.iter().map(|(id, index)| format!("{id} to {index}")).collect();
    told.push(format!("partitions {}", last.join(", ")));
    for (id, carrier) in log.writer.carriers().iter() {
        let (purged, opaque) = (carrier.purged, carrier.opaque.escape_ascii());
        told.push(format!("{id}: purged {purged}, suspect {}, \"{opaque}\"", carrier.suspect));
    }
    (told, contents(&mut log).iter().map(|(_, record)| line(record)).collect())
}

fn line(record: &Record) -> String {
    let Record { partition, epoch, first_index, count, stamp, kind, payload } = record;
    let nanos = stamp.0 - 1_700_000_000_000_000_000;
    format!("{partition} @{epoch} {first_index}+{count} t{nanos} {kind} {}", payload.escape_ascii())
}

fn says(name: &str, made: SimDisk, expected: &Expect) {
    let copy = copy(name, made);
    let (first, records) = told(copy.path());
    let lacks = RECORDS.iter().filter(|line| !records.iter().any(|record| record == **line));
    let lacks: Vec<String> = lacks.map(|line| format!("lacks {line}")).collect();
    expected.assert_eq(&format!("{}\n", [first.as_slice(), &lacks].concat().join("\n")));
    let shown: Vec<&str> = RECORDS.into_iter().filter(|line| records.iter().any(|r| r == line)).collect();
    assert_eq!(records, shown, "{name}: in order, each once, and nothing else");
    // The second start finds the first one's segment beside these, and says of
    // damage and records what the first one said.
    let again = told(copy.path());
    assert_eq!((&again.0[1..], &again.1), (&first[1..], &records), "{name}, opened again");
}

#[test]
fn the_healthy_one() {
    says(
        "log-v1-healthy",
        healthy(),
        &expect![[r#"
        3 segments, 1 kept, torn: false
        partitions 1 to 5, 2 to 6, 3 to 0, 4 to 6, 5 to 2, 6 to 1
        1: purged 2, suspect false, ""
        2: purged 0, suspect false, ""
        3: purged 0, suspect false, "for node 3"
        4: purged 0, suspect false, ""
        5: purged 0, suspect false, ""
    "#]],
    );
}

#[test]
fn the_torn_one() {
    // The second half of the last batch, which nothing proves, is not there.
    let disk = healthy();
    disk.rot(&segment(Path::new(DIR), 3), 5 * BLOCK + 96, |bytes| bytes.fill(0));
    says(
        "log-v1-torn",
        disk,
        &expect![[r#"
        3 segments, 2 kept, torn: true
        partitions 1 to 4, 2 to 6, 3 to 0, 4 to 6, 5 to 2, 6 to 1
        1: purged 2, suspect false, ""
        2: purged 0, suspect false, ""
        3: purged 0, suspect false, "for node 3"
        4: purged 0, suspect false, ""
        5: purged 0, suspect false, ""
        lacks 1 @3.2 5+1 t5 Commands \x04\x00\x00\x00\x001/5
    "#]],
    );
}

#[test]
fn the_one_with_a_damaged_batch() {
    // A bit in the body of the first data batch of segment 1.
    says(
        "log-v1-damaged-batch",
        rotten(1, &[(2 * BLOCK + 200, 4)]),
        &expect![[r#"
        3 segments, 1 kept, torn: false
        segment 1, offset 8192: batch 3 and following cannot be read; concerned: partition 1 indexes 1 to 2, partition 2 indexes 1 to 1
        partitions 1 to 5, 2 to 6, 3 to 0, 4 to 6, 5 to 2, 6 to 1
        1: purged 2, suspect false, ""
        2: purged 0, suspect false, ""
        3: purged 0, suspect false, "for node 3"
        4: purged 0, suspect false, ""
        5: purged 0, suspect false, ""
        lacks 1 @3.2 1+2 t1 Commands \x02\x00\x00\x00\x00a\x1a\x00\x00\x00\x01\xbb\xaa\x99\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x11\x00\x00\x00\x00\x00\x00\x00b
        lacks 2 @3.2 1+1 t1 Commands \x04\x00\x00\x00\x002/1
    "#]],
    );
}

#[test]
fn the_one_with_a_damaged_footer() {
    // Two headers of segment 1 and a partition in its footer: whose the batches
    // were, only the next opening tells.
    let changes = [(2 * BLOCK + 17, 1), (3 * BLOCK + 17, 1), (6 * BLOCK + 64, 0x40)];
    says(
        "log-v1-damaged-footer",
        rotten(1, &changes),
        &expect![[r#"
        3 segments, 1 kept, torn: false
        segment 1, offset 8192: batch 3 and following cannot be read; concerned: partition 1 indexes 1 to 3, partition 2 indexes 1 to 1
        segment 1, offset 24576: batch 7 and following cannot be read; concerned: partition 1 indexes 1 to 3, partition 2 indexes 1 to 1
        partitions 1 to 5, 2 to 6, 3 to 0, 4 to 6, 5 to 2, 6 to 1
        1: purged 2, suspect false, ""
        2: purged 0, suspect false, ""
        3: purged 0, suspect false, "for node 3"
        4: purged 0, suspect false, ""
        5: purged 0, suspect false, ""
        lacks 1 @3.2 1+2 t1 Commands \x02\x00\x00\x00\x00a\x1a\x00\x00\x00\x01\xbb\xaa\x99\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x11\x00\x00\x00\x00\x00\x00\x00b
        lacks 2 @3.2 1+1 t1 Commands \x04\x00\x00\x00\x002/1
        lacks 3 @3.2 1+0 t1 Vote for node 3
    "#]],
    );
}

fn is_refused(name: &str, made: SimDisk, code: model::Code, says: &str) {
    let copy = copy(name, made);
    let before = listing(&OsFiles, copy.path());
    let refused = open(Arc::new(OsFiles), config(copy.path()), Mono(0)).err().expect(name);
    assert_eq!(refused.code(), code, "{name}: {refused}");
    assert!(refused.to_string().contains(says), "{name}: {refused}");
    assert_eq!(listing(&OsFiles, copy.path()), before, "{name}");
}

#[test]
fn the_one_with_a_missing_segment() {
    let disk = healthy();
    disk.unlink(&segment(Path::new(DIR), 2)).expect("there");
    let code = model::code::LOG_SEGMENT_MISSING;
    is_refused("log-v1-missing-segment", disk, code, "segment 2 is missing");
}

#[test]
fn the_one_that_a_later_build_wrote() {
    let disk = disk();
    drop(start(&disk));
    let path = segment(Path::new(DIR), 1);
    let device = disk.open(&path).expect("there");
    let mut header = [0; 64];
    device.read_at(0, &mut header).expect("read");
    header[4] = 2;
    header[56..60].fill(0);
    let place = Place { identity: IDENTITY, segment: SegmentId(1), offset: 0 };
    let crc = crc32c::crc32c_append(place.seed(), &header);
    header[56..60].copy_from_slice(&crc.to_le_bytes());
    device.write_at(0, &header).expect("written");
    let code = model::code::LOG_FORMAT_UNKNOWN;
    is_refused("log-v1-later-format", disk, code, "has log format 2; this build reads format 1");
}

#[test]
fn the_one_of_another_cluster() {
    let disk = disk();
    let theirs = LogIdentity { cluster: ClusterId(0xbad), ..IDENTITY };
    let config = wal::LogConfig { identity: theirs, ..config(Path::new(DIR)) };
    drop(open(Arc::new(disk.clone()), config, Mono(0)).expect("opens"));
    let says = "belongs to cluster 00000000000000000000000000000bad";
    is_refused("log-v1-foreign", disk, model::code::LOG_FOREIGN, says);
}
