//! The verbs, as the command line has them.

use crate::explain::ExplainArgs;
use crate::failed::Failed;
use crate::partitions::PartitionVerb;
use crate::rows::{GetArgs, PutArgs, RmArgs};
use crate::scan::ScanArgs;
use crate::server::Output;
use crate::stage::Stage;
use crate::status::StatusArgs;
use crate::tables::TableVerb;
use crate::verify::VerifyArgs;
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
    /// Remove rows
    Rm(RmArgs),
    /// Print rows in order, as they come
    ///
    /// A line for each row: key and value, with a tab between them. Ordered
    /// tables are in the order of keys, and can be asked for a part of it; hashed
    /// ones are in an order of their own.
    #[command(after_help = crate::scan::EXAMPLES, verbatim_doc_comment)]
    Scan(ScanArgs),
    /// Make, list, show and remove tables
    #[command(subcommand)]
    Table(TableVerb),
    /// Add, list, remove and erase partitions
    #[command(subcommand)]
    Partition(PartitionVerb),
    /// How a node is
    Status(StatusArgs),
    /// Let users work, kill the node, and judge what they saw
    ///
    /// Users write and read a table of their own, and everything they see is
    /// held against what a table promises: nothing acknowledged is lost, nothing
    /// appears twice, every read is as new as it has to be. Without an endpoint,
    /// a node is started in a scratch directory and killed every few seconds.
    #[command(after_help = crate::verify::EXAMPLES, verbatim_doc_comment)]
    Verify(VerifyArgs),
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
            Verb::Table(verb) => verb.output(),
            Verb::Partition(verb) => verb.output(),
            Verb::Status(args) => args.server.output,
            Verb::Verify(args) => args.output,
            Verb::Explain(args) => args.output,
        }
    }

    /// Does it; returns the exit code.
    pub(crate) async fn carry_out(self, stage: &mut Stage<'_>) -> Result<u8, Failed> {
        match self {
            Verb::Put(args) => crate::rows::put(args, stage).await,
            Verb::Get(args) => crate::rows::get(args, stage).await,
            Verb::Rm(args) => crate::rows::rm(args, stage).await,
            Verb::Scan(args) => crate::scan::scan(args, stage).await,
            Verb::Table(verb) => verb.carry_out(stage).await,
            Verb::Partition(verb) => verb.carry_out(stage).await,
            Verb::Status(args) => crate::status::status(args, stage).await,
            Verb::Verify(args) => crate::verify::verify(args, stage).await,
            Verb::Explain(args) => crate::explain::explain(&args, stage),
        }
    }
}
