//! `partition`: add, list, remove and erase partitions.

use crate::columns::Columns;
use crate::encoding::{Encoding, hex, shown, unhex};
use crate::exit;
use crate::failed::Failed;
use crate::json;
use crate::server::{Output, ServerArgs};
use crate::stage::Stage;
use crate::tables;
use bytes::Bytes;
use clap::{Args, Subcommand};
use client::Control;
use proto::control::{
    AddPartitionRequest, EraseQuarantinedRequest, ListPartitionsRequest, ListTablesRequest, Partition, Range,
    RemovePartitionRequest,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Write};

#[derive(Debug, Subcommand)]
pub(crate) enum PartitionVerb {
    /// List partitions
    Ls(LsArgs),
    /// Add a partition to a table
    Add(AddArgs),
    /// Stop serving partitions; their data stays in quarantine
    Rm(RmArgs),
    /// Delete the data of a removed partition, for good
    Erase(EraseArgs),
}

#[derive(Args, Debug)]
pub(crate) struct LsArgs {
    /// Of this table only.
    #[arg(short, long, value_name = "NAME")]
    table: Option<String>,

    /// Of every namespace.
    #[arg(short = 'A', long, conflicts_with = "table")]
    all_namespaces: bool,

    #[command(flatten)]
    server: ServerArgs,
}

/// Keys from start on and below end. For a hashed table these are points: 16
/// hexadecimal digits.
#[derive(Args, Debug)]
pub(crate) struct RangeArgs {
    /// The first key, or point; the very first when absent.
    #[arg(long, value_name = "KEY")]
    start: Option<OsString>,

    /// The key behind the last, or the point; no end when absent.
    #[arg(long, value_name = "KEY")]
    end: Option<OsString>,

    /// How keys of an ordered table are written here.
    #[arg(long, value_enum, default_value_t = Encoding::Raw)]
    encoding: Encoding,
}

#[derive(Args, Debug)]
pub(crate) struct AddArgs {
    /// The table.
    #[arg(short, long, value_name = "NAME")]
    table: String,

    #[command(flatten)]
    range: RangeArgs,

    /// The partition's id; the node chooses unless told.
    #[arg(long, value_name = "N")]
    id: Option<u64>,

    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args, Debug)]
pub(crate) struct RmArgs {
    /// The partition's id.
    #[arg(required_unless_present = "table", conflicts_with_all = ["table", "start", "end", "all_within"])]
    id: Option<u64>,

    /// By table and range instead of by id.
    #[arg(short, long, value_name = "NAME")]
    table: Option<String>,

    #[command(flatten)]
    range: RangeArgs,

    /// All partitions within the range, not the one of exactly that range.
    #[arg(long, requires = "table")]
    all_within: bool,

    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args, Debug)]
pub(crate) struct EraseArgs {
    /// The partition's id.
    id: u64,

    /// Yes, for good.
    #[arg(long, required = true)]
    yes: bool,

    /// Although its table was dropped not long ago, and could be brought back.
    #[arg(long)]
    early: bool,

    #[command(flatten)]
    server: ServerArgs,
}

impl PartitionVerb {
    pub fn output(&self) -> Output {
        match self {
            PartitionVerb::Ls(args) => args.server.output,
            PartitionVerb::Add(args) => args.server.output,
            PartitionVerb::Rm(args) => args.server.output,
            PartitionVerb::Erase(args) => args.server.output,
        }
    }

    pub async fn carry_out(self, stage: &mut Stage<'_>) -> Result<u8, Failed> {
        match self {
            PartitionVerb::Ls(args) => ls(args, stage).await,
            PartitionVerb::Add(args) => add(args, stage).await,
            PartitionVerb::Rm(args) => rm(args, stage).await,
            PartitionVerb::Erase(args) => erase(args, stage).await,
        }
    }
}

async fn ls(args: LsArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let control = args.server.client()?.control();
    if let Some(table) = &args.table {
        tables::find(&control, table).await?;
    }
    let all_namespaces = args.all_namespaces;
    let request =
        ListPartitionsRequest { table: args.table.unwrap_or_default(), all_namespaces, ..Default::default() };
    let listed = control.list_partitions_of(request).await?;
    let layouts = layouts(&control, all_namespaces).await?;
    if args.server.output == Output::Json {
        let object = |one: &Partition| json::partition(one, is_hashed(&layouts, one));
        let partitions: Vec<Value> = listed.iter().map(object).collect();
        writeln!(stage.out, "{}", json!({ "partitions": partitions }))?;
    } else {
        print(&listed, &layouts, all_namespaces || args.server.output == Output::Wide, stage.out)?;
    }
    Ok(exit::OK)
}

/// Of tables that are there, and of those that were dropped.
async fn layouts(control: &Control, all_namespaces: bool) -> Result<Layouts, Failed> {
    let request = ListTablesRequest { header: None, all_namespaces, dropped: true };
    let listed = control.list_tables_of(request).await?;
    let dropped = listed.dropped.into_iter().filter_map(|dropped| dropped.table);
    let tables = dropped.chain(listed.tables);
    Ok(tables.map(|table| ((table.namespace, table.name), table.layout == "hashed")).collect())
}

async fn add(args: AddArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let control = args.server.client()?.control();
    let table = tables::find(&control, &args.table).await?;
    let range = args.range.read(table.layout == "hashed")?;
    let request = AddPartitionRequest {
        header: None,
        table: args.table,
        range: Some(range),
        id: args.id.unwrap_or_default(),
    };
    let id = control.add_partition(request).await?;
    match args.server.output {
        Output::Json => writeln!(stage.out, "{}", json!({ "id": id }))?,
        _ => writeln!(stage.out, "added: partition {id}")?,
    }
    Ok(exit::OK)
}

async fn rm(args: RmArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let control = args.server.client()?.control();
    let request = match (args.id, args.table) {
        (Some(id), _) => RemovePartitionRequest { id, ..Default::default() },
        (None, table) => {
            let table = table.unwrap_or_default();
            let hashed = tables::find(&control, &table).await?.layout == "hashed";
            let range = Some(args.range.read(hashed)?);
            RemovePartitionRequest { header: None, id: 0, table, range, allow_many: args.all_within }
        }
    };
    let removed = control.remove_partition(request).await?;
    match args.server.output {
        Output::Json => writeln!(stage.out, "{}", json!({ "ids": removed }))?,
        _ => writeln!(stage.out, "in quarantine: partitions {}", ids(&removed))?,
    }
    Ok(exit::OK)
}

async fn erase(args: EraseArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let request = EraseQuarantinedRequest { header: None, id: args.id, early: args.early };
    args.server.client()?.control().erase_quarantined(request).await?;
    match args.server.output {
        Output::Json => writeln!(stage.out, "{}", json!({ "erased": args.id }))?,
        _ => writeln!(stage.out, "erased: partition {}", args.id)?,
    }
    Ok(exit::OK)
}

impl RangeArgs {
    fn read(self, hashed: bool) -> Result<Range, Failed> {
        let bound = |bound: Option<OsString>| match bound {
            None => Ok(Bytes::new()),
            Some(bound) if hashed => point(&bound),
            Some(bound) => {
                let refused =
                    |why| Failed::usage(format!("the key cannot be read: {why}"), "See --encoding.");
                self.encoding.argument(bound).map_err(refused)
            }
        };
        Ok(Range { start: bound(self.start)?, end: bound(self.end)? })
    }
}

/// Where in a hashed table: 8 bytes, as 16 digits. Fewer are refused, because
/// it would be a guess at which end the others belong.
fn point(text: &OsString) -> Result<Bytes, Failed> {
    let shown = text.to_string_lossy();
    let digits = shown.strip_prefix("0x").unwrap_or(&shown);
    let bytes = unhex(digits.as_bytes()).filter(|bytes| bytes.len() == 8);
    let message = || format!("`{shown}` is no point of a hashed table");
    bytes.ok_or_else(|| Failed::usage(message(), "Write it as 16 hexadecimal digits: 8000000000000000."))
}

/// Which tables are hashed, by namespace and name.
pub(crate) type Layouts = BTreeMap<(String, String), bool>;

fn is_hashed(layouts: &Layouts, partition: &Partition) -> bool {
    let name = (partition.namespace.clone(), partition.table.clone());
    layouts.get(&name).copied().unwrap_or(false)
}

/// Partitions for people.
pub(crate) fn print(
    listed: &[Partition],
    layouts: &Layouts,
    wide: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let columns = if wide { broad(listed, layouts) } else { narrow(listed, layouts) };
    columns.print("", out)
}

fn narrow(listed: &[Partition], layouts: &Layouts) -> Columns {
    let mut columns = Columns::new(["ID", "TABLE", "START", "END", "STATE", "EPOCH", "APPLIED", "REASON"]);
    for one in listed {
        let [start, end] = bounds(one, is_hashed(layouts, one));
        let (id, applied) = (one.id.to_string(), one.applied.to_string());
        let Partition { table, state, reason, .. } = one.clone();
        columns.row([id, table, start, end, state, epoch(one), applied, reason]);
    }
    columns
}

fn epoch(partition: &Partition) -> String {
    let epoch = partition.epoch.unwrap_or_default();
    format!("{}.{}", epoch.generation, epoch.term)
}

#[rustfmt::skip] // the heading and its cells, line by line
fn broad(listed: &[Partition], layouts: &Layouts) -> Columns {
    let mut columns = Columns::new([
        "ID", "NAMESPACE", "TABLE", "START", "END", "ROLE", "STATE",
        "EPOCH", "APPLIED", "REQUESTS", "BYTES", "NODE", "REASON",
    ]);
    for one in listed {
        let [start, end] = bounds(one, is_hashed(layouts, one));
        let number = |number: u64| number.to_string();
        let Partition { namespace, table, role, state, reason, .. } = one.clone();
        columns.row([
            number(one.id), namespace, table, start, end, role, state, epoch(one),
            number(one.applied), number(one.requests), number(one.request_bytes), number(one.node), reason,
        ]);
    }
    columns
}

/// Start and end; a dash where there is none.
fn bounds(partition: &Partition, hashed: bool) -> [String; 2] {
    let Range { start, end } = partition.range.clone().unwrap_or_default();
    [start, end].map(|bound| match () {
        () if bound.is_empty() => "-".to_owned(),
        () if hashed => hex(&bound),
        () => shown(&bound),
    })
}

/// Ids in a row.
pub(crate) fn ids(ids: &[u64]) -> String {
    if ids.is_empty() {
        return "none".to_owned();
    }
    ids.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}
