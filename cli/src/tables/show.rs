//! `table show`: everything of a table.

use super::find;
use crate::columns::Columns;
use crate::exit;
use crate::failed::Failed;
use crate::json;
use crate::partitions;
use crate::server::{Output, ServerArgs};
use crate::stage::Stage;
use clap::Args;
use serde_json::{Value, json};

#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    /// The table's name.
    name: String,

    #[command(flatten)]
    pub server: ServerArgs,
}

pub(super) async fn show(args: ShowArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let control = args.server.client()?.control();
    let table = find(&control, &args.name).await?;
    let listed = control.list_partitions(Some(&args.name)).await?;
    let hashed = table.layout == "hashed";
    if args.server.output == Output::Json {
        let partitions: Vec<Value> = listed.iter().map(|one| json::partition(one, hashed)).collect();
        writeln!(stage.out, "{}", json!({ "table": json::table(&table), "partitions": partitions }))?;
        return Ok(exit::OK);
    }
    let wide = args.server.output == Output::Wide;
    let profile = table.profile.clone().unwrap_or_default();
    let mut columns = Columns::new(["table", &table.name]);
    let layouts = [((table.namespace.clone(), table.name), hashed)].into();
    let acks = worth(&profile.durability);
    let mut row = |name: &str, what: String| columns.row([name.to_owned(), what]);
    row("namespace", table.namespace);
    row("layout", table.layout);
    row("machine", table.machine);
    row("store", profile.store);
    row("log", profile.log);
    row("durability", profile.durability);
    row("answers", acks.to_owned());
    row("binlog", profile.binlog);
    row("replication", profile.replication);
    if wide {
        row("dispatcher", profile.dispatcher);
    }
    columns.print("", stage.out)?;
    writeln!(stage.out)?;
    partitions::print(&listed, &layouts, wide, stage.out)?;
    Ok(exit::OK)
}

/// What an answer of this durability says, in words.
fn worth(durability: &str) -> &'static str {
    match durability {
        "memory" => "are lost when the process ends",
        "os" => "outlive the process, not a power loss",
        "local" => "outlive the process and a power loss, not the disk",
        "quorum" => "outlive any minority of the replicas",
        "remote" => "are in somebody else's log",
        _ => "",
    }
}
