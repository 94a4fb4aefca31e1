//! Leases.

use super::KeyArgs;
use crate::encoding::{Encoding, line};
use crate::exit;
use crate::failed::Failed;
use crate::json;
use crate::server::{Output, duration};
use crate::stage::Stage;
use clap::{Args, Subcommand};
use client::Held;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::time::Duration;

/// What is done to a lease.
#[derive(Debug, Subcommand)]
pub(crate) enum LeaseVerb {
    /// Take it, unless somebody else holds it; prints the token
    Acquire(AcquireArgs),
    /// Hold it longer
    Renew(RenewArgs),
    /// Give it back
    Release(ReleaseArgs),
}

#[derive(Args, Debug)]
pub(crate) struct AcquireArgs {
    #[command(flatten)]
    on: KeyArgs,

    /// Who is to hold it.
    holder: OsString,

    /// For how long.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    ttl: Duration,
}

#[derive(Args, Debug)]
pub(crate) struct RenewArgs {
    #[command(flatten)]
    on: KeyArgs,

    /// The holder's, as `acquire` printed it.
    token: u64,

    /// For how long from now on.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    ttl: Duration,
}

#[derive(Args, Debug)]
pub(crate) struct ReleaseArgs {
    #[command(flatten)]
    on: KeyArgs,

    /// The holder's, as `acquire` printed it.
    token: u64,
}

impl LeaseVerb {
    pub fn on(&self) -> &KeyArgs {
        match self {
            LeaseVerb::Acquire(args) => &args.on,
            LeaseVerb::Renew(args) => &args.on,
            LeaseVerb::Release(args) => &args.on,
        }
    }

    pub async fn carry_out(self, stage: &mut Stage<'_>) -> Result<u8, Failed> {
        let on = self.on();
        let (client, key, encoding, output) = (on.server.client()?, on.key()?, on.encoding, on.server.output);
        let leases = client.leases(on.table.as_str());
        match self {
            LeaseVerb::Acquire(AcquireArgs { on, holder, ttl }) => {
                let held = leases.acquire(key, on.bytes("holder", holder)?, ttl).await?;
                print(Some(&held), encoding, output, stage)
            }
            LeaseVerb::Renew(RenewArgs { token, ttl, .. }) => {
                let held = leases.renew(key, token, ttl).await?;
                print(Some(&held), encoding, output, stage)
            }
            LeaseVerb::Release(ReleaseArgs { token, .. }) => {
                leases.release(key, token).await?;
                match output {
                    Output::Json => writeln!(stage.out, "{}", json!({ "held": false }))?,
                    Output::Table | Output::Wide => writeln!(stage.out, "released")?,
                }
                Ok(exit::OK)
            }
        }
    }
}

pub(super) async fn query(on: KeyArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let (client, key) = (on.server.client()?, on.key()?);
    let held = client.leases(on.table).get(key).await?;
    print(held.as_ref(), on.encoding, on.server.output, stage)
}

fn print(
    held: Option<&Held>,
    encoding: Encoding,
    output: Output,
    stage: &mut Stage<'_>,
) -> Result<u8, Failed> {
    let Some(Held { token, remaining, holder, receipt }) = held else {
        match output {
            Output::Json => writeln!(stage.out, "{}", json!({ "held": false }))?,
            Output::Table | Output::Wide => writeln!(stage.err, "nobody holds it")?,
        }
        return Ok(exit::NO);
    };
    let ms = u64::try_from(remaining.as_millis()).unwrap_or(u64::MAX);
    match output {
        Output::Json => {
            let mut object = json::object();
            object.insert("held".to_owned(), true.into());
            object.insert("token".to_owned(), (*token).into());
            object.insert("remaining_ms".to_owned(), ms.into());
            json::bytes(&mut object, "holder", holder);
            object.insert("receipt".to_owned(), json::receipt(receipt));
            writeln!(stage.out, "{}", Value::from(object))?;
        }
        Output::Table | Output::Wide => {
            writeln!(stage.out, "token {token}  holder {}  for {ms} ms", line(encoding, holder))?;
        }
    }
    Ok(exit::OK)
}
