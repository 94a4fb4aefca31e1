//! Reading the log back, batch by batch, from an LSN on.
//!
//! A reader sees what was complete when it was made; whoever follows the log
//! makes another one behind the last batch it saw. The segments that a reader
//! has not passed yet are pinned: they are neither unlinked nor reused.

use crate::batch::BatchKind;
use crate::error::LogError;
use crate::place::{LogIdentity, Lsn, SegmentId};
use crate::segment::Loaded;
use crate::survey::Accepted;
use crate::walk::{Met, Walk};
use crate::writer::Writer;
use crate::{frame, opening};
use env::Files;
use model::{PartitionId, Record};
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Which segments readers stand in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pins {
    by_reader: Arc<Mutex<BTreeMap<u64, SegmentId>>>,
}

impl Pins {
    /// The oldest segment that a reader needs.
    pub fn lowest(&self) -> Option<SegmentId> {
        self.by_reader.lock().unwrap_or_else(PoisonError::into_inner).values().min().copied()
    }

    fn hold(&self, segment: SegmentId) -> Pin {
        let mut pins = self.by_reader.lock().unwrap_or_else(PoisonError::into_inner);
        let reader = pins.last_key_value().map_or(0, |(last, _)| last + 1);
        pins.insert(reader, segment);
        Pin { pins: self.clone(), reader }
    }
}

/// One reader's hold.
struct Pin {
    pins: Pins,
    reader: u64,
}

impl Pin {
    fn move_to(&self, segment: SegmentId) {
        let mut pins = self.pins.by_reader.lock().unwrap_or_else(PoisonError::into_inner);
        pins.insert(self.reader, segment);
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.pins.by_reader.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.reader);
    }
}

/// A part of a segment that is to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    pub id: SegmentId,
    pub end: u64,
}

/// One batch's records, without the log's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadBatch {
    /// Its number.
    pub lsn: Lsn,
    /// Its bytes on disk.
    pub bytes: u64,
    /// Its records, in order.
    pub records: Vec<Record>,
}

/// Reads batches in order. Damaged ones are passed over: the survey has named
/// them and whom they concern.
pub struct Reader {
    files: Arc<dyn Files>,
    dir: PathBuf,
    identity: LogIdentity,
    stretches: VecDeque<Stretch>,
    from: Lsn,
    accepted: BTreeMap<PartitionId, Vec<Accepted>>,
    ready: VecDeque<ReadBatch>,
    pin: Option<Pin>,
}

impl Writer {
    /// Reads what is durable now, from a batch on.
    pub fn reader(&self, from: Lsn) -> Reader {
        let sealed = self.sealed.iter().filter(|sealed| sealed.last >= from);
        let sealed = sealed.map(|sealed| Stretch { id: sealed.id, end: sealed.end });
        // Under `every`, what is written and not synced may yet be lost.
        let active =
            Stretch { id: self.active.id, end: self.active.offset - self.unsynced.map_or(0, |(_, b)| b) };
        let stretches: VecDeque<Stretch> = sealed.chain([active]).collect();
        let first = stretches.front().map(|stretch| stretch.id);
        Reader {
            files: self.files.clone(),
            dir: self.config.dir.clone(),
            identity: self.config.identity,
            stretches,
            from,
            accepted: BTreeMap::new(),
            ready: VecDeque::new(),
            pin: first.map(|first| self.pins.hold(first)),
        }
    }
}

impl Reader {
    /// Leaves out what an operator has given up.
    pub(crate) fn without(mut self, accepted: BTreeMap<PartitionId, Vec<Accepted>>) -> Reader {
        self.accepted = accepted;
        self
    }

    /// The next batch with records in it; `None` at the end.
    pub fn next_batch(&mut self) -> Result<Option<ReadBatch>, LogError> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Some(batch));
            }
            let Some(stretch) = self.stretches.pop_front() else {
                self.pin = None;
                return Ok(None);
            };
            if let Some(pin) = &self.pin {
                pin.move_to(stretch.id);
            }
            self.read(stretch)?;
        }
    }

    fn read(&mut self, stretch: Stretch) -> Result<(), LogError> {
        let end = Some(stretch.end);
        let segment = Loaded::read(&*self.files, &self.dir, self.identity, stretch.id, end)?;
        for met in Walk::new(&segment, None) {
            let Met::Batch { offset, header, body } = met else { continue };
            if header.lsn < self.from {
                continue;
            }
            let records = frame::decode_all(&body, header.records)
                .map_err(|source| LogError::Unreadable { segment: stretch.id, offset, source })?;
            let records = match header.kind {
                BatchKind::Opening | BatchKind::Repeat => {
                    opening::take_apart(records).map(|o| o.kept).unwrap_or_default()
                }
                _ => records,
            };
            let records = self.sift(header.lsn, records);
            if !records.is_empty() {
                self.ready.push_back(ReadBatch { lsn: header.lsn, bytes: header.extent(), records });
            }
        }
        Ok(())
    }

    fn sift(&self, lsn: Lsn, records: Vec<Record>) -> Vec<Record> {
        let given_up = |ordinal: usize, record: &Record| {
            let mut all = self.accepted.get(&record.partition).into_iter().flatten();
            all.any(|one| (lsn, ordinal) < (one.lsn, one.ordinal) && record.last_index() > one.after)
        };
        let stays = |ordinal: usize, record: &Record| {
            record.partition != PartitionId::LOG && !given_up(ordinal, record)
        };
        let numbered = records.into_iter().enumerate();
        numbered.filter(|(ordinal, record)| stays(*ordinal, record)).map(|(_, record)| record).collect()
    }
}
