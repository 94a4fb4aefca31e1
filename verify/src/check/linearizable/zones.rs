//! What can be seen without a search. Every value is written once, so a row
//! holds in one stretch: from the put to the last read of it. When one of these
//! operations was over before another was begun, the row held between the two
//! for certain. Two rows cannot hold at once, and nobody finds no row meanwhile.
//!
//! Most histories with a mistake in them break this, and a search would have to
//! try everything to say so. Those that do not may still have no order.

use super::track::{Deed, Moment, Track};

/// The operations on one row, or one that found none.
#[derive(Clone, Copy, Debug)]
struct Zone {
    /// When the first of them was over.
    first_ended: Moment,
    /// When the last of them was begun.
    last_begun: Moment,
}

/// Two stretches overlap, or a row is seen that was not written by then.
pub(super) fn conflict(track: &Track) -> bool {
    let mut held = Vec::new();
    let mut brief = Vec::new();
    let mut written = vec![false; track.readers.len()];
    for step in &track.steps {
        let zone = match step.deed {
            Deed::Set(row) => {
                written[row] = true;
                let readers = &track.readers[row];
                if readers.first_ended.is_some_and(|ended| ended < step.begun) {
                    return true;
                }
                Zone {
                    first_ended: readers.first_ended.map_or(step.ended, |ended| ended.min(step.ended)),
                    last_begun: readers.last_begun.max(step.begun),
                }
            }
            Deed::See(Some(_)) => continue,
            Deed::See(None) | Deed::Clear { .. } => Zone { first_ended: step.ended, last_begun: step.begun },
        };
        let zones = if zone.first_ended < zone.last_begun { &mut held } else { &mut brief };
        zones.push(zone);
    }
    let unwritten = (0..written.len()).any(|row| !written[row] && track.readers[row].count > 0);
    held.sort_unstable_by_key(|zone| zone.first_ended);
    unwritten || overlap(&held) || brief.iter().any(|zone| is_within(zone, &held))
}

/// Two rows hold at once.
fn overlap(held: &[Zone]) -> bool {
    held.windows(2).any(|pair| pair[1].first_ended < pair[0].last_begun)
}

/// The zone has no room before the row that holds, nor behind it.
fn is_within(zone: &Zone, held: &[Zone]) -> bool {
    let behind = held.partition_point(|row| row.first_ended < zone.last_begun);
    behind.checked_sub(1).is_some_and(|at| zone.first_ended < held[at].last_begun)
}
