//! `touch`: rows as they are last longer, or shorter.

use crate::encoding::shown;
use crate::exit;
use crate::failed::Failed;
use crate::json;
use crate::rows::RowsArgs;
use crate::server::{Output, ServerArgs, duration};
use crate::stage::Stage;
use clap::Args;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::time::Duration;

pub(crate) const EXAMPLES: &str = "\
Examples:
  statehouse touch session/1 session/2 --ttl 30m
  statehouse touch session/1 --for-ever";

#[derive(Args, Debug)]
pub(crate) struct TouchArgs {
    /// The rows' keys.
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<OsString>,

    #[command(flatten)]
    time: TimeArgs,

    #[command(flatten)]
    rows: RowsArgs,

    #[command(flatten)]
    pub server: ServerArgs,
}

/// From now on.
#[derive(Args, Clone, Copy, Debug)]
#[group(required = true, multiple = false)]
struct TimeArgs {
    /// For so long: 10s, 5m, 2h, 7d.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    ttl: Option<Duration>,

    /// Without an end.
    #[arg(long)]
    for_ever: bool,
}

/// An error ends it: what is behind that is as it was.
pub(crate) async fn touch(args: TouchArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let client = args.server.client()?;
    let (rows, ttl) = (&args.rows, args.time.ttl);
    let keys = args.keys.into_iter().map(|key| rows.key(key)).collect::<Result<Vec<_>, _>>()?;
    let (table, is_json) = (rows.table(&client)?, args.server.output == Output::Json);
    let (mut exit_code, mut objects) = (exit::OK, Vec::new());
    for key in keys {
        let touched = table.touch(key.clone(), ttl).await?;
        if !touched.found {
            exit_code = exit::NO;
        }
        match touched.found {
            _ if is_json => {
                let mut object = json::object();
                json::bytes(&mut object, "key", &key);
                object.insert("found".to_owned(), touched.found.into());
                object.insert("revision".to_owned(), touched.revision.into());
                object.insert("receipt".to_owned(), json::receipt(&touched.receipt));
                objects.push(Value::from(object));
            }
            true => writeln!(stage.out, "touched: {}", shown(&key))?,
            false => writeln!(stage.err, "not found: {} in table {}", shown(&key), rows.table)?,
        }
    }
    if is_json {
        writeln!(stage.out, "{}", json!({ "results": objects }))?;
    }
    Ok(exit_code)
}
