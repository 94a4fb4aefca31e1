//! The report: everything that is printed, in one shape. Its field names are
//! those of the JSON output, schema `v1`: fields are added, never changed.

use super::examine::Found;
use super::findings::{Finding, Level, findings, standings_of};
use super::holder::Holder;
use super::log::{Log, SegmentLine};
use super::standing::Standing;
use model::Index;
use serde::Serialize;
use statestore::inspect::Row;
use wal::roster::{ANYBODY, Roster};
use wal::{Condemned, Damage};

/// The JSON output's version.
pub(super) const SCHEMA: &str = "v1";

pub(super) struct Report {
    pub directory: Directory,
    pub log: Option<LogSummary>,
    pub segments: Vec<Segment>,
    pub stores: Vec<StoreRow>,
    pub damages: Vec<DamageRow>,
    pub partitions: Vec<PartitionRow>,
    pub findings: Vec<Finding>,
    pub verdict: Verdict,
}

/// What the directory says of itself.
#[derive(Serialize)]
pub(super) struct Directory {
    pub path: String,
    pub store_instances: Option<u8>,
    pub cluster: Option<String>,
    pub node: Option<u64>,
    pub disk: Option<String>,
    pub boot: Option<u64>,
    pub last_pid: Option<u32>,
    /// Null when the system does not tell.
    pub in_use: Option<bool>,
}

/// What a start would make of the log.
#[derive(Serialize)]
pub(super) struct LogSummary {
    pub proven_lsn: u64,
    pub released_segment: u64,
    pub kept_records: usize,
    pub torn: Option<Place>,
}

#[derive(Serialize)]
pub(super) struct Place {
    pub segment: u64,
    pub offset: u64,
}

#[derive(Serialize)]
pub(super) struct Segment {
    pub id: u64,
    pub file: String,
    pub bytes: u64,
    pub opened: bool,
    /// Where a start stops reading; null when nothing says so.
    pub end: Option<u64>,
    pub batch_count: u64,
    pub record_count: u64,
    pub first_lsn: Option<u64>,
    pub last_lsn: Option<u64>,
    pub partitions: Vec<Span>,
}

/// Indexes of one partition; `last` below `first` when there are none.
#[derive(Serialize)]
pub(super) struct Span {
    /// Null is "nobody can tell".
    pub partition: Option<u64>,
    pub first: Index,
    /// Null is "whatever came after".
    pub last: Option<Index>,
    pub promise: bool,
}

#[derive(Serialize)]
pub(super) struct StoreRow {
    pub partition: u64,
    pub store: &'static str,
    pub instance: Option<usize>,
    pub slot: String,
    pub applied: Index,
    pub flushed: Index,
    pub bytes: u64,
    pub keys: u64,
}

#[derive(Serialize)]
pub(super) struct DamageRow {
    pub segment: u64,
    pub offset: u64,
    pub lsn: u64,
    pub batches: u64,
    pub everybody: bool,
    pub condemned: Vec<Span>,
}

/// Where a partition stands.
#[derive(Serialize)]
pub(super) struct PartitionRow {
    pub partition: u64,
    pub applied: Index,
    pub reach: Index,
    pub damaged: bool,
    /// First and last index that `--accept-loss-after` takes.
    pub acceptable: Option<[Index; 2]>,
}

#[derive(Serialize)]
pub(super) struct Verdict {
    pub level: Level,
    pub pass: usize,
    pub warn: usize,
    pub fail: usize,
}

impl Report {
    pub fn of(found: &Found) -> Report {
        let standings = standings_of(found);
        let findings = findings(found, &standings);
        let survey = found.log.as_ref().and_then(|log| log.survey.as_ref().ok());
        Report {
            directory: Directory::of(found),
            log: found.log.as_ref().and_then(LogSummary::of),
            segments: found.log.iter().flat_map(|log| &log.segments).map(Segment::of).collect(),
            stores: found.stores.rows.iter().map(StoreRow::of).collect(),
            damages: survey.iter().flat_map(|s| wal::inspect::outstanding(s)).map(DamageRow::of).collect(),
            partitions: standings.iter().map(PartitionRow::of).collect(),
            verdict: Verdict::of(&findings),
            findings,
        }
    }
}

impl Directory {
    fn of(found: &Found) -> Directory {
        let identity = found.directory.identity.good();
        Directory {
            path: found.dir.display().to_string(),
            store_instances: found.directory.format.good().map(|format| format.stores.get()),
            cluster: identity.map(|identity| identity.cluster.to_string()),
            node: identity.map(|identity| identity.node.0),
            disk: identity.map(|identity| identity.disk.to_string()),
            boot: identity.map(|identity| identity.boot),
            last_pid: found.directory.last_pid,
            in_use: match found.holder {
                Holder::Nobody => Some(false),
                Holder::Process(_) => Some(true),
                Holder::Unknown(_) => None,
            },
        }
    }
}

impl LogSummary {
    fn of(log: &Log) -> Option<LogSummary> {
        let survey = log.survey.as_ref().ok()?;
        Some(LogSummary {
            proven_lsn: survey.proven.0,
            released_segment: survey.released.0,
            kept_records: survey.kept.len(),
            torn: survey.torn.map(|(segment, offset)| Place { segment: segment.0, offset }),
        })
    }
}

impl Segment {
    fn of(line: &SegmentLine) -> Segment {
        let file = line.path.file_name().unwrap_or_default();
        Segment {
            id: line.id.0,
            file: file.to_string_lossy().into_owned(),
            bytes: line.bytes,
            opened: line.opened,
            end: line.end,
            batch_count: line.batches,
            record_count: line.records,
            first_lsn: line.lsns.map(|(first, _)| first.0),
            last_lsn: line.lsns.map(|(_, last)| last.0),
            partitions: spans(&line.roster),
        }
    }
}

/// A roster's spans as rows.
pub(super) fn spans(roster: &Roster) -> Vec<Span> {
    let span = |span: &wal::roster::Span| Span {
        partition: (span.partition != ANYBODY).then_some(span.partition.0),
        first: span.first,
        last: Some(span.last),
        promise: span.promise,
    };
    roster.spans().iter().map(span).collect()
}

impl StoreRow {
    fn of(row: &Row) -> StoreRow {
        StoreRow {
            partition: row.partition.0,
            store: if row.instance.is_some() { "rocksdb" } else { "memory" },
            instance: row.instance,
            slot: row.slot.clone(),
            applied: row.applied,
            flushed: row.flushed,
            bytes: row.bytes,
            keys: row.keys,
        }
    }
}

impl DamageRow {
    fn of(damage: Damage) -> DamageRow {
        let span = |lost: &Condemned| Span {
            partition: (lost.partition != ANYBODY).then_some(lost.partition.0),
            first: lost.first,
            last: (lost.last < Index::MAX).then_some(lost.last),
            promise: lost.promise,
        };
        DamageRow {
            segment: damage.segment.0,
            offset: damage.offset,
            lsn: damage.lsn.0,
            batches: damage.batches,
            everybody: damage.everybody,
            condemned: damage.condemned.iter().map(span).collect(),
        }
    }
}

impl PartitionRow {
    fn of(standing: &Standing) -> PartitionRow {
        PartitionRow {
            partition: standing.partition.0,
            applied: standing.applied,
            reach: standing.reach,
            damaged: standing.is_damaged(),
            acceptable: standing.acceptable().map(|(first, last)| [first, last]),
        }
    }
}

impl Verdict {
    fn of(findings: &[Finding]) -> Verdict {
        let count = |level| findings.iter().filter(|finding| finding.level == level).count();
        Verdict {
            level: findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Pass),
            pass: count(Level::Pass),
            warn: count(Level::Warn),
            fail: count(Level::Fail),
        }
    }

    pub fn exit(&self) -> u8 {
        u8::from(self.fail > 0)
    }

    pub fn text(&self) -> String {
        let counts = format!("{} PASS, {} WARN, {} FAIL", self.pass, self.warn, self.fail);
        let word = match self.level {
            Level::Pass => "all is well",
            Level::Warn => "usable; see the warnings",
            Level::Fail => "not well; see what failed",
        };
        format!("verdict: {word} ({counts})")
    }
}
