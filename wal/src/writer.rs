//! The writer: what waits goes into one batch, one sync covers it, never two
//! batches are unsynced under `sync = each`.
//!
//! [`Writer::step`] is the whole of it and knows neither threads nor channels:
//! `thread.rs` drives it in production, the simulation calls it directly.

use crate::BLOCK_BYTES;
use crate::batch::{self, BatchKind, Draft};
use crate::carrier::Carriers;
use crate::config::{LogConfig, MarkPolicy, SyncPolicy};
use crate::error::LogError;
use crate::packet::{Append, Packet};
use crate::place::{Lsn, Place, SegmentId};
use crate::reader::Pins;
use crate::roster::Roster;
use crate::spare::{Spare, SpareJob, SparePool, Urgency};
use env::{Files, LogDevice, Mono, Plant};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

/// How far the log has come.
///
/// Invariant: `durable ≤ written`; under `sync = each` they are equal whenever
/// a step has returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Synced {
    /// The batch that the step wrote.
    pub written: Lsn,
    /// Everything up to this batch is on disk.
    pub durable: Lsn,
}

/// The segment being written.
pub(crate) struct Active {
    pub id: SegmentId,
    pub path: PathBuf,
    pub device: Arc<dyn LogDevice>,
    /// Where the next batch goes.
    pub offset: u64,
    pub capacity: u64,
    pub roster: Roster,
}

/// A segment that is complete and still needed.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub id: SegmentId,
    pub path: PathBuf,
    /// The file's size.
    pub bytes: u64,
    /// Where its batches end.
    pub end: u64,
    /// Its last batch.
    pub last: Lsn,
    pub roster: Roster,
}

/// Writes the log. See the module.
pub struct Writer {
    pub(crate) files: Arc<dyn Files>,
    pub(crate) config: LogConfig,
    pub(crate) active: Active,
    pub(crate) sealed: VecDeque<Sealed>,
    pub(crate) carriers: Carriers,
    pub(crate) released: SegmentId,
    pub(crate) spares: SparePool,
    pub(crate) pins: Pins,
    /// The number of the next batch.
    pub(crate) next: Lsn,
    /// Everything up to here is on disk.
    pub(crate) durable: Lsn,
    /// The roster of the batch written last, for the next header.
    pub(crate) prior: Roster,
    /// Since when something is written and not synced, and how much.
    pub(crate) unsynced: Option<(Mono, u64)>,
    /// Since when something is acknowledged and no header proves it.
    pub(crate) unmarked: Option<Mono>,
    /// Has anything changed that may let a segment go? Asking costs a look at
    /// every partition of the oldest one.
    pub(crate) release_due: bool,
    pub(crate) poisoned: bool,
    /// A header being made; kept for its memory.
    pub(crate) header: Vec<u8>,
}

impl Writer {
    /// Frames the appends and writes them: [`Writer::step_packets`] for one.
    pub fn step(&mut self, now: Mono, appends: &[Append], urgency: Urgency) -> Result<Synced, LogError> {
        let packet = Packet::encode(appends, self.config.limits.log_record_bytes_max)?;
        self.step_packets(now, &mut vec![packet], urgency)
    }

    /// Writes the packets as one batch and syncs as the policy says. When it
    /// returns, everything up to `durable` is on disk and may be acknowledged;
    /// with `sync = every`, everything up to `written` may be, as `os`. It takes
    /// the packets; when it fails for want of room it has written nothing and
    /// leaves them.
    pub fn step_packets(
        &mut self,
        now: Mono,
        packets: &mut Vec<Packet>,
        urgency: Urgency,
    ) -> Result<Synced, LogError> {
        self.check_poison()?;
        if packets.iter().all(|packet| packet.count() == 0) {
            return Ok(self.synced());
        }
        let own = Roster::of_all(packets.iter().map(Packet::roster));
        let body = packets.iter().map(Packet::bytes).sum();
        self.make_room(now, &own, body, urgency)?;
        self.write(now, BatchKind::Data, own, &packets.iter().collect::<Vec<_>>())?;
        let batch = Lsn(self.next.0 - 1);
        for packet in packets.drain(..) {
            self.release_due |= packet.changes_carriers();
            packet.note_in(&mut self.carriers, batch);
        }
        self.sync_as_promised(now)?;
        self.unmarked = Some(now);
        if self.config.mark == MarkPolicy::BeforeAck {
            self.mark(now)?;
        }
        Ok(self.synced())
    }

    /// How far the log has come.
    pub fn synced(&self) -> Synced {
        Synced { written: Lsn(self.next.0 - 1), durable: self.durable }
    }

    /// When a batch is acknowledged: after its sync, or before.
    pub fn sync_policy(&self) -> SyncPolicy {
        self.config.sync
    }

    /// The files it writes to: what a [`SpareJob`] is run on.
    pub fn files(&self) -> &dyn Files {
        &*self.files
    }

    /// Carrier states as of the last batch.
    pub fn carriers(&self) -> &Carriers {
        &self.carriers
    }

    /// When [`Writer::idle`] next has something to do.
    pub fn deadline(&self) -> Option<Mono> {
        let sync = match (self.config.sync, self.unsynced) {
            (SyncPolicy::Every(ms), Some((since, _))) => Some(since.plus_ms(ms)),
            (SyncPolicy::Each, Some((since, _))) => Some(since),
            (_, None) => None,
        };
        // What is not synced cannot be proven: the sync comes first.
        let mark = self.unmarked.filter(|_| self.unsynced.is_none());
        let mark = mark.map(|since| since.plus_ms(self.config.limits.log_mark_ms));
        sync.into_iter().chain(mark).min()
    }

    /// Syncs what is due and marks a log that has gone quiet. Returns how far
    /// the log has come, if it has come further.
    pub fn idle(&mut self, now: Mono) -> Result<Option<Synced>, LogError> {
        self.check_poison()?;
        let before = self.durable;
        let due = match (self.config.sync, self.unsynced) {
            (SyncPolicy::Every(ms), Some((since, _))) => now >= since.plus_ms(ms),
            (SyncPolicy::Each, Some(_)) => true,
            (_, None) => false,
        };
        if due {
            self.sync()?;
        }
        let quiet = self.unmarked.is_some_and(|since| now >= since.plus_ms(self.config.limits.log_mark_ms));
        if quiet && self.unsynced.is_none() {
            self.mark(now)?;
        }
        Ok((self.durable > before).then(|| self.synced()))
    }

    /// Syncs and marks whatever is written: the last thing before an orderly end.
    pub fn finish(&mut self, now: Mono) -> Result<Synced, LogError> {
        self.check_poison()?;
        if self.unsynced.is_some() {
            self.sync()?;
        }
        if self.unmarked.is_some() {
            self.mark(now)?;
        }
        Ok(self.synced())
    }

    /// A spare that should be laid out, on whatever thread; its result goes to
    /// [`Writer::spare_ready`].
    pub fn spare_wanted(&mut self, now: Mono) -> Option<SpareJob> {
        self.spares.wanted(now, self.config.limits.log_segment_bytes)
    }

    /// A laid-out spare, or word that it could not be had.
    pub fn spare_ready(&mut self, now: Mono, spare: Option<Spare>) {
        self.spares.came_back(now, spare);
    }

    fn check_poison(&self) -> Result<(), LogError> {
        if self.poisoned { Err(LogError::Poisoned) } else { Ok(()) }
    }

    /// Under `each`, now; under `every`, when it is time or too much has gathered.
    fn sync_as_promised(&mut self, now: Mono) -> Result<(), LogError> {
        if self.config.plants.has(Plant::AckBeforeSync) {
            // Planted: the batch counts as durable, and is synced in a while.
            self.durable = Lsn(self.next.0 - 1);
            return Ok(());
        }
        match self.config.sync {
            SyncPolicy::Each => self.sync(),
            SyncPolicy::Every(ms) => {
                // A log that is never idle has to keep its word here.
                let (since, bytes) = self.unsynced.unwrap_or((now, 0));
                let due = now >= since.plus_ms(ms) || bytes >= self.config.limits.log_unsynced_bytes_max;
                if due { self.sync() } else { Ok(()) }
            }
        }
    }

    /// Writes a header-only batch that proves the ones before it, and syncs it.
    /// On a disk so full that not even the reserve takes it, the log goes on
    /// unmarked.
    pub(crate) fn mark(&mut self, now: Mono) -> Result<(), LogError> {
        if self.unsynced.is_some() {
            self.sync()?;
        }
        match self.make_room(now, &Roster::default(), 0, Urgency::Urgent) {
            Err(LogError::Full { .. }) => {
                self.unmarked = None;
                return Ok(());
            }
            other => other?,
        }
        self.write(now, BatchKind::Mark, Roster::default(), &[])?;
        self.sync()?;
        self.unmarked = None;
        Ok(())
    }

    /// Rotates when a batch and the footer behind it would not fit.
    fn make_room(&mut self, now: Mono, own: &Roster, body: usize, urgency: Urgency) -> Result<(), LogError> {
        if urgency == Urgency::Normal {
            self.spares.check_reserve()?;
        }
        let batch = batch::extent(own, &self.prior, body);
        let footer = self.active.roster.footer_room(own.spans().len() + self.prior.spans().len());
        let crowded = self.active.roster.spans().len() + own.spans().len() > batch::SEGMENT_SPANS_MAX;
        let full = crowded || self.active.offset + batch + footer > self.active.capacity;
        let early = env::buggify!("log-rotates-early", 5) && self.active.offset > 2 * BLOCK_BYTES;
        if full || early { self.rotate(now, batch + footer, urgency) } else { Ok(()) }
    }

    /// Appends a batch to the active segment, unsynced.
    pub(crate) fn write(
        &mut self,
        now: Mono,
        kind: BatchKind,
        own: Roster,
        body: &[&Packet],
    ) -> Result<(), LogError> {
        let place =
            Place { identity: self.config.identity, segment: self.active.id, offset: self.active.offset };
        let draft = Draft { kind, lsn: self.next, durable_upto: self.durable, own: &own, prior: &self.prior };
        let padding = batch::encode_header(&place, &draft, body, &mut self.header);
        let parts: Vec<&[u8]> = [&self.header[..]]
            .into_iter()
            .chain(body.iter().flat_map(|packet| packet.parts()))
            .chain([padding])
            .collect();
        if let Err(source) = self.active.device.write_parts_at(place.offset, &parts) {
            self.poisoned = true;
            return Err(LogError::Failed { operation: "write", path: self.active.path.clone(), source });
        }
        let bytes = parts.iter().map(|part| part.len() as u64).sum::<u64>();
        self.active.offset += bytes;
        if kind != BatchKind::Footer {
            self.active.roster.merge(&own);
            self.prior = own;
        }
        let (since, gathered) = self.unsynced.unwrap_or((now, 0));
        self.unsynced = Some((since, gathered + bytes));
        self.next = self.next.next();
        Ok(())
    }

    /// One fdatasync for everything written. A failed one ends the log.
    pub(crate) fn sync(&mut self) -> Result<(), LogError> {
        let mut synced = self.active.device.sync();
        if synced.is_err() && self.config.plants.has(Plant::SyncRetried) {
            synced = self.active.device.sync();
        }
        if let Err(source) = synced {
            self.poisoned = true;
            return Err(LogError::Failed { operation: "sync", path: self.active.path.clone(), source });
        }
        self.durable = Lsn(self.next.0 - 1);
        self.unsynced = None;
        Ok(())
    }
}
