//! Looking at a log without opening it: every segment, batch and record as
//! plain rows, sound or not. For the offline doctor and for tests.

use crate::batch::BatchKind;
use crate::carrier;
use crate::damage::Damage;
use crate::error::LogError;
use crate::frame;
use crate::place::{LogIdentity, Lsn, SegmentId};
use crate::recover;
use crate::roster::Roster;
use crate::segment::{Loaded, list};
use crate::survey::Survey;
use crate::walk::{Met, Walk};
use env::Files;
use model::{ClusterId, DiskId, Epoch, Index, PartitionId, RecordKind, Stamp};
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
    /// Which segment its opening continues, and where that one ends.
    pub before: Option<(SegmentId, u64)>,
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
    /// The index that the payload of a `Purge`, `Gap` or `AcceptLoss` names.
    pub names: Option<Index>,
}

/// Every segment of a log directory, by number. Changes nothing.
pub fn segments(files: &dyn Files, dir: &Path, identity: LogIdentity) -> Result<Vec<SegmentRow>, LogError> {
    let listed = list(files, dir)?.segments;
    listed.into_iter().map(|(id, _)| segment(files, dir, identity, id)).collect()
}

/// The segments that a log directory has, with their files' sizes, so that a
/// caller can look at a long log one [`segment`] after the other.
pub fn listed(files: &dyn Files, dir: &Path) -> Result<Vec<(SegmentId, u64)>, LogError> {
    Ok(list(files, dir)?.segments)
}

/// One segment.
pub fn segment(
    files: &dyn Files,
    dir: &Path,
    identity: LogIdentity,
    id: SegmentId,
) -> Result<SegmentRow, LogError> {
    let loaded = Loaded::read(files, dir, identity, id, None)?;
    let opening = loaded.opening()?.map(|opened| opened.opening);
    let before = opening.map(|opening| (opening.predecessor.segment, opening.predecessor.end));
    let (path, bytes) = (loaded.path.clone(), loaded.end());
    Ok(SegmentRow { id, path, bytes, opened: opening.is_some(), before, batches: batches(&loaded)? })
}

/// Whose log lies in a directory, by the word of its newest sound opening: for
/// whoever has lost the file that says so.
pub fn owner(files: &dyn Files, dir: &Path) -> Result<Option<LogIdentity>, LogError> {
    let nobody = LogIdentity { cluster: ClusterId(0), disk: DiskId(0) };
    for (id, _) in list(files, dir)?.segments.into_iter().rev() {
        match Loaded::read_opening(files, dir, nobody, id)?.opening() {
            // To nobody, everybody's log is foreign; the checksums prove whose.
            Err(LogError::Foreign { found, .. }) => return Ok(Some(found)),
            Ok(_) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// The damage that a survey found and that nobody has given up yet.
pub fn outstanding(survey: &Survey) -> Vec<Damage> {
    recover::outstanding(&survey.damages, &survey.accepted)
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
        names: match record.kind {
            RecordKind::Purge | RecordKind::Gap | RecordKind::AcceptLoss => carrier::index(&record.payload),
            _ => None,
        },
    }
}
