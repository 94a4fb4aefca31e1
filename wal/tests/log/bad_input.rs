//! Input that nobody wants: disks that fail at any step of a start, files where
//! they should not be, records that are too long. Each is answered with a code
//! or not at all, and nothing is lost or deleted.

use crate::world::{
    DIR, IDENTITY, command, config, contents, disk, listing, naming, quiet, record, segment, start,
    try_start, write,
};
use bytes::Bytes;
use env::real::OsFiles;
use env::rng::Rng;
use env::sim::{Fault, SimDisk};
use env::{Files, Mono};
use model::{ClusterId, Code, Index, RecordKind, code};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use wal::{Append, LogConfig, LogError, LogIdentity, Urgency, open};

/// A log that a start has everything to do with: a sealed segment, one with an
/// unproven tail, a spare, a half laid-out file, and a released segment whose
/// removal a crash undid. The disk also tells what was acknowledged.
fn used() -> (SimDisk, Vec<(u64, Index)>) {
    let disk = disk();
    let mut log = start(&disk);
    drop(log.reader);
    for index in 1..=6 {
        write(&mut log.writer, &[command(1, index)]);
    }
    let first = env::files::read_all(&*disk.open(&segment(Path::new(DIR), 1)).expect("there")).expect("read");
    write(&mut log.writer, &[naming(1, RecordKind::Purge, 4)]);
    assert_eq!(log.writer.release(Mono(0)).expect("released"), 1);
    quiet(&mut log.writer);
    for index in 1..=4 {
        write(&mut log.writer, &[command(2, index), command(3, index)]);
    }
    drop(log.writer);
    for (name, content) in
        [("00000000000000000001.log", &first[..]), ("spare-00000000000000000009.tmp", b"0")]
    {
        let device = disk.create(&Path::new(DIR).join(name)).expect("new");
        device.write_at(0, content).expect("written");
        device.sync().expect("synced");
    }
    disk.sync_dir(Path::new(DIR)).expect("synced");
    let both = (1..=4).flat_map(|index| [(2, index), (3, index)]);
    (disk, [(1, 5), (1, 6)].into_iter().chain(both).collect())
}

fn shown(disk: &SimDisk) -> Vec<(u64, Index)> {
    let mut log = start(disk);
    assert!(log.recovery.damages.is_empty(), "{:?}", log.recovery.damages);
    let records = contents(&mut log).into_iter().map(|(_, record)| record);
    let commands = records.filter(|record| record.kind == RecordKind::Commands);
    commands.map(|record| (record.partition.0, record.first_index)).collect()
}

/// Starts while the nth operation fails; `None` when there were fewer.
fn start_failing(disk: &SimDisk, nth: usize, fault: Fault) -> Option<Result<(), LogError>> {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = seen.clone();
    disk.set_faults(move |_, _| (count.fetch_add(1, Ordering::Relaxed) == nth).then_some(fault));
    let result = try_start(disk).map(drop);
    disk.clear_faults();
    (seen.load(Ordering::Relaxed) > nth).then_some(result)
}

/// What a later start may find: the page cache, and the least, the most and a
/// few other images that a power loss may leave.
fn afterwards(disk: &SimDisk) -> Vec<SimDisk> {
    let mut images = Vec::new();
    disk.pending().each_image(&mut Rng::from_seed(1).stream("images"), |image| images.push(image));
    let few = images.len().div_ceil(8);
    let last = images.last().cloned();
    let chosen = images.into_iter().step_by(few).chain(last).map(SimDisk::from_image);
    [disk.after_process_death()].into_iter().chain(chosen).collect()
}

#[test]
fn a_fault_at_any_operation_of_a_start_loses_nothing() {
    let codes = |fault| match fault {
        Fault::Full => [code::DISK_FULL, code::LOG_FULL, code::LOG_SYNC_FAILED],
        Fault::ReadOnly => [code::DIRECTORY_READ_ONLY, code::LOG_SYNC_FAILED, code::DIRECTORY_READ_ONLY],
        Fault::Eio | Fault::Lie => [code::LOG_IO, code::LOG_SYNC_FAILED, code::LOG_IO],
    };
    let mut failed = 0;
    for (fresh, (made, acknowledged)) in [(true, (disk(), Vec::new())), (false, used())] {
        for fault in [Fault::Full, Fault::ReadOnly, Fault::Eio] {
            for nth in 0.. {
                let disk = made.after_process_death();
                let Some(result) = start_failing(&disk, nth, fault) else { break };
                let case = format!("fresh: {fresh}, {fault:?} at operation {nth}: {result:?}");
                if let Err(error) = result {
                    assert!(codes(fault).contains(&error.code()), "{case}");
                    failed += 1;
                }
                for later in afterwards(&disk) {
                    assert_eq!(shown(&later), acknowledged, "{case}");
                }
            }
        }
    }

    assert!(failed > 60, "only {failed} operations failed");
}

#[test]
fn a_disk_without_room_takes_a_start_with_a_spare_and_refuses_one_without() {
    let (disk, acknowledged) = used();
    let bytes = |disk: &SimDisk| listing(disk, Path::new(DIR)).iter().map(|(_, bytes)| bytes).sum::<u64>();
    let with = disk.after_process_death();
    with.set_capacity(Some(bytes(&with)));
    assert_eq!(shown(&with), acknowledged);
    let without = disk.after_process_death();
    let spares = listing(&disk, Path::new(DIR)).into_iter().filter(|(name, _)| name.starts_with("spare-"));
    let gone = spares.map(|(name, _)| without.unlink(&Path::new(DIR).join(name)).expect("there")).count();
    assert_eq!(gone, 2, "a spare, and a half laid-out one");
    without.set_capacity(Some(bytes(&without)));
    let before = listing(&without, Path::new(DIR));
    let refused = try_start(&without).err().expect("no room");
    assert_eq!(refused.code(), code::LOG_FULL, "{refused}");
    assert_eq!(listing(&without, Path::new(DIR)), before);
    without.set_capacity(None);
    assert_eq!(shown(&without), acknowledged);
}

/// Starts, and finds itself refused with everything in its place.
fn is_refused(disk: &SimDisk, config: LogConfig, code: Code, says: &str) {
    let before = disk.list(Path::new(DIR)).ok();
    let refused = open(Arc::new(disk.clone()), config, Mono(0)).err().expect("refused");
    assert_eq!(refused.code(), code, "{refused}");
    assert!(refused.to_string().contains(says), "{refused}");
    assert_eq!(disk.list(Path::new(DIR)).ok(), before, "{refused}");
}

#[test]
fn what_is_no_log_of_ours_is_refused_and_stays() {
    let ours = || config(Path::new(DIR));
    let (disk, _) = used();
    let theirs = LogIdentity { cluster: ClusterId(0xbad), ..IDENTITY };
    is_refused(
        &disk,
        LogConfig { identity: theirs, ..ours() },
        code::LOG_FOREIGN,
        "this log is of cluster 0",
    );

    let later = disk.after_process_death();
    later.rot(&segment(Path::new(DIR), 3), 4, |bytes| (bytes[0], bytes[56]) = (7, !bytes[56]));
    is_refused(&later, ours(), code::LOG_FORMAT_UNKNOWN, "log format 7; this build reads format 1");

    let missing = disk.after_process_death();
    missing.unlink(&segment(Path::new(DIR), 2)).expect("there");
    is_refused(&missing, ours(), code::LOG_SEGMENT_MISSING, "segment 2 is missing");

    for name in ["00000000000000000002.log", "00000000000000000004.log", "spare-00000000000000000005.log"] {
        let taken = disk.after_process_death();
        let _ = taken.unlink(&Path::new(DIR).join(name));
        taken.create_dir(&Path::new(DIR).join(name)).expect("made");
        is_refused(&taken, ours(), code::WRONG_FILE_TYPE, &format!("{name} is not a file"));
    }

    let file = SimDisk::new();
    file.create(Path::new(DIR)).expect("created");
    is_refused(&file, ours(), code::WRONG_FILE_TYPE, "/log is not a directory");
    is_refused(&SimDisk::new(), ours(), code::LOG_IO, "list /log");
}

#[test]
fn a_real_disk_refuses_the_same() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let dir = scratch.path().join("log");
    let refused = |path: &Path| open(Arc::new(OsFiles), config(path), Mono(0)).err().expect("refused");
    OsFiles.create(&dir).expect("created");
    assert_eq!(refused(&dir).code(), code::WRONG_FILE_TYPE);
    OsFiles.unlink(&dir).expect("there");
    OsFiles.create_dir(&dir).expect("made");
    drop(open(Arc::new(OsFiles), config(&dir), Mono(0)).expect("opens"));
    let in_the_way = segment(&dir, 2);
    OsFiles.create_dir(&in_the_way).expect("made");
    let before = listing(&OsFiles, &dir);
    let refused = refused(&dir);
    assert_eq!(refused.code(), code::WRONG_FILE_TYPE);
    assert!(refused.to_string().contains("00000000000000000002.log is not a file"), "{refused}");
    assert_eq!(listing(&OsFiles, &dir), before);
}

#[test]
fn names_that_are_not_ours_stay() {
    let (disk, acknowledged) = used();
    let names = ["7.log", "000000000000000000007.log", "0000000000000000000x.log", "lost+found", "a.tmp"];
    for name in names {
        disk.create(&Path::new(DIR).join(name)).expect("created");
    }
    assert_eq!(shown(&disk), acknowledged);
    let left = listing(&disk, Path::new(DIR));
    assert!(names.iter().all(|name| left.iter().any(|(there, _)| there == name)), "{left:?}");
}

#[test]
fn a_record_above_the_limit_is_refused_with_all_of_its_batch() {
    let disk = disk();
    let mut log = start(&disk);
    let limit = config(Path::new(DIR)).limits.log_record_bytes_max;
    let of =
        |bytes: usize| Append::from(record(1, 1, RecordKind::Commands, Bytes::from(vec![0; bytes - 56])));
    let batch = [command(2, 1), of(limit + 1)];
    let refused = log.writer.step(Mono(0), &batch, Urgency::Normal).expect_err("too long");
    assert_eq!(refused.code(), code::RECORD_TOO_LONG, "{refused}");
    assert_eq!(log.writer.synced().written.0, 2, "nothing was written");
    write(&mut log.writer, &[of(limit)]);
    drop(log);
    assert_eq!(shown(&disk), [(1, 1)]);
}
