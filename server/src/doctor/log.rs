//! What the log of a data directory holds.
//!
//! Segments are read one after the other: of those behind, only a line is kept.

use super::climb::Climb;
use super::examine::Found;
use crate::failure::Failure;
use env::{Files, Plants};
use model::{Index, PartitionId};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use wal::batch::BatchKind;
use wal::inspect::{BatchRow, SegmentRow, listed, segment};
use wal::roster::Roster;
use wal::survey::{Survey, survey};
use wal::{LogError, LogIdentity, Lsn, SegmentId};

/// The log, less its batches.
pub(super) struct Log {
    pub identity: LogIdentity,
    pub survey: Result<Survey, LogError>,
    pub segments: Vec<SegmentLine>,
    /// Segments that could not be read at all.
    pub unreadable: Vec<Failure>,
    /// How far it carries each partition that a store holds.
    pub climbs: BTreeMap<PartitionId, Climb>,
}

/// One segment, less its batches.
pub(super) struct SegmentLine {
    pub id: SegmentId,
    pub path: PathBuf,
    pub bytes: u64,
    pub opened: bool,
    /// Where a start stops reading it; unknown for some damaged ones.
    pub end: Option<u64>,
    pub batches: u64,
    pub records: u64,
    /// First and last sound batch.
    pub lsns: Option<(Lsn, Lsn)>,
    /// Whose records can be read.
    pub roster: Roster,
}

/// Fails only when the log's names cannot be listed.
pub(super) fn read_log(
    files: &dyn Files,
    dir: &Path,
    identity: LogIdentity,
    held: &BTreeMap<PartitionId, Index>,
    cut: Option<(PartitionId, Index)>,
) -> Result<Log, LogError> {
    let cut_of = |partition| cut.filter(|(whose, _)| *whose == partition).map(|(_, index)| index);
    let climbs =
        held.iter().map(|(partition, applied)| (*partition, Climb::from(*applied, cut_of(*partition))));
    let mut log = Log {
        identity,
        survey: survey(files, dir, identity, Plants::NONE),
        segments: Vec::new(),
        unreadable: Vec::new(),
        climbs: climbs.collect(),
    };
    let mut waiting: Option<SegmentRow> = None;
    for (id, _) in listed(files, dir)? {
        match segment(files, dir, identity, id) {
            Ok(row) => {
                if let Some(before) = waiting.replace(row) {
                    let end = waiting.as_ref().and_then(|row| end_of(before.id, row.before?));
                    log.take(before, end);
                }
            }
            Err(error) => log.unreadable.push(error.into()),
        }
    }
    if let Some(newest) = waiting {
        let end = torn_at(&newest, log.survey.as_ref().map_or(Lsn(0), |survey| survey.proven));
        log.take(newest, end);
    }
    Ok(log)
}

/// Where a segment ends by the word of the opening that follows it. One that
/// this opening passes over was given up, whole, by a recovery.
fn end_of(id: SegmentId, before: (SegmentId, u64)) -> Option<u64> {
    match before {
        (named, end) if named == id => Some(end).filter(|end| *end > 0),
        (named, _) if named < id => Some(0),
        _ => None,
    }
}

/// Where the newest segment holds bytes that were never acknowledged: a start
/// drops them, and whatever stands behind.
fn torn_at(newest: &SegmentRow, proven: Lsn) -> Option<u64> {
    let claims = newest.batches.iter().map(|batch| batch.durable_upto);
    let proven = claims.max().unwrap_or_default().max(proven);
    newest.batches.iter().find(|batch| batch.kind.is_none() && batch.lsn > proven).map(|batch| batch.offset)
}

impl Log {
    fn take(&mut self, row: SegmentRow, end: Option<u64>) {
        let mut line = SegmentLine {
            id: row.id,
            path: row.path,
            bytes: row.bytes,
            opened: row.opened,
            end,
            batches: 0,
            records: 0,
            lsns: None,
            roster: Roster::default(),
        };
        let valid = row.batches.iter().filter(|batch| end.is_none_or(|end| batch.offset < end));
        for batch in valid.filter(|batch| batch.kind.is_some()) {
            line.take(batch);
            for record in &batch.records {
                if let Some(climb) = self.climbs.get_mut(&record.partition) {
                    climb.take(record);
                }
            }
        }
        self.segments.push(line);
    }

    /// The last index that the log has had, by partition.
    pub fn last(&self) -> BTreeMap<PartitionId, Index> {
        let mut last = BTreeMap::new();
        let mut raise = |partition, index: Index| {
            let known: &mut Index = last.entry(partition).or_default();
            *known = index.max(*known);
        };
        if let Ok(survey) = &self.survey {
            survey.carriers.iter().for_each(|(partition, carrier)| raise(partition, carrier.purged));
            let spans = survey.segments.iter().flat_map(|segment| segment.roster.spans());
            spans.filter(|span| span.is_indexed()).for_each(|span| raise(span.partition, span.last));
        }
        let spans = self.segments.iter().flat_map(|segment| segment.roster.spans());
        spans.filter(|span| span.is_indexed()).for_each(|span| raise(span.partition, span.last));
        last
    }

    /// Partitions that have records here and that nobody told the log to forget.
    pub fn partitions(&self) -> BTreeSet<PartitionId> {
        let spans = self.segments.iter().flat_map(|segment| segment.roster.spans());
        let named = spans.map(|span| span.partition);
        match &self.survey {
            Ok(survey) => named.filter(|partition| survey.carriers.get(*partition).is_some()).collect(),
            Err(_) => named.collect(),
        }
    }
}

impl SegmentLine {
    fn take(&mut self, batch: &BatchRow) {
        self.batches += 1;
        self.records += batch.records.len() as u64;
        let first = self.lsns.map_or(batch.lsn, |(first, _)| first);
        self.lsns = Some((first, batch.lsn));
        if batch.kind != Some(BatchKind::Footer) {
            self.roster.merge(&batch.own);
        }
    }
}

/// Reads the batches of a segment once more, for whoever prints them.
pub(super) struct Batches<'a> {
    files: &'a dyn Files,
    log: Option<(PathBuf, LogIdentity)>,
}

impl<'a> Batches<'a> {
    pub fn of(files: &'a dyn Files, found: &Found) -> Batches<'a> {
        let log = found.log.as_ref().map(|log| (found.log_dir(), log.identity));
        Batches { files, log }
    }

    /// None when the segment cannot be read any more.
    pub fn in_segment(&self, id: u64) -> Option<Vec<BatchRow>> {
        let (dir, identity) = self.log.as_ref()?;
        Some(segment(self.files, dir, *identity, SegmentId(id)).ok()?.batches)
    }
}
