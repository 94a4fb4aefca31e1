//! Looking at a log without opening it: every segment, batch and record as
//! plain rows, sound or not. For the offline doctor and for tests.

use crate::batch::BatchKind;
use crate::error::LogError;
use crate::frame;
use crate::place::{LogIdentity, Lsn, SegmentId};
use crate::roster::Roster;
use crate::segment::{Loaded, list};
use crate::walk::{Met, Walk};
use env::Files;
use model::{Epoch, Index, PartitionId, RecordKind, Stamp};
use std::path::{Path, PathBuf};

/// One segment file.
#[derive(Clone, Debug)]
pub struct SegmentRow {
    /// Its number.
    pub id: SegmentId,
    /// Its file.
    pub path: PathBuf,
    /// The file's size.
    pub bytes: u64,
    /// Does a sound opening stand at its start?
    pub opened: bool,
    /// What it holds, in order.
    pub batches: Vec<BatchRow>,
}

/// One batch, or bytes that should be one.
#[derive(Clone, Debug)]
pub struct BatchRow {
    /// Where it begins.
    pub offset: u64,
    /// Bytes on disk.
    pub extent: u64,
    /// Its number; for unsound bytes, the number that should stand here.
    pub lsn: Lsn,
    /// What it says was durable when it was written.
    pub durable_upto: Lsn,
    /// What it is for; `None` for unsound bytes.
    pub kind: Option<BatchKind>,
    /// Whose records are in it, as far as a sound header tells.
    pub own: Roster,
    /// Bytes of header and records, without padding.
    pub used: u64,
    /// Its records.
    pub records: Vec<RecordRow>,
}

/// One record, without its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordRow {
    /// Whose.
    pub partition: PartitionId,
    /// Who wrote it.
    pub epoch: Epoch,
    /// Its first index.
    pub first_index: Index,
    /// How many indexes it takes.
    pub count: u32,
    /// The partition clock.
    pub stamp: Stamp,
    /// What it is.
    pub kind: RecordKind,
    /// Bytes of payload.
    pub payload_bytes: usize,
}

/// Every segment of a log directory, by number. Changes nothing.
pub fn segments(files: &dyn Files, dir: &Path, identity: LogIdentity) -> Result<Vec<SegmentRow>, LogError> {
    let mut rows = Vec::new();
    for (id, bytes) in list(files, dir)?.segments {
        let loaded = Loaded::read(files, dir, identity, id, None)?;
        let opened = loaded.opening()?.is_some();
        let batches = batches(&loaded)?;
        rows.push(SegmentRow { id, path: loaded.path.clone(), bytes, opened, batches });
    }
    Ok(rows)
}

/// The batches of bytes that somebody has in memory, as if they were a segment.
/// Total: whatever the bytes are, it returns.
pub fn batches_of(
    identity: LogIdentity,
    segment: SegmentId,
    bytes: bytes::Bytes,
) -> Result<Vec<BatchRow>, LogError> {
    batches(&Loaded::from_bytes(identity, segment, bytes))
}

fn batches(segment: &Loaded) -> Result<Vec<BatchRow>, LogError> {
    let mut rows = Vec::new();
    for met in Walk::new(segment, None) {
        match met {
            Met::Batch { offset, header, body } => {
                let records = frame::decode_all(&body, header.records)
                    .map_err(|source| LogError::Unreadable { segment: segment.id, offset, source })?;
                rows.push(BatchRow {
                    offset,
                    extent: header.extent(),
                    lsn: header.lsn,
                    durable_upto: header.durable_upto,
                    kind: Some(header.kind),
                    used: u64::from(header.header_bytes) + u64::from(header.body_bytes),
                    own: header.own,
                    records: records.iter().map(row).collect(),
                });
            }
            Met::Bad { offset, end, .. } if is_blank(segment, offset) && end == segment.end() => {}
            Met::Bad { offset, end, lsn, header, .. } => rows.push(BatchRow {
                offset,
                extent: end - offset,
                lsn,
                durable_upto: header.as_ref().map(|header| header.durable_upto).unwrap_or_default(),
                kind: None,
                own: header.map(|header| header.own).unwrap_or_default(),
                used: end - offset,
                records: Vec::new(),
            }),
        }
    }
    Ok(rows)
}

/// The zeroes that wait behind the last batch are nothing to report.
fn is_blank(segment: &Loaded, offset: u64) -> bool {
    segment.from(offset).iter().all(|byte| *byte == 0)
}

fn row(record: &model::Record) -> RecordRow {
    RecordRow {
        partition: record.partition,
        epoch: record.epoch,
        first_index: record.first_index,
        count: record.count,
        stamp: record.stamp,
        kind: record.kind,
        payload_bytes: record.payload.len(),
    }
}
