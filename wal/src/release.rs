//! Releasing segments that nobody needs.
//!
//! A segment may go when every partition with records in it has purged past
//! them or is forgotten, no reader stands in it, and everything older is gone.
//! A `Released` record says so first and is durable first: from then on the
//! file's absence is no damage.

use crate::batch::BatchKind;
use crate::carrier::Carrier;
use crate::error::LogError;
use crate::opening;
use crate::packet::Packet;
use crate::place::SegmentId;
use crate::roster::{ANYBODY, Roster};
use crate::spare::WANTED;
use crate::writer::{Sealed, Writer};
use env::{Mono, Plant, sometimes};
use model::{Index, PartitionId};

/// Who keeps the oldest segment from being released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Laggard {
    /// Whose records are needed.
    pub partition: PartitionId,
    /// It has to be flushed and purged up to here for the segment to go.
    pub upto: Index,
}

impl Writer {
    /// Bytes of all segments, spares aside.
    pub fn bytes(&self) -> u64 {
        self.active.capacity + self.sealed.iter().map(|sealed| sealed.bytes).sum::<u64>()
    }

    /// Bytes of log that a restart would have to read.
    pub fn replay_bytes(&self) -> u64 {
        self.active.offset + self.sealed.iter().map(|sealed| sealed.bytes).sum::<u64>()
    }

    /// Whoever needs the oldest segment that somebody needs. Segments before it
    /// go with the next release.
    pub fn laggards(&self) -> Vec<Laggard> {
        let mut needed = self.sealed.iter().map(|sealed| self.needed_by(sealed));
        needed.find(|laggards| !laggards.is_empty()).unwrap_or_default()
    }

    fn needed_by(&self, sealed: &Sealed) -> Vec<Laggard> {
        let needed = sealed.roster.spans().iter().filter(|span| {
            let carrier = self.carriers.get(span.partition);
            // A forgotten partition's records bind nothing; one that nobody can
            // name binds for good: its owner has to be rebuilt.
            // So does a promise until its owner has handed in its state again, and
            // what may stand beside promises without an index, until the owner has
            // purged something behind it or says that it does not need it.
            let records = |c: &Carrier| span.is_indexed() && c.purged < span.last;
            let beside = |c: &Carrier| c.purged <= span.last && c.cleared < sealed.last;
            let promise = |c: &Carrier| span.promise && (!c.fresh || beside(c));
            span.partition == ANYBODY || carrier.is_some_and(|c| records(c) || promise(c))
        });
        needed.map(|span| Laggard { partition: span.partition, upto: span.last }).collect()
    }

    fn releasable(&self) -> Option<SegmentId> {
        let pinned = self.pins.lowest();
        let free = self.sealed.iter().take_while(|sealed| {
            pinned.is_none_or(|lowest| sealed.id < lowest) && self.needed_by(sealed).is_empty()
        });
        free.last().map(|sealed| sealed.id)
    }

    /// Releases what may go. Returns how many segments went. What a reader
    /// pins goes with the first purge after it.
    pub fn release(&mut self, now: Mono) -> Result<usize, LogError> {
        if !std::mem::take(&mut self.release_due) {
            return Ok(0);
        }
        let Some(upto) = self.releasable() else { return Ok(0) };
        if self.config.plants.has(Plant::PurgeBeforeMark) {
            let gone = self.discard(upto)?;
            self.say_released(now, upto)?;
            return Ok(gone);
        }
        self.say_released(now, upto)?;
        self.discard(upto)
    }

    fn say_released(&mut self, now: Mono, upto: SegmentId) -> Result<(), LogError> {
        self.released = upto;
        let record = opening::released(upto);
        if self.active.offset + 3 * crate::BLOCK_BYTES > self.active.capacity {
            // The next opening says it as well; opening one now would be waste,
            // and on a full disk a waste of the reserve.
            return self.rotate(now, 0, crate::spare::Urgency::Urgent);
        }
        let packet = Packet::of_records([&record].into_iter());
        self.write(now, BatchKind::Data, Roster::default(), &[&packet])?;
        self.sync()
    }

    fn discard(&mut self, upto: SegmentId) -> Result<usize, LogError> {
        let mut gone = 0;
        while self.sealed.front().is_some_and(|sealed| sealed.id <= upto) {
            if let Some(sealed) = self.sealed.pop_front() {
                self.discard_one(sealed)?;
                gone += 1;
            }
        }
        let dir = &self.config.dir;
        self.files.sync_dir(dir).map_err(LogError::io("sync", dir))?;
        Ok(gone)
    }

    /// A released file becomes a spare, or goes when there are enough.
    fn discard_one(&mut self, sealed: Sealed) -> Result<(), LogError> {
        sometimes!("a segment was released");
        let enough = self.spares.len() >= WANTED.max(self.config.limits.log_recycled_max);
        if enough || sealed.bytes < self.config.limits.log_segment_bytes {
            return self.files.unlink(&sealed.path).map_err(LogError::io("unlink", &sealed.path));
        }
        sometimes!("a segment was reused");
        let path = self.spares.name_for_recycled();
        self.files.rename(&sealed.path, &path).map_err(LogError::io("rename", &sealed.path))?;
        self.spares.add(path, sealed.bytes);
        Ok(())
    }
}
