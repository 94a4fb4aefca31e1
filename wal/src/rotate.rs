//! Rotation: ending a segment with its footer and opening the next.
//!
//! The order is what makes it safe. The spare is taken first, so that a full
//! disk changes nothing. The footer is synced before the opening names the
//! segment's end; the opening and the directory are synced before any batch
//! follows, and the first that does repeats the opening. A crash in between
//! leaves the old segment, with or without its footer, and perhaps a file that
//! nobody opened.

use crate::batch::{self, BatchKind, Draft};
use crate::config::LogConfig;
use crate::error::LogError;
use crate::opening::{Opening, Predecessor};
use crate::packet::Packet;
use crate::place::{Lsn, Place, SegmentId, padded};
use crate::roster::Roster;
use crate::segment::path_of;
use crate::spare::{Spare, Urgency};
use crate::writer::{Active, Sealed, Writer};
use env::{Files, LogDevice, Mono, Plant};
use model::Record;
use std::io;
use std::path::PathBuf;

impl Writer {
    /// Ends the active segment and opens the next, with room for `room` bytes
    /// behind the opening.
    pub(crate) fn rotate(&mut self, now: Mono, room: u64, urgency: Urgency) -> Result<(), LogError> {
        let carried: Vec<Record> = self.carriers.records().collect();
        let opening_bytes = opening_extent(&carried, &self.active.roster);
        let bytes = self.config.limits.log_segment_bytes.max(padded(2 * opening_bytes + room));
        let spare = self.spares.take(&*self.files, bytes, urgency)?;
        if self.unsynced.is_some() {
            self.sync()?;
        }
        let footer = self.active.offset;
        let roster = self.active.roster.clone();
        self.write(now, BatchKind::Footer, roster.clone(), &[])?;
        self.sync()?;
        let predecessor =
            Predecessor { segment: self.active.id, end: self.active.offset, lsn: self.durable, footer };
        let next = SegmentId(self.active.id.0 + 1);
        let plan = OpeningPlan {
            id: next,
            lsn: self.next,
            durable: self.durable,
            released: self.released,
            predecessor,
            prior: &roster,
            carried,
            kept: &[],
        };
        let opened = open_segment(&*self.files, &self.config, spare, &plan);
        let opened = opened.inspect_err(|_| self.poisoned = true)?;
        let ended = std::mem::replace(&mut self.active, opened);
        self.seal(ended);
        self.prior = Roster::default();
        self.durable = self.next;
        self.next = self.next.next();
        self.repeat_opening(now, predecessor)
    }

    /// Writes the opening a second time, as a batch of its own.
    pub(crate) fn repeat_opening(&mut self, now: Mono, predecessor: Predecessor) -> Result<(), LogError> {
        let opening = Opening {
            identity: self.config.identity,
            capacity: self.active.capacity,
            predecessor,
            released: self.released,
        };
        let records: Vec<Record> = [opening.record()].into_iter().chain(self.carriers.records()).collect();
        let packet = Packet::of_records(records.iter());
        self.write(now, BatchKind::Repeat, Roster::default(), &[&packet])?;
        self.sync()
    }

    fn seal(&mut self, ended: Active) {
        let Active { id, path, capacity, roster, offset, .. } = ended;
        self.sealed.push_back(Sealed { id, path, bytes: capacity, end: offset, last: self.durable, roster });
        // Perhaps nobody needs it already: its records were purged meanwhile.
        self.release_due = true;
    }
}

/// What a new segment begins with.
pub(crate) struct OpeningPlan<'a> {
    pub id: SegmentId,
    /// The opening's own number.
    pub lsn: Lsn,
    /// Everything up to here is on disk.
    pub durable: Lsn,
    /// Segments up to here may be gone.
    pub released: SegmentId,
    pub predecessor: Predecessor,
    /// The roster of the segment before.
    pub prior: &'a Roster,
    /// Checkpoint records.
    pub carried: Vec<Record>,
    /// Records that recovery keeps.
    pub kept: &'a [Record],
}

/// Bytes that an opening with these records takes at most.
pub(crate) fn opening_extent<'a>(records: impl IntoIterator<Item = &'a Record>, prior: &Roster) -> u64 {
    let body: usize = records.into_iter().map(|r| crate::frame::bytes(r) + crate::roster::SPAN_BYTES).sum();
    batch::extent(&Roster::default(), prior, body + 256)
}

/// Gives a spare its name, writes its opening, and makes both durable.
pub(crate) fn open_segment(
    files: &dyn Files,
    config: &LogConfig,
    spare: Spare,
    plan: &OpeningPlan<'_>,
) -> Result<Active, LogError> {
    let path: PathBuf = path_of(&config.dir, plan.id);
    files.rename(&spare.path, &path).map_err(LogError::io("rename", &spare.path))?;
    let device = files.open(&path).map_err(LogError::io("open", &path))?;
    let failed = |operation| {
        let path = path.clone();
        move |source| LogError::Failed { operation, path, source }
    };
    let offset = plan.write(&*device, config, spare.bytes).map_err(failed("write"))?;
    device.sync().map_err(failed("sync"))?;
    if !config.plants.has(Plant::DirectoryNotSynced) {
        files.sync_dir(&config.dir).map_err(failed("sync the directory of"))?;
    }
    let roster = Roster::of(plan.kept);
    Ok(Active { id: plan.id, path, device, offset, capacity: spare.bytes, roster })
}

impl OpeningPlan<'_> {
    /// Writes the opening batch; returns where the next one goes.
    fn write(&self, device: &dyn LogDevice, config: &LogConfig, capacity: u64) -> io::Result<u64> {
        let (identity, own) = (config.identity, Roster::of(self.kept));
        let opening =
            Opening { identity, capacity, predecessor: self.predecessor, released: self.released }.record();
        let draft = Draft {
            kind: BatchKind::Opening,
            lsn: self.lsn,
            durable_upto: self.durable,
            own: &own,
            prior: self.prior,
        };
        let place = Place { identity, segment: self.id, offset: 0 };
        let packet = Packet::of_records([&opening].into_iter().chain(&self.carried).chain(self.kept));
        let mut header = Vec::new();
        let padding = batch::encode_header(&place, &draft, &[&packet], &mut header);
        let parts: Vec<&[u8]> = [&header[..]].into_iter().chain(packet.parts()).chain([padding]).collect();
        device.write_parts_at(0, &parts)?;
        Ok(parts.iter().map(|part| part.len() as u64).sum())
    }
}
