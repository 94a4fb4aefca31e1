//! Whom damage condemns: those who had something in it, all of them, and
//! nobody else.

use crate::world::{BLOCK, DIR, command, contents, disk, listing, naming, quiet, segment, start, write};
use env::Files;
use env::sim::SimDisk;
use model::{Index, PartitionId, RecordKind};
use std::path::Path;
use wal::Damage;

/// Partition 1 has batches 3 and 4, partition 2 batches 5 and 6 of segment 1;
/// partition 3 is in segment 2. Everything is proven.
fn two_segments() -> SimDisk {
    let disk = disk();
    let mut log = start(&disk);
    for (partition, index) in [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1)] {
        write(&mut log.writer, &[command(partition, index)]);
    }
    quiet(&mut log.writer);
    assert_eq!(listing(&disk, Path::new(DIR)).len(), 2);
    disk
}

fn condemned(damages: &[Damage]) -> Vec<(u64, Index, Index)> {
    let all = damages.iter().flat_map(|damage| &damage.condemned);
    all.map(|lost| (lost.partition.0, lost.first, lost.last)).collect()
}

#[test]
fn a_sealed_segment_cut_short_is_damage() {
    for (blocks, lost) in [
        (7, vec![]),
        (6, vec![]),
        (5, vec![(2, 2, 2)]),
        (4, vec![(2, 1, 2)]),
        (3, vec![(1, 2, 2), (2, 1, 2)]),
        (1, vec![(1, 1, 2), (2, 1, 2)]),
        (0, vec![(1, 1, 2), (2, 1, 2)]),
    ] {
        let disk = two_segments();
        let first = disk.open(&segment(Path::new(DIR), 1)).expect("there");
        first.set_bytes(blocks * BLOCK).expect("cut");
        let log = start(&disk);
        assert_eq!(condemned(&log.recovery.damages), lost, "cut to {blocks} blocks");
        assert!(log.recovery.damages.iter().all(|damage| !damage.everybody));
        drop(log);
        assert_eq!(condemned(&start(&disk).recovery.damages), lost, "again, cut to {blocks} blocks");
    }
}

#[test]
fn a_lone_segments_damaged_opening_condemns_nobody_who_was_not_in_it() {
    let disk = disk();
    let mut log = start(&disk);
    write(&mut log.writer, &[command(1, 1)]);
    quiet(&mut log.writer);
    drop(log);
    disk.rot(&segment(Path::new(DIR), 1), 17, |bytes| bytes[0] ^= 1);
    let mut log = start(&disk);
    assert!(log.recovery.damages.is_empty(), "{:?}", log.recovery.damages);
    assert_eq!(contents(&mut log).len(), 1);
}

#[test]
fn a_second_accepted_loss_does_not_undo_the_first() {
    let disk = disk();
    let mut log = start(&disk);
    for index in 1..=4 {
        write(&mut log.writer, &[command(1, index)]);
    }
    write(&mut log.writer, &[naming(1, RecordKind::AcceptLoss, 1)]);
    for index in 2..=5 {
        write(&mut log.writer, &[command(1, index)]);
    }
    write(&mut log.writer, &[naming(1, RecordKind::AcceptLoss, 3)]);
    write(&mut log.writer, &[command(1, 4)]);
    drop(log);
    let mut log = start(&disk);
    let shown = contents(&mut log);
    let commands = shown.iter().filter(|(_, record)| record.kind == RecordKind::Commands);
    let indexes: Vec<Index> = commands.map(|(_, record)| record.first_index).collect();
    assert_eq!(indexes, [1, 2, 3, 4]);
}

#[test]
fn a_lost_opening_is_not_forgotten() {
    let disk = disk();
    drop(start(&disk));
    let mut log = start(&disk);
    write(&mut log.writer, &[command(1, 1)]);
    quiet(&mut log.writer);
    drop(log);
    // The bodies of the opening and of its repetition: their headers know only
    // of kept records, not of the states that are gone.
    let second = segment(Path::new(DIR), 2);
    disk.rot(&second, 100, |bytes| bytes[0] ^= 1);
    disk.rot(&second, BLOCK + 100, |bytes| bytes[0] ^= 1);
    for life in 1..4 {
        let log = start(&disk);
        let damage = log.recovery.damages.iter().find(|damage| damage.everybody);
        assert_eq!(damage.map(|damage| damage.segment.0), Some(2), "life {life}");
        assert!(damage.is_some_and(|damage| damage.loss_of(PartitionId(77), 5).is_some()), "life {life}");
    }
}
