//! `table create`.

use crate::exit;
use crate::failed::Failed;
use crate::json;
use crate::partitions;
use crate::server::{Output, ServerArgs};
use crate::stage::Stage;
use clap::Args;
use client::Durability;
use proto::control::{CreateTableRequest, Profile, Table};
use serde_json::json;

pub(super) const EXAMPLES: &str = "\
Examples:
  statehouse table create visits
  statehouse table create views --preset counter
  statehouse table create cache --preset fast --store memory
  statehouse table check orders --log 'local(each)'";

#[derive(Args, Debug)]
pub(crate) struct CreateArgs {
    /// The table's name.
    name: String,

    /// How keys are laid out: `hashed` spreads them, `ordered` keeps their order.
    #[arg(long, value_parser = ["hashed", "ordered"], default_value = "hashed")]
    layout: String,

    /// Choices that go together; each that is made beside it counts before it.
    #[arg(long, value_parser = ["durable", "replicated", "fast", "managed-disk", "counter"])]
    preset: Option<String>,

    /// What commands mean; `kv` unless told.
    #[arg(long)]
    machine: Option<String>,

    /// Where rows are kept; in RocksDB unless told.
    #[arg(long, value_parser = ["rocksdb", "memory"])]
    store: Option<String>,

    /// Which log makes changes durable; `local`, as the node syncs it, unless told.
    #[arg(long, value_parser = ["local", "local(each)", "local(every)", "store", "none"])]
    log: Option<String>,

    /// What makes answers survive a node: replicas on so many of them; `none` unless
    /// told, and `raft` is `raft(3)`.
    #[arg(long, value_parser = ["none", "raft", "raft(1)", "raft(3)", "raft(5)", "raft(7)"])]
    replication: Option<String>,

    /// What is kept for who follows the table: events, nothing, or events and what
    /// rows were before; `on` unless told.
    #[arg(long, value_parser = ["on", "off", "previous"])]
    binlog: Option<String>,

    /// What an answer is worth; follows from the log unless told.
    #[arg(long, value_name = "DURABILITY")]
    durability: Option<String>,

    /// Partitions to begin with; 8, and 1 for an ordered table.
    #[arg(long, value_name = "N")]
    partitions: Option<u32>,

    #[command(flatten)]
    pub server: ServerArgs,
}

pub(super) async fn create(args: CreateArgs, dry_run: bool, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let control = args.server.client()?.control();
    let partitions = args.partitions.unwrap_or(if args.layout == "ordered" { 1 } else { 8 });
    let profile = Profile {
        store: args.store.unwrap_or_default(),
        log: args.log.unwrap_or_default(),
        durability: args.durability.unwrap_or_default(),
        binlog: args.binlog.unwrap_or_default(),
        replication: args.replication.unwrap_or_default(),
        ..Profile::default()
    };
    let request = CreateTableRequest {
        header: None,
        name: args.name,
        layout: args.layout,
        machine: args.machine.unwrap_or_default(),
        profile: Some(profile),
        partitions,
        preset: args.preset.unwrap_or_default(),
        dry_run,
    };
    let created = control.create_table(request).await?;
    let table = created.table.unwrap_or_default();
    if args.server.output == Output::Json {
        let object = json!({ "table": json::table(&table), "partitions": created.partitions });
        writeln!(stage.out, "{object}")?;
        return Ok(exit::OK);
    }
    if dry_run {
        writeln!(stage.out, "would be made: table {}", table.name)?;
    } else {
        let ids = partitions::ids(&created.partitions);
        writeln!(stage.out, "created: table {} with partitions {ids}", table.name)?;
    }
    writeln!(stage.out, "{}", worth(&table))?;
    Ok(exit::OK)
}

/// What its choices come to.
fn worth(table: &Table) -> String {
    let Profile { store, log, durability, replication, .. } = table.profile.clone().unwrap_or_default();
    let means = durability.parse::<Durability>().map_or("", Durability::means);
    // A server of an earlier version says nothing of it.
    let is_alone = ["", "none"].contains(&&replication[..]);
    let copies = if is_alone { String::new() } else { format!(", replication {replication}") };
    format!("rows in {store}, log {log}{copies}; an answer is worth `{durability}`: {means}")
}
