//! `table rm`.

use super::ls::kept_for;
use crate::exit;
use crate::failed::Failed;
use crate::json;
use crate::partitions::ids;
use crate::server::{Output, ServerArgs};
use crate::stage::Stage;
use clap::Args;
use proto::control::DropTableRequest;

#[derive(Args, Debug)]
pub(crate) struct RmArgs {
    /// The table's name.
    name: String,

    /// Only if it has no partitions.
    #[arg(long)]
    only_empty: bool,

    #[command(flatten)]
    pub server: ServerArgs,
}

pub(super) async fn rm(args: RmArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let RmArgs { name, only_empty, server } = args;
    let request = DropTableRequest { header: None, name: name.clone(), with_partitions: !only_empty };
    let dropped = server.client()?.control().drop_table(request).await?;
    if server.output == Output::Json {
        let mut object = json::object();
        object.insert("removed".to_owned(), name.into());
        let partitions = dropped.as_ref().map(|dropped| dropped.partitions.clone()).unwrap_or_default();
        object.insert("partitions".to_owned(), partitions.into());
        object.insert("dropped".to_owned(), dropped.as_ref().map(json::dropped).into());
        writeln!(stage.out, "{}", serde_json::Value::from(object))?;
        return Ok(exit::OK);
    }
    writeln!(stage.out, "removed: table {name}")?;
    if let Some(dropped) = dropped {
        writeln!(stage.out, "in quarantine: partitions {}", ids(&dropped.partitions))?;
        let left = kept_for(dropped.left_ms);
        writeln!(stage.out, "kept for {left}: `statehouse table undrop {name}` brings it back")?;
    }
    Ok(exit::OK)
}
