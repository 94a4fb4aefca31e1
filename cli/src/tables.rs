//! `table`: make, list, show and remove tables.

use crate::columns::Columns;
use crate::exit;
use crate::failed::Failed;
use crate::json;
use crate::partitions;
use crate::server::{Output, ServerArgs};
use crate::stage::Stage;
use clap::{Args, Subcommand};
use client::Control;
use proto::control::{CreateTableRequest, Profile, RemovePartitionRequest, Table};
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub(crate) enum TableVerb {
    /// Make a table and its first partitions
    Create(CreateArgs),
    /// List the tables
    Ls(LsArgs),
    /// Show a table and its partitions
    Show(ShowArgs),
    /// Remove a table
    Rm(RmArgs),
}

#[derive(Args, Debug)]
pub(crate) struct CreateArgs {
    /// The table's name.
    name: String,

    /// How keys are laid out: `hashed` spreads them, `ordered` keeps their order.
    #[arg(long, value_parser = ["hashed", "ordered"], default_value = "hashed")]
    layout: String,

    /// What commands mean.
    #[arg(long, default_value = "kv")]
    machine: String,

    /// Where rows are kept.
    #[arg(long, value_parser = ["rocksdb", "memory"], default_value = "rocksdb")]
    store: String,

    /// Which log makes changes durable.
    #[arg(long, value_parser = ["local", "store", "none"], default_value = "local")]
    log: String,

    /// What an answer is worth; follows from the log unless told.
    #[arg(long, value_name = "DURABILITY")]
    durability: Option<String>,

    /// Partitions to begin with; 8, and 1 for an ordered table.
    #[arg(long, value_name = "N")]
    partitions: Option<u32>,

    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args, Debug)]
pub(crate) struct LsArgs {
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    /// The table's name.
    name: String,

    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args, Debug)]
pub(crate) struct RmArgs {
    /// The table's name.
    name: String,

    /// Remove its partitions first. Their data stays in quarantine until it is
    /// erased by name.
    #[arg(long)]
    with_partitions: bool,

    #[command(flatten)]
    server: ServerArgs,
}

impl TableVerb {
    pub fn output(&self) -> Output {
        match self {
            TableVerb::Create(args) => args.server.output,
            TableVerb::Ls(args) => args.server.output,
            TableVerb::Show(args) => args.server.output,
            TableVerb::Rm(args) => args.server.output,
        }
    }

    pub async fn carry_out(self, stage: &mut Stage<'_>) -> Result<u8, Failed> {
        match self {
            TableVerb::Create(args) => create(args, stage).await,
            TableVerb::Ls(args) => ls(args, stage).await,
            TableVerb::Show(args) => show(args, stage).await,
            TableVerb::Rm(args) => rm(args, stage).await,
        }
    }
}

async fn create(args: CreateArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let control = args.server.client()?.control();
    let partitions = args.partitions.unwrap_or(if args.layout == "ordered" { 1 } else { 8 });
    let profile = Profile {
        store: args.store,
        log: args.log,
        durability: args.durability.unwrap_or_default(),
        ..Profile::default()
    };
    let request = CreateTableRequest {
        header: None,
        name: args.name,
        layout: args.layout,
        machine: args.machine,
        profile: Some(profile),
        partitions,
    };
    let created = control.create_table(request).await?;
    let table = created.table.unwrap_or_default();
    if args.server.output == Output::Json {
        let object = json!({ "table": json::table(&table), "partitions": created.partitions });
        writeln!(stage.out, "{object}")?;
    } else {
        let ids = partitions::ids(&created.partitions);
        writeln!(stage.out, "created: table {} with partitions {ids}", table.name)?;
    }
    Ok(exit::OK)
}

async fn ls(args: LsArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let tables = args.server.client()?.control().list_tables().await?;
    let profile = |table: &Table| table.profile.clone().unwrap_or_default();
    match args.server.output {
        Output::Json => {
            let tables: Vec<Value> = tables.iter().map(json::table).collect();
            writeln!(stage.out, "{}", json!({ "tables": tables }))?;
        }
        Output::Table => {
            let mut columns = Columns::new(["NAME", "LAYOUT", "MACHINE", "STORE", "LOG", "DURABILITY"]);
            for table in tables {
                let Profile { store, log, durability, .. } = profile(&table);
                columns.row([table.name, table.layout, table.machine, store, log, durability]);
            }
            columns.print("", stage.out)?;
        }
        Output::Wide => {
            let heading =
                ["NAMESPACE", "NAME", "LAYOUT", "MACHINE", "STORE", "LOG", "DURABILITY", "DISPATCHER"];
            let mut columns = Columns::new(heading);
            for table in tables {
                let Profile { store, log, durability, dispatcher } = profile(&table);
                let Table { namespace, name, layout, machine, .. } = table;
                columns.row([namespace, name, layout, machine, store, log, durability, dispatcher]);
            }
            columns.print("", stage.out)?;
        }
    }
    Ok(exit::OK)
}

async fn show(args: ShowArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let control = args.server.client()?.control();
    let table = find(&control, &args.name).await?;
    let listed = control.list_partitions(Some(&args.name)).await?;
    let hashed = table.layout == "hashed";
    if args.server.output == Output::Json {
        let partitions: Vec<Value> = listed.iter().map(|one| json::partition(one, hashed)).collect();
        writeln!(stage.out, "{}", json!({ "table": json::table(&table), "partitions": partitions }))?;
        return Ok(exit::OK);
    }
    let profile = table.profile.clone().unwrap_or_default();
    let mut columns = Columns::new(["table", &table.name]);
    columns.row(["namespace".to_owned(), table.namespace]);
    columns.row(["layout".to_owned(), table.layout]);
    columns.row(["machine".to_owned(), table.machine]);
    columns.row(["store".to_owned(), profile.store]);
    columns.row(["log".to_owned(), profile.log]);
    columns.row(["durability".to_owned(), profile.durability]);
    columns.print("", stage.out)?;
    writeln!(stage.out)?;
    let layouts = [((args.name), hashed)].into();
    partitions::print(&listed, &layouts, args.server.output == Output::Wide, stage.out)?;
    Ok(exit::OK)
}

async fn rm(args: RmArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let control = args.server.client()?.control();
    let mut removed = Vec::new();
    if args.with_partitions {
        // A name that is not there has no partitions either: say so first.
        find(&control, &args.name).await?;
        for one in control.list_partitions(Some(&args.name)).await? {
            if one.state != "quarantined" {
                let request = RemovePartitionRequest { id: one.id, ..Default::default() };
                removed.extend(control.remove_partition(request).await?);
            }
        }
    }
    control.drop_table(&args.name).await?;
    if args.server.output == Output::Json {
        writeln!(stage.out, "{}", json!({ "removed": args.name, "partitions": removed }))?;
        return Ok(exit::OK);
    }
    writeln!(stage.out, "removed: table {}", args.name)?;
    if !removed.is_empty() {
        writeln!(stage.out, "in quarantine: partitions {}", partitions::ids(&removed))?;
    }
    Ok(exit::OK)
}

/// The table of this name.
pub(crate) async fn find(control: &Control, name: &str) -> Result<Table, Failed> {
    let tables = control.list_tables().await?;
    let found = tables.into_iter().find(|table| table.name == name);
    found.ok_or_else(|| Failed::no_table(name))
}
