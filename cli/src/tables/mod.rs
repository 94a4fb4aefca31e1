//! `table`: tables as wholes.

mod alter;
mod copy;
mod create;
mod ls;
mod rm;
mod show;
mod undrop;

use crate::failed::Failed;
use crate::server::Output;
use crate::stage::Stage;
use clap::Subcommand;
use client::Control;
use proto::control::Table;

#[derive(Debug, Subcommand)]
pub(crate) enum TableVerb {
    /// Make a table and its first partitions
    #[command(after_help = create::EXAMPLES)]
    Create(create::CreateArgs),
    /// Say what would come of `create`, and make nothing
    Check(create::CreateArgs),
    /// List the tables, or those that were dropped
    Ls(ls::LsArgs),
    /// Show everything of a table
    Show(show::ShowArgs),
    /// Change a table while it serves: its name
    Alter(alter::AlterArgs),
    /// Make a table of another's rows, while that one serves
    Copy(copy::CopyArgs),
    /// Remove a table with its rows; it can be brought back
    Rm(rm::RmArgs),
    /// Bring a removed table back
    Undrop(undrop::UndropArgs),
}

impl TableVerb {
    pub fn output(&self) -> Output {
        let server = match self {
            TableVerb::Create(args) | TableVerb::Check(args) => &args.server,
            TableVerb::Ls(args) => &args.server,
            TableVerb::Show(args) => &args.server,
            TableVerb::Alter(args) => &args.server,
            TableVerb::Copy(args) => &args.server,
            TableVerb::Rm(args) => &args.server,
            TableVerb::Undrop(args) => &args.server,
        };
        server.output
    }

    pub async fn carry_out(self, stage: &mut Stage<'_>) -> Result<u8, Failed> {
        match self {
            TableVerb::Create(args) => create::create(args, false, stage).await,
            TableVerb::Check(args) => create::create(args, true, stage).await,
            TableVerb::Ls(args) => ls::ls(args, stage).await,
            TableVerb::Show(args) => show::show(args, stage).await,
            TableVerb::Alter(args) => alter::alter(args, stage).await,
            TableVerb::Copy(args) => copy::copy(args, stage).await,
            TableVerb::Rm(args) => rm::rm(args, stage).await,
            TableVerb::Undrop(args) => undrop::undrop(args, stage).await,
        }
    }
}

/// The table of this name.
pub(crate) async fn find(control: &Control, name: &str) -> Result<Table, Failed> {
    let tables = control.list_tables().await?;
    let found = tables.into_iter().find(|table| table.name == name);
    found.ok_or_else(|| Failed::no_table(name))
}
