//! The verbs, as the command line has them.

use crate::cluster::{ClusterVerb, NodeVerb};
use crate::explain::ExplainArgs;
use crate::export::ExportArgs;
use crate::failed::Failed;
use crate::import::ImportArgs;
use crate::machines::{ApplyVerb, QueryVerb};
use crate::partitions::PartitionVerb;
use crate::rows::{GetArgs, PutArgs, RmArgs};
use crate::scan::ScanArgs;
use crate::scrub::ScrubArgs;
use crate::server::Output;
use crate::stage::Stage;
use crate::status::StatusArgs;
use crate::tables::TableVerb;
use crate::tail::TailArgs;
use crate::touch::TouchArgs;
use crate::verify::VerifyArgs;
use crate::watch::WatchArgs;
use clap::Subcommand;

/// What can be asked of a server.
#[derive(Debug, Subcommand)]
#[allow(private_interfaces, reason = "what a verb takes is between clap and this crate")]
pub enum Verb {
    /// Set a row
    #[command(after_help = crate::rows::PUT_EXAMPLES)]
    Put(PutArgs),
    /// Print a row's value
    #[command(after_help = crate::rows::GET_EXAMPLES)]
    Get(GetArgs),
    /// Remove rows, by key or a whole range
    ///
    /// A range goes step by step, each at once and whole; rows that are written
    /// meanwhile may stay or go. It is asked for first, unless --yes is given.
    #[command(after_help = crate::rows::RM_EXAMPLES, verbatim_doc_comment)]
    Rm(RmArgs),
    /// Print rows in order, as they come
    ///
    /// A line for each row: key and value, with a tab between them. Ordered
    /// tables are in the order of keys, and can be asked for a part of it; hashed
    /// ones are in an order of their own.
    #[command(after_help = crate::scan::EXAMPLES, verbatim_doc_comment)]
    Scan(ScanArgs),
    /// Read every row of a table again, and say what is wrong
    #[command(after_help = crate::scrub::EXAMPLES)]
    Scrub(ScrubArgs),
    /// Write rows as lines of JSON
    ///
    /// All rows of a table or of a range of it, each partition's as they were at
    /// one moment, which a line before them names. The last line says how many
    /// there were, so that a cut file is known as one.
    #[command(after_help = crate::export::EXAMPLES, verbatim_doc_comment)]
    Export(ExportArgs),
    /// Load rows from lines of JSON
    ///
    /// Lines of an export, or of your own with `key` and `value` (`key_base64`,
    /// `value_base64`) in the order of the keys' bytes. Whatever ends it, the rows
    /// before are in the table, and it says how to go on behind them.
    #[command(after_help = crate::import::EXAMPLES, verbatim_doc_comment)]
    Import(ImportArgs),
    /// Make, list, show and remove tables
    #[command(subcommand)]
    Table(TableVerb),
    /// Add, list, remove and erase partitions
    #[command(subcommand)]
    Partition(PartitionVerb),
    /// How a node is
    Status(StatusArgs),
    /// Make a cluster of a node, and show how it is
    #[command(subcommand)]
    Cluster(ClusterVerb),
    /// The nodes of a cluster
    #[command(subcommand)]
    Node(NodeVerb),
    /// Let users work, kill the node, and judge what they saw
    ///
    /// Users write and read a table of their own, and everything they see is
    /// held against what a table promises: nothing acknowledged is lost, nothing
    /// appears twice, every read is as new as it has to be. Without an endpoint,
    /// a node is started in a scratch directory and killed every few seconds.
    #[command(after_help = crate::verify::EXAMPLES, verbatim_doc_comment)]
    Verify(VerifyArgs),
    /// Print what happens to rows, as it happens
    ///
    /// A line for each event: what happened, the key, and the value that it has
    /// from then on, with tabs between them; with -o json also marks, whose
    /// positions go on where it ended.
    #[command(after_help = crate::watch::EXAMPLES, verbatim_doc_comment)]
    Watch(WatchArgs),
    /// Print what happens in one partition, as it happens
    #[command(after_help = crate::tail::EXAMPLES)]
    Tail(TailArgs),
    /// Have rows last for a while from now on, as they are
    #[command(after_help = crate::touch::EXAMPLES)]
    Touch(TouchArgs),
    /// Have a table's machine apply a command
    #[command(subcommand, after_help = crate::machines::APPLY_EXAMPLES)]
    Apply(ApplyVerb),
    /// Ask a table's machine
    #[command(subcommand, after_help = crate::machines::QUERY_EXAMPLES)]
    Query(QueryVerb),
    /// What an error code means: what is safe, and what to do next
    Explain(ExplainArgs),
}

impl Verb {
    pub(crate) fn output(&self) -> Output {
        match self {
            Verb::Put(args) => args.server.output,
            Verb::Get(args) => args.server.output,
            Verb::Rm(args) => args.server.output,
            Verb::Scan(args) => args.server.output,
            Verb::Scrub(args) => args.server.output,
            Verb::Export(args) => args.server.output,
            Verb::Import(args) => args.server.output,
            Verb::Table(verb) => verb.output(),
            Verb::Partition(verb) => verb.output(),
            Verb::Status(args) => args.server.output,
            Verb::Cluster(verb) => verb.output(),
            Verb::Node(verb) => verb.output(),
            Verb::Verify(args) => args.output,
            Verb::Watch(args) => args.server.output,
            Verb::Tail(args) => args.server.output,
            Verb::Touch(args) => args.server.output,
            Verb::Apply(verb) => verb.output(),
            Verb::Query(verb) => verb.output(),
            Verb::Explain(args) => args.output,
        }
    }

    /// Does it read its input while it works?
    pub(crate) fn reads_on(&self) -> bool {
        matches!(self, Verb::Import(_))
    }

    /// Does it; returns the exit code.
    pub(crate) async fn carry_out(self, stage: &mut Stage<'_>) -> Result<u8, Failed> {
        match self {
            Verb::Put(args) => crate::rows::put(args, stage).await,
            Verb::Get(args) => crate::rows::get(args, stage).await,
            Verb::Rm(args) => Box::pin(crate::rows::rm(args, stage)).await,
            Verb::Scan(args) => crate::scan::scan(args, stage).await,
            Verb::Scrub(args) => crate::scrub::scrub(args, stage).await,
            Verb::Export(args) => crate::export::export(args, stage).await,
            Verb::Import(args) => crate::import::import(args, stage).await,
            Verb::Table(verb) => verb.carry_out(stage).await,
            Verb::Partition(verb) => verb.carry_out(stage).await,
            Verb::Status(args) => crate::status::status(args, stage).await,
            Verb::Cluster(verb) => verb.carry_out(stage).await,
            Verb::Node(verb) => verb.carry_out(stage).await,
            // It is large, and no other verb should be for its sake.
            Verb::Verify(args) => Box::pin(crate::verify::verify(args, stage)).await,
            Verb::Watch(args) => crate::watch::watch(args, stage).await,
            Verb::Tail(args) => crate::tail::tail(args, stage).await,
            Verb::Touch(args) => crate::touch::touch(args, stage).await,
            Verb::Apply(verb) => verb.carry_out(stage).await,
            Verb::Query(verb) => verb.carry_out(stage).await,
            Verb::Explain(args) => crate::explain::explain(&args, stage),
        }
    }
}
