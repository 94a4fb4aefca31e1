//! The doctor: what a data directory holds, what is wrong with it, what to do.
//!
//! It is: an offline reader. It changes nothing, not even the lock, unless it
//! is asked to repair; then it adds one record to the log and deletes nothing.
//! It is not: a second opinion on the formats. What a batch, a row or a damage
//! is, `wal` and `statestore` say; here it is only put together.
//!
//! ```text
//! examine ─► Found ─► standing ─► findings ─► report ─► text | json
//! (reads)              (pure)      (pure)     (rows)      (prints)
//!                         └─► sacrifice ─► repair (writes one record)
//! ```

mod climb;
mod examine;
mod findings;
mod holder;
mod json;
mod log;
mod repair;
mod report;
mod sacrifice;
mod standing;
mod stores;
mod text;

use crate::failure::Failure;
use env::Files;
use env::real::OsFiles;
use model::{Index, PartitionId};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A summary.
    Table,
    /// The summary with every batch and record.
    Wide,
    /// One object with everything.
    Json,
}

/// What the doctor is asked.
#[derive(Clone, Debug)]
pub struct Options {
    /// The data directory.
    pub dir: PathBuf,
    /// How to print.
    pub format: Format,
    /// Whose tail to give up, and the last index that stays.
    pub repair: Option<(PartitionId, Index)>,
    /// Do not ask.
    pub yes: bool,
}

/// Does what is asked; returns the exit code.
pub fn run(options: &Options) -> u8 {
    let mut out = BufWriter::new(io::stdout().lock());
    let done = match options.repair {
        None => show(&OsFiles, options, &mut out),
        Some((partition, after)) => repair::run(options, partition, after, &mut out),
    };
    // A reader that has seen enough (`| head`) is no failure of ours.
    let _ = out.flush();
    done.unwrap_or_else(|failure| {
        let _ = writeln!(io::stderr(), "{failure}");
        failure.exit()
    })
}

fn show(files: &dyn Files, options: &Options, out: &mut dyn Write) -> Result<u8, Failure> {
    let found = examine::examine(files, &options.dir, None)?;
    let report = report::Report::of(&found);
    let batches = log::Batches::of(files, &found);
    let printed = match options.format {
        Format::Json => json::print(&report, &batches, out),
        Format::Table => text::print(&report, None, out),
        Format::Wide => text::print(&report, Some(&batches), out),
    };
    // What fails here is the reader of our output, as above.
    let _ = printed;
    Ok(report.verdict.exit())
}
