//! `rm` of a range of rows.

use crate::encoding::shown;
use crate::exit;
use crate::failed::Failed;
use crate::progress::{Progress, ProgressArgs};
use crate::rows::RowsArgs;
use crate::server::{Output, ServerArgs};
use crate::stage::Stage;
use bytes::Bytes;
use clap::Args;
use client::Scope;
use serde_json::json;
use std::ffi::OsString;
use std::io;

/// A range instead of keys.
#[derive(Args, Debug)]
pub(crate) struct ClearArgs {
    /// All rows whose keys begin so.
    #[arg(long, value_name = "KEY", conflicts_with_all = ["keys", "start", "end", "all"])]
    prefix: Option<OsString>,

    /// All rows from this key on.
    #[arg(long, visible_alias = "from", value_name = "KEY", conflicts_with_all = ["keys", "all"])]
    start: Option<OsString>,

    /// All rows before this key.
    #[arg(long, visible_alias = "to", value_name = "KEY", conflicts_with_all = ["keys", "all"])]
    end: Option<OsString>,

    /// All rows of the table.
    #[arg(long, conflicts_with = "keys")]
    all: bool,

    /// Do not ask whether that is meant.
    #[arg(long)]
    yes: bool,

    #[command(flatten)]
    progress: ProgressArgs,
}

/// A range of rows: which, and in words.
pub(crate) struct Cleared {
    scope: Scope,
    words: String,
}

impl ClearArgs {
    /// What is to be removed; none if keys are.
    pub fn range(&mut self, rows: &RowsArgs) -> Result<Option<Cleared>, Failed> {
        let table = &rows.table;
        if self.all {
            return Ok(Some(Cleared { scope: Scope::all(), words: format!("all rows of table {table}") }));
        }
        if let Some(prefix) = self.prefix.take() {
            let prefix = rows.key(prefix)?;
            if prefix.is_empty() {
                return Err(everything("--prefix"));
            }
            let words = format!("all rows of table {table} whose keys begin with {}", shown(&prefix));
            return Ok(Some(Cleared { scope: Scope::prefix(prefix), words }));
        }
        if self.start.is_none() && self.end.is_none() {
            return Ok(None);
        }
        let key = |key: Option<OsString>| key.map_or(Ok(Bytes::new()), |key| rows.key(key));
        let (start, end) = (key(self.start.take())?, key(self.end.take())?);
        if start.is_empty() && end.is_empty() {
            return Err(everything("a range"));
        }
        let mut words = format!("all rows of table {table}");
        if !start.is_empty() {
            words += &format!(" from {} on", shown(&start));
        }
        if !end.is_empty() {
            words += &format!(" before {}", shown(&end));
        }
        Ok(Some(Cleared { scope: Scope::range(start, end), words }))
    }
}

/// Perhaps a variable of a script has no value.
fn everything(what: &str) -> Failed {
    Failed::usage(format!("{what} that names no key is everything"), "If that is meant, say --all.")
}

/// Removes the range, if that is meant.
pub(crate) async fn clear(
    Cleared { scope, words }: Cleared,
    args: &ClearArgs,
    rows: &RowsArgs,
    server: &ServerArgs,
    stage: &mut Stage<'_>,
) -> Result<u8, Failed> {
    let client = server.client()?;
    if !args.yes && !is_meant(&words, stage)? {
        writeln!(stage.err, "nothing was removed")?;
        return Ok(exit::NO);
    }
    let mut removal = rows.table(&client)?.remove_range(scope);
    let mut progress = Progress::new(args.progress, "removed", stage);
    let mut ended = Ok(exit::OK);
    while let Some(step) = removal.step().await {
        progress.tell(removal.removed(), 0, "", stage.err)?;
        ended = step.map(|_| exit::OK).map_err(Failed::from);
    }
    progress.end(stage.err)?;
    // What has gone is gone, however it ended.
    let removed = removal.removed();
    match server.output {
        _ if ended.is_err() && removed == 0 => {}
        Output::Json => writeln!(stage.out, "{}", json!({ "removed": removed }))?,
        _ => writeln!(stage.out, "removed: {removed} rows")?,
    }
    ended
}

/// Asks whoever sits in front of it.
fn is_meant(words: &str, stage: &mut Stage<'_>) -> Result<bool, Failed> {
    if !stage.terminal {
        let message = format!("{words} are to go, and nobody can be asked whether that is meant");
        return Err(Failed::usage(message, "Say so with --yes."));
    }
    write!(stage.err, "remove {words}? [y/N] ")?;
    stage.err.flush()?;
    let answer = line(stage.input)?;
    Ok(matches!(answer.trim_ascii(), b"y" | b"Y" | b"yes"))
}

/// A line, or what there is of one.
fn line(input: &mut dyn io::Read) -> io::Result<Vec<u8>> {
    let (mut line, mut byte) = (Vec::new(), [0]);
    while line.len() < 16 && input.read(&mut byte)? == 1 && byte != *b"\n" {
        line.extend(byte);
    }
    Ok(line)
}
