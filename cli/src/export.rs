//! `export`: rows as lines of JSON, with what is needed to know that they are all.

use crate::exit;
use crate::failed::Failed;
use crate::keys::KeysArgs;
use crate::lines;
use crate::progress::{Progress, ProgressArgs};
use crate::rows::RowsArgs;
use crate::server::{Output, ServerArgs};
use crate::sink::Sink;
use crate::stage::Stage;
use crate::tables::find;
use clap::Args;
use client::{Page, Receipt};
use proto::control::Table;
use serde_json::json;
use std::io::{self, Write};
use std::path::PathBuf;

pub(crate) const EXAMPLES: &str = "\
Examples:
  statehouse export --table visits --file visits.jsonl
  statehouse export --table visits --prefix page/ | gzip > pages.jsonl.gz";

#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    keys: KeysArgs,

    /// How the table lays out its keys. Then its control address is not asked, which is
    /// where a server answers from its own machine alone.
    #[arg(long, value_parser = ["hashed", "ordered"])]
    layout: Option<String>,

    /// The file, which has this name when it is whole; standard output unless given.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    #[command(flatten)]
    progress: ProgressArgs,

    #[command(flatten)]
    rows: RowsArgs,

    #[command(flatten)]
    pub server: ServerArgs,
}

/// How much has been written.
#[derive(Default)]
struct Written {
    rows: u64,
    bytes: u64,
    /// Of which moment rows are now.
    moment: Option<Receipt>,
}

pub(crate) async fn export(mut args: ExportArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let client = args.server.client()?;
    let scope = args.keys.scope(&args.rows)?;
    let table = match args.layout.take() {
        Some(layout) => {
            let (namespace, name) = (args.server.namespace().to_owned(), args.rows.table.clone());
            Table { namespace, name, layout, ..Table::default() }
        }
        None => find(&client.control(), &args.rows.table).await?,
    };
    let mut scan = args.rows.table(&client)?.scan(scope);
    let mut sink = args.file.as_deref().map(Sink::create).transpose()?;
    let mut progress = Progress::new(args.progress, "exported", stage);
    let mut written = Written::default();
    give(&mut sink, stage, format!("{}\n", lines::header(&table)).as_bytes())?;
    while let Some(page) = scan.page().await {
        if page.is_err() {
            progress.end(stage.err)?;
        }
        give(&mut sink, stage, &written.page(&page?)?)?;
        progress.tell(written.rows, written.bytes, "", stage.err)?;
    }
    give(&mut sink, stage, format!("{}\n", lines::end(written.rows)).as_bytes())?;
    progress.end(stage.err)?;
    let Written { rows, bytes, .. } = written;
    match (sink, args.server.output) {
        (None, _) => {
            stage.out.flush()?;
            writeln!(stage.err, "exported: {rows} rows")?;
        }
        (Some(sink), output) => {
            sink.finish()?;
            match output {
                Output::Json => writeln!(stage.out, "{}", json!({ "rows": rows, "bytes": bytes }))?,
                _ => writeln!(stage.out, "exported: {rows} rows")?,
            }
        }
    }
    Ok(exit::OK)
}

fn give(sink: &mut Option<Sink>, stage: &mut Stage<'_>, lines: &[u8]) -> io::Result<()> {
    match sink {
        Some(sink) => sink.write_all(lines),
        None => stage.out.write_all(lines),
    }
}

impl Written {
    /// The lines of a page.
    fn page(&mut self, page: &Page) -> io::Result<Vec<u8>> {
        let mut lines = Vec::new();
        if self.moment != Some(page.receipt) {
            self.moment = Some(page.receipt);
            writeln!(lines, "{}", lines::as_of(&page.receipt))?;
        }
        for entry in &page.entries {
            writeln!(lines, "{}", lines::row(entry))?;
            self.bytes += (entry.key.len() + entry.row.value.len()) as u64;
        }
        self.rows += page.entries.len() as u64;
        Ok(lines)
    }
}
