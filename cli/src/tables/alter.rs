//! `table alter`.

use crate::exit;
use crate::failed::Failed;
use crate::json;
use crate::server::{Output, ServerArgs};
use crate::stage::Stage;
use clap::Args;
use proto::control::{AlterTableRequest, Profile};
use serde_json::json;

// What is not named stays as it is.
#[derive(Args, Debug)]
#[group(id = "choices", required = true, multiple = true, args = ["rename", "store", "log", "durability", "binlog", "replication"])]
pub(crate) struct AlterArgs {
    /// The table's name.
    name: String,

    /// The name it is to have. It serves on meanwhile.
    #[arg(long, value_name = "NAME")]
    rename: Option<String>,

    /// Where rows are kept.
    #[arg(long, value_parser = ["rocksdb", "memory"])]
    store: Option<String>,

    /// Which log makes changes durable.
    #[arg(long, value_parser = ["local", "local(each)", "local(every)", "store", "none"])]
    log: Option<String>,

    /// What an answer is worth.
    #[arg(long, value_name = "DURABILITY")]
    durability: Option<String>,

    /// What is kept for who follows it.
    #[arg(long, value_parser = ["on", "off", "previous"])]
    binlog: Option<String>,

    /// What makes answers survive a node.
    #[arg(long, value_parser = ["none", "raft", "raft(1)", "raft(3)", "raft(5)", "raft(7)"])]
    replication: Option<String>,

    #[command(flatten)]
    pub server: ServerArgs,
}

pub(super) async fn alter(args: AlterArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let AlterArgs { name, rename, store, log, durability, binlog, replication, server } = args;
    let chosen = Option::unwrap_or_default;
    let profile = Profile {
        store: chosen(store),
        log: chosen(log),
        durability: chosen(durability),
        binlog: chosen(binlog),
        replication: chosen(replication),
        ..Profile::default()
    };
    let request = AlterTableRequest {
        header: None,
        name: name.clone(),
        profile: Some(profile).filter(|profile| *profile != Profile::default()),
        new_name: chosen(rename),
    };
    let table = server.client()?.control().alter_table(request).await?.table.unwrap_or_default();
    if server.output == Output::Json {
        writeln!(stage.out, "{}", json!({ "table": json::table(&table) }))?;
    } else if table.name == name {
        writeln!(stage.out, "altered: table {name}")?;
    } else {
        writeln!(stage.out, "renamed: table {name} to {}", table.name)?;
    }
    Ok(exit::OK)
}
