//! Batches that wait until their stores take something again.

use super::message::StoreJob;
use env::Mono;
use model::code;
use statestore::StoreError;

/// Full disks are asked again after so long.
pub(super) const FULL_MS: u64 = 500;
/// An engine that works something off, after so long.
const BUSY_MS: u64 = 5;

/// Invariant: a partition in it is marked as storing, so nothing of it overtakes
/// what waits here.
#[derive(Default)]
pub(super) struct Parked {
    jobs: Vec<StoreJob>,
    again: Option<Mono>,
}

impl Parked {
    /// Puts a batch aside.
    pub fn put(&mut self, now: Mono, job: StoreJob, why: &StoreError) {
        let wait_ms = if why.code() == code::DISK_FULL { FULL_MS } else { BUSY_MS };
        let again = now.plus_ms(wait_ms);
        self.again = Some(self.again.map_or(again, |sooner| sooner.min(again)));
        self.jobs.push(job);
    }

    /// When something is to be tried again.
    pub fn again(&self) -> Option<Mono> {
        self.again
    }

    /// Those whose time has come, which is that of all.
    pub fn take_due(&mut self, now: Mono) -> Vec<StoreJob> {
        if self.again.is_none_or(|again| now < again) {
            return Vec::new();
        }
        self.again = None;
        std::mem::take(&mut self.jobs)
    }
}
