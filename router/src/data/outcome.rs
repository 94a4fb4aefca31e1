//! What became of an operation: a command that asks stands in history, so that
//! what it hears is true from then on.

use super::groups::{Group, send};
use super::worth::receipt;
use super::write::applied;
use super::{DataPlane, apply, lookup};
use crate::door::Arrival;
use machine::KvReply;
use model::code;
use partition_mgr::directory::TableMap;
use pipeline::{Done, Reply, retries::Answered};
use proto::Failure;
use proto::convert::{header_from_wire, key_from_wire, op_from_wire, receipt_to_wire};
use proto::data::{ItemResult, OutcomeRequest, OutcomeResponse, item_result};

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
    lookup::refuse_own(&table)?;
    lookup::durability(&table, &asked)?;
    let group = Group::asking(&table, &key, op)?;
    let ends = send(plane, arrival, &asked, &table, vec![group]).await?;
    let done = ends.into_iter().next().unwrap_or_else(|| Err(super::groups::nowhere()))?;
    said(plane, &done, &table)
}

fn said(plane: &DataPlane, done: &Done, table: &TableMap) -> Result<OutcomeResponse, Failure> {
    let receipt = Some(receipt_to_wire(&receipt(plane, done)));
    let unknown = OutcomeResponse { receipt, ..OutcomeResponse::default() };
    match done.reply(0) {
        Reply::Before(before) if table.spec.machine == "kv" => {
            Ok(OutcomeResponse { known: true, result: Some(of_row(before)), ..unknown })
        }
        Reply::Before(Answered { revision, reply }) => {
            let said = apply::said(lookup::machine(table)?, revision, reply, 0);
            Ok(OutcomeResponse { known: true, reply: Some(apply::result(said)), ..unknown })
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
