//! `import`: lines of rows, as `export` writes them or plainer, into a table.
#![allow(clippy::disallowed_methods, reason = "a file of the caller's own")]

use crate::encoding::{hex, shown};
use crate::exit;
use crate::failed::Failed;
use crate::lines::{self, Line};
use crate::progress::{Progress, ProgressArgs};
use crate::rows::RowsArgs;
use crate::server::{Output, ServerArgs};
use crate::sink::at;
use crate::stage::Stage;
use bytes::Bytes;
use clap::Args;
use client::{Load, Loading, Mark, Table};
use env::Clock;
use env::real::OsClock;
use model::keyspace::encode_data;
use model::{Key, code};
use proto::Failure;
use serde_json::Value;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::time::Duration;

pub(crate) const EXAMPLES: &str = "\
Examples:
  statehouse import --table visits --file visits.jsonl
  gunzip < pages.jsonl.gz | statehouse import --table visits --if-absent
  statehouse import --table visits --file visits.jsonl --resume-after page/17";

/// A line has a row of 1 MiB at most, and six letters for a byte in the worst case.
const LINE_BYTES_MAX: u64 = 8 << 20;
/// Lines between two looks at whether anything is to be said.
const LOOK_LINES: u64 = 256;

#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    /// The file; standard input unless given.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// Leave rows that are there already as they are.
    #[arg(long)]
    if_absent: bool,

    /// Begin behind this key of the file: where an import before has ended.
    #[arg(long, value_name = "KEY")]
    resume_after: Option<OsString>,

    #[command(flatten)]
    progress: ProgressArgs,

    #[command(flatten)]
    rows: RowsArgs,

    #[command(flatten)]
    pub server: ServerArgs,
}

/// An import under way.
struct Import {
    loading: Loading,
    load: Load,
    table: Table,
    resume_after: Option<Key>,
    /// Lines that were read, rows among them, and how many of these were passed over.
    line: u64,
    rows: u64,
    skipped: u64,
    /// Rows whose time was over.
    over: u64,
    clock: OsClock,
    shape: Shape,
}

/// What kind of lines these are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// No line has been read.
    Unknown,
    /// Rows, and nothing that says how many.
    Plain,
    /// An export, whose end is still to come.
    Open,
    /// One that is through.
    Ended,
}

pub(crate) async fn import(args: ImportArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let client = args.server.client()?;
    let resume_after = args.resume_after.map(|key| args.rows.key(key)).transpose()?;
    let resume_after = resume_after.map(Key::new).transpose().map_err(|error| {
        Failed::usage(format!("--resume-after: {error}"), "Give the key that the import before named.")
    })?;
    let table = args.rows.table(&client)?;
    let mut import = Import::new(table, args.if_absent, resume_after);
    let mut progress = Progress::new(args.progress, "loaded", stage);
    let input: Box<dyn Read + '_> = match &args.file {
        Some(path) => Box::new(File::open(path).map_err(|error| at(path, &error))?),
        None => Box::new(&mut *stage.input),
    };
    let ended = import.read(BufReader::new(input), &mut progress, stage.err).await;
    // What was taken is written, whatever came behind it.
    let settled = import.load.finish().await;
    progress.end(stage.err)?;
    let ended = match settled {
        // That a line makes no sense is not all: rows before it are not there.
        Err(error) if !is_of_the_load(&ended) => Err(error.into()),
        _ => ended,
    };
    import.told(&ended, args.server.output, stage)?;
    ended.map(|()| exit::OK)
}

impl Import {
    fn new(table: Table, if_absent: bool, resume_after: Option<Key>) -> Import {
        let loading = Loading { if_absent, ..Loading::default() };
        let load = table.load_with(loading);
        let (clock, shape) = (OsClock::new(), Shape::Unknown);
        Import { loading, load, table, resume_after, line: 0, rows: 0, skipped: 0, over: 0, clock, shape }
    }

    async fn read(
        &mut self,
        mut input: impl BufRead,
        progress: &mut Progress,
        err: &mut dyn Write,
    ) -> Result<(), Failed> {
        let mut line = Vec::new();
        loop {
            line.clear();
            if (&mut input).take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
                return self.over();
            }
            self.line += 1;
            if line.len() as u64 == LINE_BYTES_MAX {
                return Err(self.malformed(format!("it has more than {LINE_BYTES_MAX} bytes")));
            }
            let text = line.trim_ascii();
            if !text.is_empty() {
                let said = lines::parse(text).map_err(|why| self.malformed(why))?;
                self.take(said).await?;
            }
            if self.line.is_multiple_of(LOOK_LINES) {
                let Mark { key, rows, bytes, .. } = self.load.mark();
                let upto = key.as_ref().map_or_else(String::new, |key| format!(", up to {}", shown(key)));
                progress.tell(*rows, *bytes, &upto, err)?;
            }
        }
    }

    async fn take(&mut self, line: Line) -> Result<(), Failed> {
        match (line, self.shape) {
            (_, Shape::Ended) => Err(self.malformed("it stands behind the end of the export")),
            (Line::Header(order), Shape::Unknown) => {
                self.shape = Shape::Open;
                self.loading.order = order;
                self.load = self.table.load_with(self.loading);
                Ok(())
            }
            (Line::Header(_), _) => Err(self.malformed("another export begins here")),
            (Line::Moment, _) => Ok(()),
            (Line::Row { key, value, expires_ms }, shape) => {
                if shape == Shape::Unknown {
                    self.shape = Shape::Plain;
                }
                self.row(key, value, expires_ms).await
            }
            (Line::End(rows), Shape::Open) if rows == self.rows => {
                self.shape = Shape::Ended;
                Ok(())
            }
            (Line::End(rows), Shape::Open) => {
                let what = format!("the export had {rows} rows, {} have come", self.rows);
                Err(self.malformed(what))
            }
            (Line::End(_), _) => Err(self.malformed("an export ends here that did not begin")),
        }
    }

    async fn row(&mut self, key: Bytes, value: Bytes, expires_ms: Option<u64>) -> Result<(), Failed> {
        self.rows += 1;
        // Once one is behind it, all are; one that is not is out of order.
        if self.skipped + 1 == self.rows && self.is_loaded(&key) {
            self.skipped += 1;
            return Ok(());
        }
        let now_ms = self.clock.wall().0 / 1_000_000;
        let pushed = match expires_ms.map(|at| at.saturating_sub(now_ms)) {
            None => self.load.push(key, value).await,
            Some(0) => {
                self.over += 1;
                return Ok(());
            }
            Some(left) => self.load.push_for(key, value, Duration::from_millis(left)).await,
        };
        pushed.map_err(|error| {
            match [code::NOT_SORTED, code::KEY_INVALID].iter().any(|code| error.is(*code)) {
                true => self.at_line(code_of(&error), error.message()),
                false => error.into(),
            }
        })
    }

    /// Was this one loaded by an import before?
    fn is_loaded(&self, key: &Bytes) -> bool {
        let (Some(last), Ok(key)) = (&self.resume_after, Key::new(key.clone())) else { return false };
        encode_data(self.loading.order, &key) <= encode_data(self.loading.order, last)
    }

    /// No more lines come.
    fn over(&self) -> Result<(), Failed> {
        match self.shape {
            Shape::Open => {
                Err(self.malformed("the export ends here, and its last line is missing: it is cut"))
            }
            _ => Ok(()),
        }
    }

    fn malformed(&self, why: impl AsRef<str>) -> Failed {
        self.at_line(code::IMPORT_MALFORMED, why.as_ref())
    }

    fn at_line(&self, code: model::Code, what: &str) -> Failed {
        Failed::Server(Failure::new(code, format!("line {}: {what}", self.line)).into())
    }

    /// Says what is in the table, and how to go on.
    fn told(&self, ended: &Result<(), Failed>, output: Output, stage: &mut Stage<'_>) -> Result<(), Failed> {
        let Mark { key, rows, bytes, kept } = self.load.mark();
        // What is out of order may belong before the last key: behind it nobody may go on.
        let goes_on = !matches!(ended, Err(Failed::Server(error)) if error.is(code::NOT_SORTED));
        let upto = key.as_deref().or(self.resume_after.as_ref().map(Key::as_bytes)).filter(|_| goes_on);
        if output == Output::Json {
            let mut object = crate::json::object();
            for (name, count) in [
                ("rows", rows),
                ("bytes", bytes),
                ("kept", kept),
                ("skipped", &self.skipped),
                ("over", &self.over),
            ] {
                object.insert(name.to_owned(), (*count).into());
            }
            if let Some(upto) = upto {
                crate::json::bytes(&mut object, "upto", upto);
            }
            writeln!(stage.out, "{}", Value::from(object))?;
            return Ok(());
        }
        let mut words = format!("loaded: {rows} rows");
        let beside =
            [(*kept, "were there already"), (self.skipped, "passed over"), (self.over, "whose time is over")];
        for (count, what) in beside {
            if count > 0 {
                words += &format!(", {count} {what}");
            }
        }
        writeln!(stage.out, "{words}")?;
        if let (true, Some(upto)) = (ended.is_err(), upto) {
            writeln!(stage.err, "loaded up to {}; go on with {}", shown(upto), flag(upto))?;
        }
        Ok(())
    }
}

/// The option that goes on behind a key.
fn flag(key: &[u8]) -> String {
    match std::str::from_utf8(key) {
        Ok(text) if text.chars().all(|c| c.is_ascii_graphic() && c != '\'') => {
            format!("--encoding raw --resume-after='{text}'")
        }
        _ => format!("--encoding hex --resume-after={}", hex(key)),
    }
}

/// Has a row been refused? Then nothing comes of the load behind it.
fn is_of_the_load(ended: &Result<(), Failed>) -> bool {
    matches!(ended, Err(Failed::Server(error)) if !error.is(code::IMPORT_MALFORMED))
}

fn code_of(error: &client::Error) -> model::Code {
    if error.is(code::NOT_SORTED) { code::NOT_SORTED } else { code::KEY_INVALID }
}
