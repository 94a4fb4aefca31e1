//! `put`, `get`, `rm`: rows by key.

use crate::clear::{ClearArgs, clear};
use crate::demands::DemandsArgs;
use crate::encoding::{Encoding, shown};
use crate::exit;
use crate::failed::Failed;
use crate::json;
use crate::moment;
use crate::server::{Output, ServerArgs, duration};
use crate::stage::Stage;
use crate::terms::TermsArgs;
use bytes::Bytes;
use clap::Args;
use client::{Change, Changed, Client, Condition, Error, Removed, Table};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::time::Duration;

pub(crate) const PUT_EXAMPLES: &str = "\
Examples:
  statehouse put hello world
  statehouse put photo < photo.jpg
  statehouse put leader me --if-absent --ttl 10s
  statehouse put --encoding hex 00ff 0102";

pub(crate) const GET_EXAMPLES: &str = "\
Examples:
  statehouse get hello
  statehouse get photo > photo.jpg
  statehouse get hello -o json | jq .revision
  statehouse get hello --token \"$(statehouse put hello you -o json | jq -r .receipt.token)\"";

pub(crate) const RM_EXAMPLES: &str = "\
Examples:
  statehouse rm hello
  statehouse rm --table visits --prefix page/
  statehouse rm --table visits --start a --end b --yes
  statehouse rm --table visits --all --yes";

const BAD_BYTES: &str = "See --encoding; without it, bytes are taken as they are.";

/// Which rows are meant.
#[derive(Args, Debug)]
pub(crate) struct RowsArgs {
    /// The table.
    #[arg(short, long, value_name = "NAME", default_value = "kv")]
    pub table: String,

    /// How keys and values are written here; keys and values alike.
    #[arg(long, value_enum, default_value_t = Encoding::Raw)]
    pub encoding: Encoding,

    #[command(flatten)]
    pub demands: DemandsArgs,
}

#[derive(Args, Debug)]
pub(crate) struct PutArgs {
    /// 1 to 1,024 bytes of anything.
    key: OsString,

    /// Read from standard input when absent, or `-`.
    #[arg(allow_negative_numbers = true)]
    value: Option<OsString>,

    /// The row ends after so long: 10s, 5m, 2h, 7d. Without it, never.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    ttl: Option<Duration>,

    #[command(flatten)]
    terms: TermsArgs,

    #[command(flatten)]
    rows: RowsArgs,

    #[command(flatten)]
    pub server: ServerArgs,
}

#[derive(Args, Debug)]
pub(crate) struct GetArgs {
    /// The row's key.
    key: OsString,

    #[command(flatten)]
    rows: RowsArgs,

    #[command(flatten)]
    pub server: ServerArgs,
}

#[derive(Args, Debug)]
pub(crate) struct RmArgs {
    /// The rows' keys.
    #[arg(required_unless_present_any = ["prefix", "start", "end", "all"], value_name = "KEY")]
    keys: Vec<OsString>,

    #[command(flatten)]
    range: ClearArgs,

    #[command(flatten)]
    terms: TermsArgs,

    #[command(flatten)]
    rows: RowsArgs,

    #[command(flatten)]
    pub server: ServerArgs,
}

impl RowsArgs {
    pub fn table(&self, client: &Client) -> Result<Table, Failed> {
        self.demands.of(client.table(self.table.as_str()))
    }

    pub fn key(&self, key: OsString) -> Result<Bytes, Failed> {
        argument(self.encoding, "key", key)
    }
}

/// The bytes of an argument.
pub(crate) fn argument(encoding: Encoding, name: &str, argument: OsString) -> Result<Bytes, Failed> {
    let shown = argument.to_string_lossy().into_owned();
    let refused = |why| Failed::usage(format!("the {name} `{shown}` cannot be read: {why}"), BAD_BYTES);
    encoding.argument(argument).map_err(refused)
}

pub(crate) async fn put(args: PutArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let client = args.server.client()?;
    let key = args.rows.key(args.key)?;
    let value = match args.value.filter(|value| value != "-") {
        Some(value) => value.into_encoded_bytes(),
        None => {
            let mut value = Vec::new();
            stage.input.read_to_end(&mut value)?;
            value
        }
    };
    let refused = |why| Failed::usage(format!("the value cannot be read: {why}"), BAD_BYTES);
    let value = args.rows.encoding.decode(value).map_err(refused)?;
    let change = match args.ttl {
        Some(ttl) => Change::put_for(key, value, ttl),
        None => Change::put(key, value),
    };
    let change = change.only_if(args.terms.condition());
    let written = args.rows.table(&client)?.change(change).await?;
    let receipt = &written.receipt;
    match args.server.output {
        Output::Json => {
            let object = json!({ "revision": written.revision, "receipt": json::receipt(receipt) });
            writeln!(stage.out, "{object}")?;
        }
        Output::Table => writeln!(stage.out, "revision {}", written.revision)?,
        Output::Wide => {
            let (partition, epoch, durability) = (receipt.partition.0, receipt.epoch, receipt.durability);
            writeln!(
                stage.out,
                "revision {}  partition {partition}  epoch {epoch}  durability {durability}",
                written.revision
            )?;
        }
    }
    Ok(exit::OK)
}

pub(crate) async fn get(args: GetArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let client = args.server.client()?;
    let key = args.rows.key(args.key)?;
    let row = args.rows.table(&client)?.get(key.clone()).await?;
    if args.server.output == Output::Json {
        let mut object = json::object();
        json::bytes(&mut object, "key", &key);
        object.insert("found".to_owned(), row.is_some().into());
        if let Some(row) = &row {
            json::bytes(&mut object, "value", &row.value);
            object.insert("revision".to_owned(), row.revision.into());
            json::expires(&mut object, row.expires);
            object.insert("receipt".to_owned(), json::receipt(&row.receipt));
        }
        writeln!(stage.out, "{}", Value::from(object))?;
        return Ok(if row.is_some() { exit::OK } else { exit::NO });
    }
    let Some(row) = row else {
        writeln!(stage.err, "not found: {} in table {}", shown(&key), args.rows.table)?;
        return Ok(exit::NO);
    };
    stage.out.write_all(&args.rows.encoding.encode(&row.value))?;
    // A prompt belongs on a line of its own; a file gets the value and no more.
    if stage.terminal {
        stage.out.write_all(b"\n")?;
    }
    stage.out.flush()?;
    if args.server.output == Output::Wide {
        let (partition, durability) = (row.receipt.partition.0, row.receipt.durability);
        let expires = row.expires.map(|at| format!("  expires {}", moment::utc(at))).unwrap_or_default();
        let revision = row.revision;
        writeln!(stage.err, "revision {revision}  partition {partition}  durability {durability}{expires}")?;
    }
    Ok(exit::OK)
}

async fn remove(
    table: &Table,
    keys: &[Bytes],
    condition: Condition,
) -> Result<Vec<Result<Removed, Error>>, Failed> {
    match (condition, keys) {
        (Condition::Always, _) => Ok(table.remove_many(keys.iter().cloned()).await),
        (_, [key]) => {
            let changed = table.change(Change::remove(key.clone()).only_if(condition)).await;
            let removed = |Changed { found, revision, receipt }| Removed { found, revision, receipt };
            Ok(vec![changed.map(removed)])
        }
        _ => Err(about_one_row()),
    }
}

fn about_one_row() -> Failed {
    Failed::usage("a condition is about one row", "Remove the rows one by one.")
}

/// The worst of all keys decides: an error before a row that was not there.
pub(crate) async fn rm(mut args: RmArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let rows = &args.rows;
    if let Some(range) = args.range.range(rows)? {
        if args.terms.condition() != Condition::Always {
            return Err(about_one_row());
        }
        return clear(range, &args.range, rows, &args.server, stage).await;
    }
    let client = args.server.client()?;
    let keys = args.keys.into_iter().map(|key| rows.key(key)).collect::<Result<Vec<_>, _>>()?;
    let results = remove(&rows.table(&client)?, &keys, args.terms.condition()).await?;
    let json = args.server.output == Output::Json;
    let (mut exit_code, mut objects, mut failed) = (exit::OK, Vec::new(), None);
    for (key, result) in keys.iter().zip(results) {
        let mut object = json::object();
        json::bytes(&mut object, "key", key);
        match result {
            Ok(removed) => {
                object.insert("found".to_owned(), removed.found.into());
                object.insert("revision".to_owned(), removed.revision.into());
                object.insert("receipt".to_owned(), json::receipt(&removed.receipt));
                if !removed.found {
                    exit_code = exit::NO;
                }
                match removed.found {
                    _ if json => {}
                    true => writeln!(stage.out, "removed: {}", shown(key))?,
                    false => writeln!(stage.err, "not found: {} in table {}", shown(key), rows.table)?,
                }
            }
            Err(error) => {
                object.insert("error".to_owned(), json::error(&error));
                if !json {
                    writeln!(stage.err, "not removed: {}", shown(key))?;
                }
                failed.get_or_insert(error);
            }
        }
        objects.push(Value::from(object));
    }
    if json {
        writeln!(stage.out, "{}", json!({ "results": objects }))?;
    }
    failed.map_or(Ok(exit_code), |error| Err(error.into()))
}
