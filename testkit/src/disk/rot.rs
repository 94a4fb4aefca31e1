//! Rot: bytes that had been durable change. What was acknowledged is then
//! either still there or refused by name; and whoever had nothing in the
//! rotten bytes is served as if nothing had happened.

use crate::disk::enumerate::{Points, Tally, run};
use crate::disk::host::{Habits, Host, LOG, PARTITIONS, identity};
use crate::disk::ledger::{Ledger, SharedLedger, Verdict};
use crate::disk::script::Step;
use bytes::Bytes;
use env::sim::SimDisk;
use machine::RegisterCommand;
use model::PartitionId;
use std::path::{Path, PathBuf};
use wal::SegmentId;
use wal::batch::BatchKind;
use wal::inspect::{BatchRow, segments};

/// Offsets flipped in each batch: every field of the header, and so many more
/// spread over header and body.
const SPREAD: u64 = 24;
const FIXED_FIELDS: [u64; 13] = [0, 4, 6, 7, 8, 16, 24, 32, 36, 40, 44, 52, 56];

/// Rots every batch of the script's log in turn.
pub(crate) fn enumerate(habits: Habits, steps: &[Step], tally: &mut Tally) {
    for steps in [quietly(steps.to_vec()), quietly(lonely_partition())] {
        let (disk, ledger) = (SimDisk::new(), SharedLedger::new(Ledger::new(&PARTITIONS)));
        let points = Points::default();
        if let Err(ended) = run(&disk, habits, &steps, &ledger, &points) {
            tally.count(&Verdict::Lost(format!("the script itself failed: {ended}")), "rot");
            return;
        }
        let Ok(rows) = segments(&disk, Path::new(LOG), identity()) else { return };
        for row in &rows {
            for batch in &row.batches {
                let rot = Rot { disk: &disk, ledger: ledger.now(), habits, path: &row.path };
                rot.one(row.id, batch, tally);
            }
            for pair in row.batches.windows(2) {
                let footer = row.batches.last().filter(|last| last.kind == Some(BatchKind::Footer));
                let rot = Rot { disk: &disk, ledger: ledger.now(), habits, path: &row.path };
                if let Some(footer) = footer.filter(|footer| footer.lsn > pair[1].lsn) {
                    rot.two_and_the_footer(row.id, pair, footer, tally);
                }
            }
        }
    }
}

/// Ends with everything acknowledged and proven.
fn quietly(mut steps: Vec<Step>) -> Vec<Step> {
    steps.push(Step::Pause(10));
    steps.push(Step::Pause(10));
    steps
}

/// One partition has all it ever had in two neighbouring batches: if it is not
/// charged for them, nothing else will show that they are gone.
fn lonely_partition() -> Vec<Step> {
    let set = |partition: PartitionId, serial: u64| {
        let value = Bytes::from(format!("only {serial}"));
        Step::Append(vec![(partition, RegisterCommand::Set { key: Bytes::from_static(b"k"), value })])
    };
    let lonely = [set(PARTITIONS[0], 1), set(PARTITIONS[2], 2), set(PARTITIONS[2], 3)];
    lonely.into_iter().chain((4..16).map(|serial| set(PARTITIONS[1], serial))).collect()
}

struct Rot<'a> {
    disk: &'a SimDisk,
    ledger: Ledger,
    habits: Habits,
    path: &'a PathBuf,
}

impl Rot<'_> {
    /// One flipped bit in one batch.
    fn one(&self, segment: SegmentId, batch: &BatchRow, tally: &mut Tally) {
        let spread = (0..SPREAD).map(|n| n * batch.used / SPREAD);
        for at in FIXED_FIELDS.into_iter().chain(spread).filter(|at| *at < batch.used) {
            let disk = self.disk.after_process_death();
            disk.rot(self.path, batch.offset + at, |bytes| bytes[0] ^= 0x10);
            let concerned: Vec<PartitionId> = batch.own.spans().iter().map(|span| span.partition).collect();
            let scene = format!("rot in segment {segment}, batch {}, byte {at}", batch.lsn);
            self.judge(&disk, &concerned, &scene, tally);
        }
    }

    /// The headers of two neighbouring batches, and each number in the footer.
    fn two_and_the_footer(
        &self,
        segment: SegmentId,
        pair: &[BatchRow],
        footer: &BatchRow,
        tally: &mut Tally,
    ) {
        for at in (64..footer.used).step_by(8) {
            let disk = self.disk.after_process_death();
            disk.rot(self.path, pair[0].offset + 17, |bytes| bytes[0] ^= 1);
            disk.rot(self.path, pair[1].offset + 17, |bytes| bytes[0] ^= 1);
            disk.rot(self.path, footer.offset + at, |bytes| bytes[0] ^= 0x40);
            let scene = format!(
                "rot in segment {segment}, batches {} and {}, footer byte {at}",
                pair[0].lsn, pair[1].lsn
            );
            let concerned = pair.iter().flat_map(|batch| batch.own.spans());
            let concerned: Vec<PartitionId> = concerned.map(|span| span.partition).collect();
            self.judge(&disk, &concerned, &scene, tally);
        }
    }

    fn judge(&self, disk: &SimDisk, concerned: &[PartitionId], scene: &str, tally: &mut Tally) {
        tally.images += 1;
        let host = match Host::start(disk, self.habits) {
            Err(ended) => return tally.count(&Verdict::Lost(format!("refused to start: {ended}")), scene),
            Ok(host) => host,
        };
        let refused = host.refused();
        let innocent = refused.iter().filter(|id| !concerned.contains(id));
        for id in innocent {
            let verdict = Verdict::Lost(format!("partition {id} is refused and had nothing in it"));
            tally.count(&verdict, scene);
        }
        for verdict in self.ledger.judge(host.store(), &refused) {
            tally.count(&verdict, scene);
        }
    }
}
