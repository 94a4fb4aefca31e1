//! `table copy`.

use crate::exit;
use crate::failed::Failed;
use crate::json;
use crate::server::{Output, ServerArgs};
use crate::stage::Stage;
use clap::Args;
use proto::control::{CopiedPartition, CopyTableRequest};
use serde_json::{Value, json};

#[derive(Args, Debug)]
pub(crate) struct CopyArgs {
    /// The table that is there.
    name: String,

    /// The copy's name.
    to: String,

    #[command(flatten)]
    pub server: ServerArgs,
}

pub(super) async fn copy(args: CopyArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let CopyArgs { name, to, server } = args;
    let request = CopyTableRequest { header: None, name: name.clone(), new_name: to };
    let made = server.client()?.control().copy_table(request).await?;
    let table = made.table.unwrap_or_default();
    if server.output == Output::Json {
        let part =
            |one: &CopiedPartition| json!({ "source": one.source, "id": one.id, "applied": one.applied });
        let partitions: Vec<Value> = made.partitions.iter().map(part).collect();
        writeln!(stage.out, "{}", json!({ "table": json::table(&table), "partitions": partitions }))?;
        return Ok(exit::OK);
    }
    writeln!(stage.out, "copied: table {name} to {}", table.name)?;
    for CopiedPartition { source, id, applied } in made.partitions {
        writeln!(stage.out, "partition {id}: the rows of {source} at index {applied}")?;
    }
    Ok(exit::OK)
}
