//! `table undrop`.

use crate::exit;
use crate::failed::Failed;
use crate::json;
use crate::partitions::ids;
use crate::server::{Output, ServerArgs};
use crate::stage::Stage;
use clap::Args;
use proto::control::UndropTableRequest;
use serde_json::json;

#[derive(Args, Debug)]
pub(crate) struct UndropArgs {
    /// The name it had.
    name: String,

    /// The name it is to have, when somebody else has that.
    #[arg(long = "as", value_name = "NAME")]
    to: Option<String>,

    /// Which one of that name, as `table ls --dropped` numbers them; the last
    /// one unless told.
    #[arg(long, value_name = "N")]
    drop: Option<u64>,

    #[command(flatten)]
    pub server: ServerArgs,
}

pub(super) async fn undrop(args: UndropArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let UndropArgs { name, to, drop, server } = args;
    let (as_name, drop) = (to.unwrap_or_default(), drop.unwrap_or_default());
    let request = UndropTableRequest { header: None, name, as_name, drop };
    let back = server.client()?.control().undrop_table(request).await?;
    let table = back.table.unwrap_or_default();
    if server.output == Output::Json {
        let object = json!({ "table": json::table(&table), "partitions": back.partitions });
        writeln!(stage.out, "{object}")?;
    } else {
        writeln!(stage.out, "back: table {} with partitions {}", table.name, ids(&back.partitions))?;
    }
    Ok(exit::OK)
}
