//! `scan`: rows of a range, a line each, as they come.

use crate::encoding::{Encoding, line};
use crate::exit;
use crate::failed::Failed;
use crate::json;
use crate::keys::KeysArgs;
use crate::rows::RowsArgs;
use crate::server::{Output, ServerArgs};
use crate::stage::Stage;
use clap::Args;
use client::{Entry, Page, Scope};
use serde_json::Value;
use std::ffi::OsString;
use std::io::Write;

pub(crate) const EXAMPLES: &str = "\
Examples:
  statehouse scan --limit 10
  statehouse scan --table visits --prefix page/
  statehouse scan --table visits --start a --end b --reverse
  statehouse scan -o json | jq -r .key";

#[derive(Args, Debug)]
pub(crate) struct ScanArgs {
    #[command(flatten)]
    keys: KeysArgs,

    /// Go on behind this key, of any table.
    #[arg(long, value_name = "KEY")]
    after: Option<OsString>,

    /// Rows at most; 0 is no limit.
    #[arg(long, value_name = "ROWS", default_value_t = 0)]
    limit: u64,

    /// Bytes of keys and values at most, though always one row; 0 is no limit.
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    limit_bytes: u64,

    /// From the end backwards.
    #[arg(long)]
    reverse: bool,

    #[command(flatten)]
    rows: RowsArgs,

    #[command(flatten)]
    pub server: ServerArgs,
}

impl ScanArgs {
    fn scope(&mut self) -> Result<Scope, Failed> {
        let scope = self.keys.scope(&self.rows)?;
        let scope = match self.after.take() {
            Some(after) => scope.after(self.rows.key(after)?),
            None => scope,
        };
        Ok(scope.limit(self.limit).limit_bytes(self.limit_bytes).reverse(self.reverse))
    }
}

pub(crate) async fn scan(mut args: ScanArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let client = args.server.client()?;
    let scope = args.scope()?;
    let mut scan = args.rows.table(&client)?.scan(scope);
    let mut lines = Vec::new();
    while let Some(page) = scan.page().await {
        print(&page?, args.server.output, args.rows.encoding, &mut lines)?;
        // What has come is shown before more is waited for.
        stage.out.write_all(&lines)?;
        stage.out.flush()?;
        lines.clear();
    }
    Ok(exit::OK)
}

fn print(page: &Page, output: Output, encoding: Encoding, lines: &mut Vec<u8>) -> Result<(), Failed> {
    let receipt = &page.receipt;
    for Entry { key, row } in &page.entries {
        match output {
            Output::Json => {
                let mut object = json::object();
                json::bytes(&mut object, "key", key);
                json::bytes(&mut object, "value", &row.value);
                object.insert("revision".to_owned(), row.revision.into());
                json::expires(&mut object, row.expires);
                object.insert("receipt".to_owned(), json::receipt(receipt));
                writeln!(lines, "{}", Value::from(object))?;
            }
            Output::Table => writeln!(lines, "{}\t{}", line(encoding, key), line(encoding, &row.value))?,
            Output::Wide => writeln!(
                lines,
                "{}\t{}\t{}\t{}",
                line(encoding, key),
                row.revision,
                receipt.partition.0,
                line(encoding, &row.value)
            )?,
        }
    }
    Ok(())
}
