//! Commands of machines: each about a key, and each on its own.

use super::groups::{Ask, check_size, send, split};
use super::together::together;
use super::{DataPlane, lookup, spoken};
use crate::door::Arrival;
use bytes::Bytes;
use machine::Machine;
use machine::keyed::{envelope_bytes, put_envelope};
use model::{Key, code};
use pipeline::{Done, Reply};
use proto::convert::{header_from_wire, key_from_wire};
use proto::data::{ApplyRequest, ApplyResponse, ApplyResult, MachineCommand, MachineReply, apply_result};
use proto::{Failure, encoded_len};

/// A command on its way.
struct Command {
    key: Key,
    body: Bytes,
}

impl Ask for Command {
    fn key(&self) -> &Key {
        &self.key
    }

    fn bytes(&self) -> usize {
        envelope_bytes(&self.key, self.body.len())
    }

    fn put(&self, out: &mut Vec<u8>) {
        put_envelope(&self.key, &self.body, out);
    }

    fn makes_room(&self) -> bool {
        false
    }
}

pub(super) async fn apply(
    plane: &DataPlane,
    arrival: Arrival,
    request: ApplyRequest,
) -> Result<ApplyResponse, Failure> {
    check_size(encoded_len(&request))?;
    let asked = header_from_wire(request.header)?;
    let table = lookup::table(&plane.directory.current(), &asked, &request.table)?;
    lookup::refuse_own(&table)?;
    lookup::durability(&table, &asked)?;
    let machine = lookup::machine(&table)?;
    let count = request.commands.len();
    let commands = request.commands.into_iter().enumerate().map(|(at, one)| command(machine, one, at));
    let (groups, spots) = split(&table, &asked, commands, count)?;
    let ends = send(plane, arrival, &asked, &table, groups).await?;
    let (receipts, outcomes) =
        together(plane, ends, &spots, |done, at, receipt| reply(machine, done, at, receipt))?;
    let results = outcomes.into_iter().map(result).collect();
    Ok(ApplyResponse { receipts, results })
}

/// Nonsense is refused here, before it costs the log anything.
fn command(machine: &dyn Machine, one: MachineCommand, at: usize) -> Result<Command, Failure> {
    let key = key_from_wire(&one.key, at)?;
    let body = spoken::body_of(machine.name(), one.command, at)?;
    let nonsense = |why| Failure::new(code::MALFORMED, format!("item {at}: {why}"));
    machine.check(&body).map_err(nonsense)?;
    Ok(Command { key, body })
}

/// What a command's reply says.
fn reply(machine: &dyn Machine, done: &Done, at: usize, receipt: u32) -> Result<MachineReply, Failure> {
    let now = done.first_index + at as u64;
    let (revision, reply) = match done.reply(at) {
        Reply::Now(reply) => (now, Some(reply)),
        Reply::Before(before) => (before.revision, before.reply),
        Reply::Refused(code) => return Err(Failure::new(code, code.title)),
    };
    said(machine, revision, reply, receipt)
}

/// The machine's words, as they are or in those of the wire.
pub(super) fn said(
    machine: &dyn Machine,
    revision: u64,
    reply: Option<Bytes>,
    receipt: u32,
) -> Result<MachineReply, Failure> {
    let too_long = reply.is_none();
    let reply = reply.map(|reply| spoken::reply_of(machine.name(), reply)).transpose()?;
    Ok(MachineReply { receipt, revision, reply, too_long })
}

pub(super) fn result(outcome: Result<MachineReply, Failure>) -> ApplyResult {
    let outcome = match outcome {
        Ok(reply) => apply_result::Outcome::Reply(reply),
        Err(failure) => apply_result::Outcome::Error(failure.to_wire()),
    };
    ApplyResult { outcome: Some(outcome) }
}
