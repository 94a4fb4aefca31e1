//! The report as one JSON object. Batches are read while they are printed, one
//! segment at a time.

use super::findings::Finding;
use super::log::Batches;
use super::report::{
    DamageRow, Directory, LogSummary, PartitionRow, Report, SCHEMA, Segment, Span, StoreRow, Verdict, spans,
};
use model::Index;
use serde::{Serialize, Serializer};
use std::io::{self, Write};
use wal::inspect::{BatchRow, RecordRow};

#[derive(Serialize)]
struct Object<'a> {
    schema: &'static str,
    directory: &'a Directory,
    log: &'a Option<LogSummary>,
    segments: Segments<'a>,
    stores: &'a [StoreRow],
    damages: &'a [DamageRow],
    partitions: &'a [PartitionRow],
    findings: &'a [Finding],
    verdict: &'a Verdict,
}

struct Segments<'a> {
    segments: &'a [Segment],
    batches: &'a Batches<'a>,
}

#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    segment: &'a Segment,
    /// Null when the segment could not be read a second time.
    batches: Option<Vec<Batch>>,
}

#[derive(Serialize)]
struct Batch {
    offset: u64,
    extent: u64,
    lsn: u64,
    durable_upto: u64,
    /// Null for bytes that are no sound batch.
    kind: Option<String>,
    partitions: Vec<Span>,
    records: Vec<RecordOut>,
}

#[derive(Serialize)]
struct RecordOut {
    partition: u64,
    generation: u64,
    term: u64,
    first_index: Index,
    count: u32,
    stamp: u64,
    kind: String,
    payload_bytes: usize,
    names: Option<Index>,
}

impl Serialize for Segments<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.segments.iter().map(|segment| Whole {
            segment,
            batches: self.batches.in_segment(segment.id).map(|rows| rows.iter().map(batch).collect()),
        }))
    }
}

fn batch(row: &BatchRow) -> Batch {
    Batch {
        offset: row.offset,
        extent: row.extent,
        lsn: row.lsn.0,
        durable_upto: row.durable_upto.0,
        kind: row.kind.map(|kind| format!("{kind:?}").to_lowercase()),
        partitions: spans(&row.own),
        records: row.records.iter().map(record).collect(),
    }
}

fn record(row: &RecordRow) -> RecordOut {
    RecordOut {
        partition: row.partition.0,
        generation: row.epoch.generation,
        term: row.epoch.term,
        first_index: row.first_index,
        count: row.count,
        stamp: row.stamp.0,
        kind: row.kind.to_string(),
        payload_bytes: row.payload_bytes,
        names: row.names,
    }
}

/// Prints the object and a newline.
pub(super) fn print(report: &Report, batches: &Batches<'_>, out: &mut dyn Write) -> io::Result<()> {
    let object = Object {
        schema: SCHEMA,
        directory: &report.directory,
        log: &report.log,
        segments: Segments { segments: &report.segments, batches },
        stores: &report.stores,
        damages: &report.damages,
        partitions: &report.partitions,
        findings: &report.findings,
        verdict: &report.verdict,
    };
    serde_json::to_writer_pretty(&mut *out, &object)?;
    writeln!(out)
}
