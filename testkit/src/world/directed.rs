//! Runs that are made to meet one planted mistake: two seconds of whatever it
//! takes to notice it.

use super::fault::{Fault, Kind};
use super::knobs::{Knobs, Transport};
use super::plan::Plan;
use env::rng::Stream;
use env::{Plant, Rng};

/// How long users work.
const WORK_MS: u64 = 2_000;

/// The run of a seed that should notice `plant`. `None` where a whole node hides
/// it: its rows are set again to what they were, or it takes damage in two
/// places at once. The enumeration of one disk's crashes finds those.
pub fn directed(plant: Plant, seed: u64) -> Option<Plan> {
    let rng = Rng::from_seed(seed);
    let mut knobs = Knobs { calm: false, ..Knobs::draw(&rng, WORK_MS) };
    hurry(&mut knobs);
    let draws = &mut rng.stream("directed");
    let kinds = aim(plant, &mut knobs, draws)?;
    let mut faults: Vec<Fault> = kinds.into_iter().map(|(at_ms, kind)| Fault { at_ms, kind }).collect();
    faults.sort_by_key(|fault| fault.at_ms);
    Some(Plan { seed, plant: Some(plant.name().to_owned()), knobs, faults })
}

/// Many requests in little time, on few rows.
fn hurry(knobs: &mut Knobs) {
    knobs.transport = Transport::Frames;
    knobs.tick_ms = 2;
    knobs.latency_ms = (0, 2);
    knobs.users = 4;
    knobs.lanes = 2;
    knobs.think_ms = 10;
    knobs.patience_ms = 500;
    knobs.keys = 12;
    knobs.sync_us = (200, 4_000);
    knobs.spikes_percent = 0;
    knobs.sync_every_ms = 0;
    knobs.requests_max = 8192;
    // Whoever follows is never left behind.
    knobs.binlog_bytes = 200_000;
}

type Struck = Vec<(u64, Kind)>;

fn aim(plant: Plant, knobs: &mut Knobs, draws: &mut Stream) -> Option<Struck> {
    let at = 500 + draws.below(1_000);
    let power = |at: u64, image: u64| (at, Kind::Power { down_ms: 50, image });
    Some(match plant {
        Plant::AckBeforeSync | Plant::ReplyBeforeCommit => {
            knobs.sync_us = (5_000, 50_000);
            vec![power(at, draws.next_u64())]
        }
        Plant::SyncRetried | Plant::RecoverySyncs => {
            let failed = (at, Kind::FailedSync { after: draws.below(4) });
            vec![failed, power(at + 100 + draws.below(900), draws.next_u64())]
        }
        Plant::RecordInTornBatch | Plant::DirectoryNotSynced => {
            small_log(knobs);
            (0..4).map(|nth| power(400 * (nth + 1) + draws.below(100), draws.next_u64())).collect()
        }
        Plant::PurgeBeforeMark | Plant::TruncateAtFirstBad => return None,
        Plant::FooterUnchecked | Plant::AppliedOutsideBatch => return None,
        Plant::StaleAfterRestart => vec![(at, Kind::Kill { down_ms: 20 })],
        Plant::BatchTorn => {
            (knobs.batches_percent, knobs.reads_percent) = (80, 50);
            (knobs.requests_max, knobs.partitions, knobs.value_bytes) = (2, 4, 8);
            Vec::new()
        }
        Plant::IndexNotDense => {
            (knobs.reads_percent, knobs.record_commands) = (50, 4096);
            knobs.sync_us = (5_000, 50_000);
            Vec::new()
        }
        Plant::TtlByWallClock => {
            let stop = |nth: u64| (300 * (nth + 1) + draws.below(100), Kind::Kill { down_ms: 20 });
            (0..5).map(stop).collect()
        }
        Plant::WatchGap => Vec::new(),
        Plant::TableLost => vec![(at, Kind::Kill { down_ms: 20 })],
        Plant::VoteNotPersisted | Plant::AppendAckedEarly | Plant::QuorumCountedWrong => return None,
        Plant::ApplyAheadOfLog | Plant::LeaderRestored | Plant::ReadIndexStale => return None,
        Plant::ReplicaIdReused | Plant::VoteAfterLog | Plant::StaleWish => return None,
        Plant::SecondChangeMade => return None,
        Plant::ParkedReplyLost | Plant::EpochUnchecked | Plant::TokenIgnored => Vec::new(),
        Plant::RetryAppliedTwice => {
            knobs.reads_percent = 50;
            vec![(100, Kind::Duplicate { percent: 50, for_ms: 1_500 })]
        }
    })
}

/// Segments that fill and go while one looks.
fn small_log(knobs: &mut Knobs) {
    knobs.segment_bytes = 32 << 10;
    knobs.log_bytes_max = 2 * knobs.segment_bytes;
    (knobs.value_bytes, knobs.reads_percent) = (1000, 20);
    knobs.checkpoint_bytes = 4_000;
}
