//! The report as text.

use super::findings::{Finding, Level};
use super::log::Batches;
use super::report::{Directory, Report, Segment, Span, spans};
use cli::Columns;
use std::fmt::Display;
use std::io::{self, Write};
use wal::inspect::{BatchRow, RecordRow};

/// Partitions that one cell of a table names.
const NAMED_MAX: usize = 3;
/// Records that one table takes: a segment may hold a million.
const ROWS_MAX: usize = 10_000;

/// Prints the report; with `batches`, every batch and record too.
pub(super) fn print(report: &Report, batches: Option<&Batches<'_>>, out: &mut dyn Write) -> io::Result<()> {
    directory(&report.directory, out)?;
    segments(&report.segments, out)?;
    if let Some(batches) = batches {
        for segment in &report.segments {
            details(segment, batches, out)?;
        }
    }
    stores(report, out)?;
    writeln!(out, "\nfindings")?;
    report.findings.iter().try_for_each(|found| finding(found, out))?;
    writeln!(out, "\n{}", report.verdict.text())
}

fn directory(directory: &Directory, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "directory {}", directory.path)?;
    writeln!(out, "  cluster          {}", or_unknown(directory.cluster.as_ref()))?;
    writeln!(out, "  node             {}", or_unknown(directory.node))?;
    writeln!(out, "  disk             {}", or_unknown(directory.disk.as_ref()))?;
    writeln!(out, "  boot             {}", or_unknown(directory.boot))?;
    writeln!(out, "  store instances  {}", or_unknown(directory.store_instances))?;
    match (directory.last_pid, directory.in_use) {
        (None, _) => Ok(()),
        (Some(pid), Some(true)) => writeln!(out, "  open in          process {pid}"),
        (Some(pid), _) => writeln!(out, "  last opened by   process {pid}"),
    }
}

fn or_unknown(value: Option<impl Display>) -> String {
    value.map_or_else(|| "unknown".to_owned(), |value| value.to_string())
}

fn or_dash(value: Option<impl Display>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn segments(segments: &[Segment], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nsegments")?;
    if segments.is_empty() {
        return writeln!(out, "  none");
    }
    let mut table =
        Columns::new(["ID", "FILE", "BYTES", "OPENED", "BATCHES", "RECORDS", "LSN", "PARTITION: INDEXES"]);
    for segment in segments {
        let lsns = segment.first_lsn.zip(segment.last_lsn);
        table.row([
            segment.id.to_string(),
            segment.file.clone(),
            segment.bytes.to_string(),
            if segment.opened { "yes" } else { "no" }.to_owned(),
            segment.batch_count.to_string(),
            segment.record_count.to_string(),
            or_dash(lsns.map(|(first, last)| format!("{first}-{last}"))),
            roster(&segment.partitions),
        ]);
    }
    table.print("  ", out)
}

fn roster(spans: &[Span]) -> String {
    let mut named: Vec<String> = spans.iter().take(NAMED_MAX).map(span).collect();
    if spans.len() > NAMED_MAX {
        named.push(format!("{} more", spans.len() - NAMED_MAX));
    }
    if named.is_empty() { "-".to_owned() } else { named.join(", ") }
}

fn span(span: &Span) -> String {
    let partition = span.partition.map_or_else(|| "anybody".to_owned(), |partition| partition.to_string());
    let indexes = match span.last {
        Some(last) if last < span.first => "none".to_owned(),
        Some(last) => format!("{}-{last}", span.first),
        None => format!("{}-", span.first),
    };
    format!("{partition}: {indexes}{}", if span.promise { " and promises" } else { "" })
}

fn details(segment: &Segment, batches: &Batches<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nsegment {}", segment.id)?;
    let Some(rows) = batches.in_segment(segment.id) else {
        return writeln!(out, "  it cannot be read any more");
    };
    let mut table =
        Columns::new(["OFFSET", "EXTENT", "LSN", "DURABLE", "KIND", "RECORDS", "PARTITION: INDEXES"]);
    for row in &rows {
        table.row([
            row.offset.to_string(),
            row.extent.to_string(),
            row.lsn.to_string(),
            row.durable_upto.to_string(),
            kind(row, segment.end),
            row.records.len().to_string(),
            roster(&spans(&row.own)),
        ]);
    }
    table.print("  ", out)?;
    records(&rows, out)
}

fn kind(row: &BatchRow, end: Option<u64>) -> String {
    let kind = row.kind.map_or_else(|| "unreadable".to_owned(), |kind| format!("{kind:?}").to_lowercase());
    if end.is_some_and(|end| row.offset >= end) { format!("{kind}, void") } else { kind }
}

fn records(rows: &[BatchRow], out: &mut dyn Write) -> io::Result<()> {
    let all = rows.iter().flat_map(|row| row.records.iter().map(move |record| cells(row, record)));
    let mut all = all.peekable();
    while all.peek().is_some() {
        let heading = ["LSN", "PARTITION", "EPOCH", "INDEX", "COUNT", "STAMP", "KIND", "PAYLOAD"];
        let mut table = Columns::new(heading);
        all.by_ref().take(ROWS_MAX).for_each(|cells| table.row(cells));
        writeln!(out)?;
        table.print("  ", out)?;
    }
    Ok(())
}

fn cells(row: &BatchRow, record: &RecordRow) -> [String; 8] {
    [
        row.lsn.to_string(),
        record.partition.to_string(),
        record.epoch.to_string(),
        record.first_index.to_string(),
        record.count.to_string(),
        record.stamp.0.to_string(),
        record.names.map_or_else(|| record.kind.to_string(), |index| format!("{} {index}", record.kind)),
        format!("{} bytes", record.payload_bytes),
    ]
}

fn stores(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nstores")?;
    if report.stores.is_empty() {
        return writeln!(out, "  none");
    }
    let mut table =
        Columns::new(["PARTITION", "STORE", "INSTANCE", "SLOT", "APPLIED", "FLUSHED", "LOG REACHES"]);
    for row in &report.stores {
        let standing = report.partitions.iter().find(|standing| standing.partition == row.partition);
        table.row([
            row.partition.to_string(),
            row.store.to_owned(),
            or_dash(row.instance),
            row.slot.clone(),
            row.applied.to_string(),
            row.flushed.to_string(),
            or_dash(standing.map(|standing| standing.reach)),
        ]);
    }
    table.print("  ", out)
}

fn finding(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let code = finding.code.as_ref().map(|code| format!(" {code}")).unwrap_or_default();
    writeln!(out, "  {}{code} {}: {}", finding.level.name(), finding.name, finding.what)?;
    writeln!(out, "       safe: {}", finding.safe)?;
    match finding.level {
        Level::Pass => Ok(()),
        Level::Warn | Level::Fail => writeln!(out, "       next: {}", finding.next),
    }
}
