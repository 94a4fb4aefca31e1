//! Machines of the application's own, in their own form.

use super::KeyArgs;
use crate::exit;
use crate::failed::Failed;
use crate::json;
use crate::server::Output;
use crate::stage::Stage;
use bytes::Bytes;
use clap::Args;
use client::{Applied, Receipt, Told};
use serde_json::Value;
use std::ffi::OsString;

#[derive(Args, Debug)]
pub(crate) struct RawArgs {
    #[command(flatten)]
    pub on: KeyArgs,

    /// The command or question, in the machine's own form.
    body: OsString,
}

pub(super) async fn apply(RawArgs { on, body }: RawArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let (client, key, body) = (on.server.client()?, on.key()?, on.bytes("body", body)?);
    let Applied { reply, revision, receipt } = client.table(on.table.as_str()).apply(key, body).await?;
    Said { bytes: reply, revision: Some(revision), receipt }.print(&on, stage)
}

pub(super) async fn query(RawArgs { on, body }: RawArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let (client, key, body) = (on.server.client()?, on.key()?, on.bytes("body", body)?);
    let Told { answer, receipt } = client.table(on.table.as_str()).query(key, body).await?;
    Said { bytes: Some(answer), revision: None, receipt }.print(&on, stage)
}

/// What a machine said.
struct Said {
    /// None if it was too long to be kept for who asks again.
    bytes: Option<Bytes>,
    /// Of a command.
    revision: Option<u64>,
    receipt: Receipt,
}

impl Said {
    fn print(self, on: &KeyArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
        let Said { bytes, revision, receipt } = self;
        if on.server.output == Output::Json {
            let mut object = json::object();
            match &bytes {
                Some(bytes) => json::bytes(&mut object, "reply", bytes),
                None => drop(object.insert("too_long".to_owned(), true.into())),
            }
            object.extend(revision.map(|revision| ("revision".to_owned(), revision.into())));
            object.insert("receipt".to_owned(), json::receipt(&receipt));
            writeln!(stage.out, "{}", Value::from(object))?;
            return Ok(exit::OK);
        }
        match bytes {
            Some(bytes) => stage.out.write_all(&on.encoding.encode(&bytes))?,
            None => writeln!(stage.err, "it was done; the reply was too long to be kept")?,
        }
        if stage.terminal {
            stage.out.write_all(b"\n")?;
        }
        stage.out.flush()?;
        if let Some(revision) = revision.filter(|_| on.server.output == Output::Wide) {
            writeln!(stage.err, "revision {revision}")?;
        }
        Ok(exit::OK)
    }
}
