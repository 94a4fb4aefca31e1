//! What became of an operation: a command that asks stands in history, so that
//! what it hears is true from then on.

use super::groups::{Group, receipt, send};
use super::write::applied;
use super::{DataPlane, lookup};
use crate::door::Arrival;
use machine::KvReply;
use model::code;
use pipeline::{Done, Reply, retries::Answered};
use proto::Failure;
use proto::convert::{header_from_wire, key_from_wire, op_from_wire, receipt_to_wire};
use proto::data::{
    ApplyResult, ItemResult, MachineReply, OutcomeRequest, OutcomeResponse, apply_result, item_result,
};

pub(super) async fn outcome(
    plane: &DataPlane,
    arrival: Arrival,
    request: OutcomeRequest,
) -> Result<OutcomeResponse, Failure> {
    let asked = header_from_wire(request.header)?;
    let op = request.op.ok_or_else(|| Failure::new(code::MALFORMED, "the request names no operation"))?;
    let op = op_from_wire(op)?;
    let key = key_from_wire(&request.key, 0)?;
    let table = lookup::table(&plane.directory.current(), &asked, &request.table)?;
    lookup::durability(&table, &asked)?;
    let group = Group::asking(&table, &key, op)?;
    let ends = send(plane, arrival, &asked, &table, vec![group]).await?;
    let done = ends.into_iter().next().unwrap_or_else(|| Err(super::groups::nowhere()))?;
    said(&done, table.spec.machine == "kv")
}

fn said(done: &Done, of_rows: bool) -> Result<OutcomeResponse, Failure> {
    let receipt = Some(receipt_to_wire(&receipt(done)));
    let unknown = OutcomeResponse { receipt, ..OutcomeResponse::default() };
    match done.reply(0) {
        Reply::Before(before) if of_rows => {
            Ok(OutcomeResponse { known: true, result: Some(of_row(before)), ..unknown })
        }
        Reply::Before(before) => {
            Ok(OutcomeResponse { known: true, reply: Some(of_machine(before)), ..unknown })
        }
        Reply::Refused(code::OP_GIVEN_UP) => Ok(unknown),
        Reply::Refused(code) => Err(Failure::new(code, code.title)),
        Reply::Now(_) => Err(Failure::new(code::INTERNAL, "a question was taken for a command")),
    }
}

fn of_row(before: Answered) -> ItemResult {
    let reply = KvReply::decode(&before.reply.unwrap_or_default());
    let outcome = match applied(reply, before.revision, 0, 0) {
        Ok(applied) => item_result::Outcome::Applied(applied),
        Err(failure) => item_result::Outcome::Error(failure.to_wire()),
    };
    ItemResult { outcome: Some(outcome) }
}

fn of_machine(before: Answered) -> ApplyResult {
    let too_long = before.reply.is_none();
    let body = before.reply.unwrap_or_default();
    let reply = MachineReply { receipt: 0, revision: before.revision, body, too_long };
    ApplyResult { outcome: Some(apply_result::Outcome::Reply(reply)) }
}
