//! The log on a simulated disk, one scenario after the other: what is written
//! comes back, what was torn goes, what is damaged is charged to the right ones.
#![allow(missing_docs, reason = "a test")]

use bytes::Bytes;
use env::sim::{Fault, OpKind, SimDisk};
use env::{Files, Mono, Plants};
use model::{ClusterId, DiskId, Epoch, Index, Limits, PartitionId, Record, RecordKind, Stamp};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wal::{
    Append, LogConfig, LogError, LogIdentity, MarkPolicy, OpenLog, SyncPolicy, Urgency, Writer,
    index_payload, open,
};

const DIR: &str = "/log";

fn config(sync: SyncPolicy) -> LogConfig {
    let limits = Limits { log_segment_bytes: 32 * 1024, log_record_bytes_max: 8 * 1024, ..Limits::default() };
    LogConfig {
        dir: PathBuf::from(DIR),
        identity: LogIdentity { cluster: ClusterId(1), disk: DiskId(2) },
        sync,
        mark: MarkPolicy::Idle,
        limits,
        plants: Plants::NONE,
    }
}

fn disk() -> SimDisk {
    let disk = SimDisk::new();
    disk.create_dir(Path::new(DIR)).expect("made");
    disk.sync_dir(Path::new("/")).expect("synced");
    disk
}

fn start(disk: &SimDisk) -> OpenLog {
    open(Arc::new(disk.clone()), config(SyncPolicy::Each), Mono(0)).expect("opens")
}

fn record(partition: u64, first_index: Index, count: u32) -> Append {
    Append::from(Record {
        partition: PartitionId(partition),
        epoch: Epoch::FIRST,
        first_index,
        count,
        stamp: Stamp(first_index),
        kind: RecordKind::Commands,
        payload: Bytes::from(format!("{partition}/{first_index}")),
    })
}

fn purge(partition: u64, upto: Index) -> Append {
    let mut append = record(partition, upto + 1, 0);
    append.record.kind = RecordKind::Purge;
    append.record.payload = index_payload(upto);
    append
}

fn write(writer: &mut Writer, appends: &[Append]) {
    let synced = writer.step(Mono(0), appends, Urgency::Normal).expect("written");
    assert_eq!(synced.written, synced.durable);
}

fn contents(log: &mut OpenLog) -> Vec<(u64, Index)> {
    let mut found = Vec::new();
    while let Some(batch) = log.reader.next_batch().expect("readable") {
        let counted = batch.records.iter().filter(|r| r.kind == RecordKind::Commands);
        found.extend(counted.map(|r| (r.partition.0, r.first_index)));
    }
    found
}

fn segments(disk: &SimDisk) -> Vec<String> {
    let names = disk.list(Path::new(DIR)).expect("listed").into_iter().map(|entry| entry.name);
    names.filter(|name| !name.starts_with("spare")).collect()
}

#[test]
fn what_is_written_comes_back_in_order_across_restarts_and_rotations() {
    let disk = disk();
    let mut expected = Vec::new();
    for life in 0..3u64 {
        let mut log = start(&disk);
        assert_eq!(contents(&mut log), expected, "life {life}");
        for index in 1..=30 {
            let index = life * 30 + index;
            write(&mut log.writer, &[record(1, index, 1), record(2, index, 1)]);
            expected.extend([(1, index), (2, index)]);
        }
    }
    let log = start(&disk);
    assert_eq!(log.recovery.last.get(&PartitionId(1)), Some(&90));
    assert!(log.recovery.damages.is_empty());
}

#[test]
fn a_torn_batch_goes_and_nothing_before_it() {
    let disk = disk();
    let mut log = start(&disk);
    write(&mut log.writer, &[record(1, 1, 1)]);
    write(&mut log.writer, &[record(1, 2, 1)]);
    drop(log);
    // The last batch was never proven: cut it in the middle.
    let path = Path::new(DIR).join(&segments(&disk)[0]);
    disk.rot(&path, 4 * 4096 - 4096 + 100, |bytes| bytes[0] ^= 1);
    let mut log = start(&disk);
    assert!(log.recovery.torn);
    assert_eq!(contents(&mut log), [(1, 1)]);
}

#[test]
fn rot_in_the_last_acked_batch_is_refused_once_it_is_marked() {
    let disk = disk();
    let mut log = start(&disk);
    write(&mut log.writer, &[record(1, 1, 1)]);
    write(&mut log.writer, &[record(2, 1, 1)]);
    log.writer.idle(Mono(0).plus_ms(10)).expect("marked");
    drop(log);
    let path = Path::new(DIR).join(&segments(&disk)[0]);
    for offset in [3 * 4096 + 20, 3 * 4096 + 64 + 32 + 32 + 57] {
        let copy = disk.after_process_death();
        copy.rot(&path, offset, |bytes| bytes[0] ^= 1);
        let mut log = start(&copy);
        let told: Vec<String> = log.recovery.damages.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "segment 1, offset 12288: batch 4 and following cannot be read; concerned: partition 2 indexes 1 to 1"
            ],
            "rot at {offset}"
        );
        assert_eq!(contents(&mut log), [(1, 1)]);
        drop(log);
        // It is as damaged at the next start.
        assert_eq!(start(&copy).recovery.damages.len(), 1);
    }
}

#[test]
fn rot_in_a_sealed_segment_condemns_only_those_concerned() {
    let disk = disk();
    let mut log = start(&disk);
    for index in 1..=12 {
        write(&mut log.writer, &[record(1 + index % 3, index / 3 + 1, 1)]);
    }
    drop(log);
    let first = Path::new(DIR).join(&segments(&disk)[0]);
    assert!(segments(&disk).len() > 1, "the first segment is sealed");
    // Two neighbouring headers: only the segment's roster can tell.
    disk.rot(&first, 2 * 4096 + 17, |bytes| bytes[0] ^= 1);
    disk.rot(&first, 3 * 4096 + 17, |bytes| bytes[0] ^= 1);
    let log = start(&disk);
    let condemned: Vec<(u64, Index)> = log
        .recovery
        .damages
        .iter()
        .flat_map(|damage| damage.condemned.iter().map(|lost| (lost.partition.0, lost.first)))
        .collect();
    assert_eq!(condemned, [(2, 1), (3, 1)]);
}

#[test]
fn released_segments_go_and_a_missing_one_is_refused() {
    let disk = disk();
    let mut log = start(&disk);
    drop(log.reader);
    for index in 1..=20 {
        write(&mut log.writer, &[record(1, index, 1)]);
    }
    assert!(segments(&disk).len() > 2);
    assert_eq!(log.writer.release(Mono(0)).expect("nothing to release"), 0);
    write(&mut log.writer, &[purge(1, 20)]);
    assert!(log.writer.release(Mono(0)).expect("released") > 1);
    drop(log.writer);
    let mut log = start(&disk);
    assert!(contents(&mut log).len() < 20);
    drop(log);

    let mut log = start(&disk);
    for index in 21..=40 {
        write(&mut log.writer, &[record(1, index, 1)]);
    }
    drop(log);
    let names = segments(&disk);
    disk.unlink(&Path::new(DIR).join(&names[names.len() - 2])).expect("unlinked");
    let refused = open(Arc::new(disk.clone()), config(SyncPolicy::Each), Mono(0)).err().expect("refused");
    assert!(matches!(refused, LogError::Missing { .. }), "{refused}");
}

#[test]
fn a_segment_that_nobody_needs_hides_no_laggard_behind_it() {
    // Somewhere among these the large record does not fit any more, so that
    // what is sealed before it holds nothing that was not purged.
    for small in 1..=8 {
        let disk = disk();
        let mut log = start(&disk);
        drop(log.reader);
        for index in 1..=small {
            write(&mut log.writer, &[record(1, index, 1)]);
        }
        write(&mut log.writer, &[purge(1, small)]);
        log.writer.release(Mono(0)).expect("released");
        let mut large = record(1, small + 1, 1);
        large.record.payload = Bytes::from(vec![7; 7 * 1024]);
        write(&mut log.writer, &[large]);
        for index in small + 2..small + 22 {
            write(&mut log.writer, &[record(1, index, 1)]);
        }
        let laggards = log.writer.laggards();
        assert!(laggards.iter().any(|laggard| laggard.partition == PartitionId(1)), "{small}: {laggards:?}");
        let sealed = segments(&disk).len();
        log.writer.release(Mono(0)).expect("released");
        assert!(segments(&disk).len() <= sealed);
    }
}

#[test]
fn every_acks_before_it_syncs_and_says_so() {
    let disk = disk();
    let config = config(SyncPolicy::Every(10));
    let mut log = open(Arc::new(disk.clone()), config.clone(), Mono(0)).expect("opens");
    let first = log.writer.step(Mono(0), &[record(1, 1, 1)], Urgency::Normal).expect("written");
    assert!(first.written > first.durable);
    assert_eq!(log.writer.idle(Mono(0).plus_ms(5)).expect("not due for a sync"), None);
    let synced = log.writer.idle(Mono(0).plus_ms(10)).expect("due").expect("further");
    assert!(synced.durable >= first.written);
}

#[test]
fn every_keeps_its_time_in_a_log_that_is_never_idle() {
    let disk = disk();
    let mut log = open(Arc::new(disk.clone()), config(SyncPolicy::Every(10)), Mono(0)).expect("opens");
    let mut at = |ms: u64, index| {
        log.writer.step(Mono(0).plus_ms(ms), &[record(1, index, 1)], Urgency::Normal).expect("written")
    };
    let first = at(0, 1);
    assert!(at(9, 2).durable < first.written);
    let third = at(10, 3);
    assert_eq!(third.durable, third.written);
}

#[test]
fn a_failed_sync_poisons() {
    let disk = disk();
    let mut log = start(&disk);
    disk.set_faults(|kind, _| (kind == OpKind::Sync).then_some(Fault::Eio));
    let failed = log.writer.step(Mono(0), &[record(1, 1, 1)], Urgency::Normal);
    assert!(matches!(failed, Err(LogError::Failed { .. })));
    disk.clear_faults();
    let again = log.writer.step(Mono(0), &[record(1, 1, 1)], Urgency::Normal);
    assert!(matches!(again, Err(LogError::Poisoned)));
}

/// A log with a reserve, written to until its disk is full: the index that was
/// refused.
fn fill(disk: &SimDisk, log: &mut OpenLog) -> Index {
    let reserve = log.writer.spare_wanted(Mono(0)).expect("a reserve is wanted").run(disk).expect("laid out");
    log.writer.spare_ready(Mono(0), Some(reserve));
    let used: u64 = disk.list(Path::new(DIR)).expect("listed").iter().map(|entry| entry.bytes).sum();
    disk.set_capacity(Some(used));
    let mut index = 1;
    loop {
        match log.writer.step(Mono(0), &[record(1, index, 1)], Urgency::Normal) {
            Ok(_) => index += 1,
            Err(LogError::Full { .. }) => return index,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_full_disk_takes_what_is_urgent_and_recovers() {
    let disk = disk();
    let mut log = start(&disk);
    let index = fill(&disk, &mut log);
    log.writer.step(Mono(0), &[record(1, index, 1)], Urgency::Urgent).expect("the reserve takes it");
    disk.set_capacity(None);
    let refused = log.writer.step(Mono(0), &[record(1, index + 1, 1)], Urgency::Normal);
    assert!(matches!(refused, Err(LogError::Full { .. })), "until there is another reserve");
    let reserve = log.writer.spare_wanted(Mono(0)).expect("one is wanted").run(&disk).expect("laid out");
    log.writer.spare_ready(Mono(0), Some(reserve));
    write(&mut log.writer, &[record(1, index + 1, 1)]);
}

#[test]
fn the_reserve_is_left_to_what_must_go_through_until_there_is_another() {
    let disk = disk();
    let mut log = start(&disk);
    let index = fill(&disk, &mut log);
    // The reader pins the oldest segment.
    drop(log.reader);
    // Somebody removes a row: the reserve is opened, and has room.
    log.writer.step(Mono(0), &[record(1, index, 1)], Urgency::Urgent).expect("the reserve takes it");
    for _ in 0..100 {
        let refused = log.writer.step(Mono(0), &[record(1, index + 1, 1)], Urgency::Normal);
        assert!(matches!(refused, Err(LogError::Full { .. })), "the disk is still full");
    }
    // What the store holds can still be said: the log lets go of its oldest
    // segment, which is the next reserve.
    log.writer.step(Mono(0), &[purge(1, index)], Urgency::Urgent).expect("the reserve takes it");
    log.writer.release(Mono(0)).expect("released");
    write(&mut log.writer, &[record(1, index + 1, 1)]);
}

#[test]
fn a_spare_that_finds_no_room_is_not_tried_again_at_once() {
    let disk = disk();
    let mut log = start(&disk);
    let job = log.writer.spare_wanted(Mono(0)).expect("a reserve is wanted");
    disk.set_capacity(Some(0));
    assert!(job.run(&disk).is_err());
    log.writer.spare_ready(Mono(0), None);
    assert!(log.writer.spare_wanted(Mono(0).plus_ms(999)).is_none());
    assert!(log.writer.spare_wanted(Mono(0).plus_ms(1000)).is_some());
}

#[test]
fn a_record_above_the_limit_is_refused_and_nothing_written() {
    let disk = disk();
    let mut log = start(&disk);
    let mut long = record(1, 1, 1);
    long.record.payload = Bytes::from(vec![0; 9 * 1024]);
    let refused = log.writer.step(Mono(0), &[record(1, 1, 1), long], Urgency::Normal);
    assert!(matches!(refused, Err(LogError::TooLong { .. })));
    drop(log);
    assert_eq!(contents(&mut start(&disk)), []);
}

#[test]
fn a_foreign_or_later_segment_is_named() {
    let disk = disk();
    drop(start(&disk));
    let mut theirs = config(SyncPolicy::Each);
    theirs.identity.cluster = ClusterId(9);
    let refused = open(Arc::new(disk.clone()), theirs, Mono(0)).err().expect("refused");
    assert!(matches!(refused, LogError::Foreign { .. }), "{refused}");
    let path = Path::new(DIR).join(&segments(&disk)[0]);
    // A flipped bit in the format number is damage; a header that is sound in
    // no format of ours is a later one.
    let flipped = disk.after_process_death();
    flipped.rot(&path, 4, |bytes| bytes[0] ^= 2);
    let log = open(Arc::new(flipped), config(SyncPolicy::Each), Mono(0)).expect("the repetition tells all");
    assert!(log.recovery.damages.is_empty(), "nobody had anything in it");
    disk.rot(&path, 4, |bytes| {
        bytes[0] = 2;
        bytes[52] ^= 0xff;
    });
    let refused = open(Arc::new(disk.clone()), config(SyncPolicy::Each), Mono(0)).err().expect("refused");
    assert!(matches!(refused, LogError::Format { found: 2, .. }), "{refused}");
}
