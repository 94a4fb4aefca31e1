//! `apply` and `query`: commands and questions to a table's machine.

mod counter;
mod lease;
mod raw;

use crate::encoding::Encoding;
use crate::failed::Failed;
use crate::rows::argument;
use crate::server::{Output, ServerArgs};
use crate::stage::Stage;
use bytes::Bytes;
use clap::{Args, Subcommand};
use counter::CounterVerb;
use lease::LeaseVerb;
use raw::RawArgs;
use std::ffi::OsString;

pub(crate) const APPLY_EXAMPLES: &str = "\
Examples:
  statehouse apply counter add page/1 1 -t hits
  statehouse apply counter add user/1 500 -t quota --most 10000
  statehouse apply lease acquire leader me --ttl 10s -t leases
  statehouse apply raw poll/1 yes -t polls";

pub(crate) const QUERY_EXAMPLES: &str = "\
Examples:
  statehouse query counter page/1 -t hits
  statehouse query lease leader -t leases
  statehouse query raw poll/1 '' -t polls";

/// Which machine is told what.
#[derive(Debug, Subcommand)]
pub(crate) enum ApplyVerb {
    /// Numbers by key
    #[command(subcommand)]
    Counter(CounterVerb),
    /// Who may, for a while, by key
    #[command(subcommand)]
    Lease(LeaseVerb),
    /// A machine of the application's own; prints what it says
    Raw(RawArgs),
}

/// Which machine is asked.
#[derive(Debug, Subcommand)]
pub(crate) enum QueryVerb {
    /// How a counter stands
    Counter(KeyArgs),
    /// Who holds a lease
    Lease(KeyArgs),
    /// A machine of the application's own; prints what it says
    Raw(RawArgs),
}

/// About which key of which table.
#[derive(Args, Debug)]
pub(crate) struct KeyArgs {
    /// 1 to 1,024 bytes of anything.
    key: OsString,

    /// The table.
    #[arg(short, long, value_name = "NAME")]
    table: String,

    /// How keys and what else is bytes are written here.
    #[arg(long, value_enum, default_value_t = Encoding::Raw)]
    encoding: Encoding,

    #[command(flatten)]
    server: ServerArgs,
}

impl KeyArgs {
    fn key(&self) -> Result<Bytes, Failed> {
        self.bytes("key", self.key.clone())
    }

    fn bytes(&self, name: &str, bytes: OsString) -> Result<Bytes, Failed> {
        argument(self.encoding, name, bytes)
    }
}

impl ApplyVerb {
    pub fn output(&self) -> Output {
        match self {
            ApplyVerb::Counter(verb) => verb.on().server.output,
            ApplyVerb::Lease(verb) => verb.on().server.output,
            ApplyVerb::Raw(args) => args.on.server.output,
        }
    }

    pub async fn carry_out(self, stage: &mut Stage<'_>) -> Result<u8, Failed> {
        match self {
            ApplyVerb::Counter(verb) => verb.carry_out(stage).await,
            ApplyVerb::Lease(verb) => verb.carry_out(stage).await,
            ApplyVerb::Raw(args) => raw::apply(args, stage).await,
        }
    }
}

impl QueryVerb {
    pub fn output(&self) -> Output {
        match self {
            QueryVerb::Counter(args) | QueryVerb::Lease(args) => args.server.output,
            QueryVerb::Raw(args) => args.on.server.output,
        }
    }

    pub async fn carry_out(self, stage: &mut Stage<'_>) -> Result<u8, Failed> {
        match self {
            QueryVerb::Counter(on) => counter::query(on, stage).await,
            QueryVerb::Lease(on) => lease::query(on, stage).await,
            QueryVerb::Raw(args) => raw::query(args, stage).await,
        }
    }
}
