//! Counters.

use super::KeyArgs;
use crate::exit;
use crate::failed::Failed;
use crate::json;
use crate::server::Output;
use crate::stage::Stage;
use clap::{Args, Subcommand};
use client::{Counted, Limits};
use serde_json::json;

/// What is done to a counter.
#[derive(Debug, Subcommand)]
pub(crate) enum CounterVerb {
    /// Add an amount, which may be below 0, unless the sum would leave its limits
    Add(AddArgs),
}

#[derive(Args, Debug)]
pub(crate) struct AddArgs {
    #[command(flatten)]
    on: KeyArgs,

    /// How much.
    #[arg(allow_negative_numbers = true)]
    amount: i64,

    /// The sum may not be lowered below.
    #[arg(long, allow_negative_numbers = true)]
    least: Option<i64>,

    /// The sum may not be raised above, together with what is reserved.
    #[arg(long, allow_negative_numbers = true)]
    most: Option<i64>,
}

impl CounterVerb {
    pub fn on(&self) -> &KeyArgs {
        let CounterVerb::Add(AddArgs { on, .. }) = self;
        on
    }

    pub async fn carry_out(self, stage: &mut Stage<'_>) -> Result<u8, Failed> {
        let CounterVerb::Add(AddArgs { on, amount, least, most }) = self;
        let (client, key, limits) = (on.server.client()?, on.key()?, Limits { least, most });
        let counted = client.counter(on.table).add_within(key, amount, limits).await?;
        print(&counted, on.server.output, stage)
    }
}

pub(super) async fn query(on: KeyArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let (client, key) = (on.server.client()?, on.key()?);
    print(&client.counter(on.table).get(key).await?, on.server.output, stage)
}

fn print(counted: &Counted, output: Output, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let Counted { value, reserved, revision, receipt } = counted;
    match output {
        Output::Json => {
            let receipt = json::receipt(receipt);
            let object =
                json!({ "value": value, "reserved": reserved, "revision": revision, "receipt": receipt });
            writeln!(stage.out, "{object}")?;
        }
        Output::Table => writeln!(stage.out, "{value}")?,
        Output::Wide => writeln!(stage.out, "{value}  reserved {reserved}  revision {revision}")?,
    }
    Ok(exit::OK)
}
