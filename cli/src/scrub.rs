//! `scrub`: reads every row of a table again, and says what is wrong.

use crate::columns::Columns;
use crate::exit;
use crate::failed::Failed;
use crate::server::{Output, ServerArgs};
use crate::stage::Stage;
use clap::Args;
use proto::control::Scrubbed;
use serde_json::{Value, json};
use std::time::Duration;

pub(crate) const EXAMPLES: &str = "Examples:\n  statehouse scrub --table rows\n  \
     statehouse scrub --table rows --partition 3 -o json\n\n\
     The exit code is 4 if something is wrong. Each partition has ten minutes, or the\n     \
     --deadline.";

/// A partition is read whole within one call: the longest that a client waits.
const PARTITION_TIME: Duration = Duration::from_secs(600);

#[derive(Args, Debug)]
pub(crate) struct ScrubArgs {
    /// The table
    #[arg(short, long, value_name = "NAME", default_value = "kv")]
    pub table: String,

    /// This partition alone
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u64).range(1..))]
    pub partition: Option<u64>,

    #[command(flatten)]
    pub server: ServerArgs,
}

/// Partition by partition, so that somebody who watches sees how it goes.
pub(crate) async fn scrub(args: ScrubArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let control = args.server.clone().with_time(PARTITION_TIME).client()?.control();
    let ids = match args.partition {
        Some(id) => vec![id],
        None => {
            let partitions = control.list_partitions(Some(&args.table)).await?;
            partitions.iter().filter(|one| one.state != "quarantined").map(|one| one.id).collect()
        }
    };
    let mut scrubbed = Vec::new();
    for (at, id) in ids.iter().enumerate() {
        if stage.terminal && ids.len() > 1 {
            writeln!(stage.err, "partition {id}, {} of {}", at + 1, ids.len())?;
        }
        scrubbed.extend(control.scrub(args.table.clone(), Some(*id)).await?);
    }
    match args.server.output {
        Output::Json => writeln!(stage.out, "{}", json!({ "scrubbed": objects(&scrubbed) }))?,
        Output::Table | Output::Wide => people(&scrubbed, stage)?,
    }
    let is_sound = scrubbed.iter().all(|one| one.findings.is_empty());
    Ok(if is_sound { exit::OK } else { exit::CONFLICT })
}

fn people(scrubbed: &[Scrubbed], stage: &mut Stage<'_>) -> Result<(), Failed> {
    let mut columns = Columns::new(["PARTITION", "INDEX", "ROWS", "EVENTS", "BYTES", "HASH", "FINDINGS"]);
    for one in scrubbed {
        let findings = one.findings.len() as u64 + one.more;
        columns.row([
            one.partition.to_string(),
            one.index.to_string(),
            one.rows.to_string(),
            one.events.to_string(),
            one.bytes.to_string(),
            hex(&one.hash),
            findings.to_string(),
        ]);
    }
    columns.print("", stage.out)?;
    for one in scrubbed {
        for finding in &one.findings {
            writeln!(stage.err, "partition {}: {finding}", one.partition)?;
        }
        if one.more > 0 {
            writeln!(stage.err, "partition {}: and {} more", one.partition, one.more)?;
        }
    }
    Ok(())
}

fn objects(scrubbed: &[Scrubbed]) -> Vec<Value> {
    let object = |one: &Scrubbed| {
        json!({
            "partition": one.partition,
            "index": one.index,
            "hash": hex(&one.hash),
            "rows": one.rows,
            "others": one.others,
            "bytes": one.bytes,
            "events": one.events,
            "findings": one.findings,
            "more": one.more,
        })
    };
    scrubbed.iter().map(object).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
