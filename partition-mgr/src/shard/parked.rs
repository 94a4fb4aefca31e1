//! Batches that wait until their stores take something again.

use super::message::StoreJob;
use env::Mono;
use model::PartitionId;
use statestore::StoreError;

/// Full disks are asked again after so long.
pub(super) const FULL_MS: u64 = 500;
/// An engine that works something off, after so long at first, and then as long
/// again as it has taken, up to the other.
const BUSY_MS: u64 = 5;
/// Who is to end waits so long for an engine, and not at all for room.
const ENDS_MS: u64 = 5_000;
/// Waiting is said when it lasts, and again after so long.
const SAID_MS: u64 = 60_000;

/// All that wait.
///
/// Invariant: a partition in it is marked as storing, so nothing of it overtakes
/// what waits here.
#[derive(Default)]
pub(super) struct Parked(Vec<(Mono, StoreJob)>);

impl Parked {
    /// This partition is not there any more.
    pub fn forget(&mut self, id: PartitionId) {
        self.0.iter_mut().for_each(|(_, job)| job.drop_parts_of(&[id]));
        self.0.retain(|(_, job)| !job.parts.is_empty());
    }

    /// Puts a batch aside. Is it time to say so?
    pub fn put(&mut self, now: Mono, mut job: StoreJob, why: &StoreError) -> bool {
        let since = *job.refused_since.get_or_insert(now);
        let waited_ms = now.ms_since(since);
        let wait_ms = if why.is_full() { FULL_MS } else { waited_ms.clamp(BUSY_MS, FULL_MS) };
        let say = waited_ms / SAID_MS > job.said;
        job.said = waited_ms / SAID_MS;
        self.0.push((now.plus_ms(wait_ms), job));
        say
    }

    /// Is whoever is to end to be kept waiting for this batch?
    pub fn may_wait(now: Mono, job: &StoreJob, why: &StoreError) -> bool {
        !why.is_full() && job.refused_since.is_none_or(|since| now.ms_since(since) < ENDS_MS)
    }

    /// When the next is to be tried again.
    pub fn again(&self) -> Option<Mono> {
        self.0.iter().map(|(again, _)| *again).min()
    }

    /// Those whose time has come.
    pub fn take_due(&mut self, now: Mono) -> Vec<StoreJob> {
        let (due, rest) = std::mem::take(&mut self.0).into_iter().partition(|(again, _)| *again <= now);
        self.0 = rest;
        let due: Vec<(Mono, StoreJob)> = due;
        due.into_iter().map(|(_, job)| job).collect()
    }
}
