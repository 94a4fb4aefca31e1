//! `table ls`: what there is, and what was dropped.

use crate::columns::Columns;
use crate::exit;
use crate::failed::Failed;
use crate::json;
use crate::partitions::ids;
use crate::server::{Output, ServerArgs};
use crate::stage::Stage;
use crate::status::lasting;
use clap::Args;
use proto::control::{DroppedTable, ListTablesRequest, Profile, Table};
use serde_json::{Value, json};
use std::io::{self, Write};

#[derive(Args, Debug)]
pub(crate) struct LsArgs {
    /// Tables that were dropped and can be brought back, instead of those that
    /// are there.
    #[arg(long)]
    dropped: bool,

    /// Of every namespace.
    #[arg(short = 'A', long)]
    all_namespaces: bool,

    #[command(flatten)]
    pub server: ServerArgs,
}

pub(super) async fn ls(args: LsArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let LsArgs { dropped, all_namespaces, server } = args;
    let request = ListTablesRequest { header: None, all_namespaces, dropped };
    let listed = server.client()?.control().list_tables_of(request).await?;
    let named = all_namespaces || server.output == Output::Wide;
    match (server.output, dropped) {
        (Output::Json, true) => {
            let dropped: Vec<Value> = listed.dropped.iter().map(json::dropped).collect();
            writeln!(stage.out, "{}", json!({ "dropped": dropped }))?;
        }
        (Output::Json, false) => {
            let tables: Vec<Value> = listed.tables.iter().map(json::table).collect();
            writeln!(stage.out, "{}", json!({ "tables": tables }))?;
        }
        (_, true) => print_dropped(listed.dropped, stage.out)?,
        (_, false) if named => print_named(listed.tables, stage.out)?,
        (_, false) => print(listed.tables, stage.out)?,
    }
    Ok(exit::OK)
}

fn print(tables: Vec<Table>, out: &mut dyn Write) -> io::Result<()> {
    let mut columns = Columns::new(["NAME", "LAYOUT", "MACHINE", "STORE", "LOG", "DURABILITY"]);
    for table in tables {
        let Profile { store, log, durability, .. } = table.profile.unwrap_or_default();
        columns.row([table.name, table.layout, table.machine, store, log, durability]);
    }
    columns.print("", out)
}

fn print_named(tables: Vec<Table>, out: &mut dyn Write) -> io::Result<()> {
    let heading = [
        "NAMESPACE",
        "NAME",
        "LAYOUT",
        "MACHINE",
        "STORE",
        "LOG",
        "DURABILITY",
        "DISPATCHER",
        "BINLOG",
        "REPLICATION",
    ];
    let mut columns = Columns::new(heading);
    for Table { namespace, name, layout, machine, profile } in tables {
        let Profile { store, log, durability, dispatcher, binlog, replication } = profile.unwrap_or_default();
        let table =
            [namespace, name, layout, machine, store, log, durability, dispatcher, binlog, replication];
        columns.row(table);
    }
    columns.print("", out)
}

fn print_dropped(dropped: Vec<DroppedTable>, out: &mut dyn Write) -> io::Result<()> {
    let mut columns = Columns::new(["DROP", "NAMESPACE", "NAME", "PARTITIONS", "ERASED", "KEPT FOR"]);
    for one in dropped {
        let left = kept_for(one.left_ms);
        let Table { namespace, name, .. } = one.table.unwrap_or_default();
        columns.row([one.drop.to_string(), namespace, name, ids(&one.partitions), ids(&one.erased), left]);
    }
    columns.print("", out)
}

/// How long a dropped table is kept from being erased by mistake.
pub(super) fn kept_for(left_ms: u64) -> String {
    if left_ms == 0 { "over".to_owned() } else { lasting(left_ms.div_ceil(1000)) }
}
