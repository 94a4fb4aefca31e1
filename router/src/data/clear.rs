//! Removing a range: one command at the first partition that it reaches, and where
//! the next request goes on.

use super::groups::{Group, nowhere, send};
use super::way::{Span, Stretch, nobody_holds};
use super::worth::receipt;
use super::{DataPlane, lookup};
use crate::door::Arrival;
use bytes::Bytes;
use machine::{Clear, KvCommand, KvReply};
use model::{KeyRange, code};
use pipeline::{Done, Reply};
use proto::Failure;
use proto::convert::{Asked, receipt_to_wire};
use proto::data::{RemoveResponse, RowRange};

pub(super) async fn clear(
    plane: &DataPlane,
    arrival: Arrival,
    asked: &Asked,
    table: &str,
    range: &RowRange,
) -> Result<RemoveResponse, Failure> {
    let table = lookup::rows(&plane.directory.current(), asked, table)?;
    lookup::refuse_own(&table)?;
    lookup::durability(&table, asked)?;
    let span = Span::removed(range, table.spec.layout)?;
    let stretches = span.map_or_else(Vec::new, |span| span.stretches(&table.places, false));
    let (place, rows) = match stretches.first() {
        Some(Stretch::Rows(place, rows)) => (*place, rows),
        Some(Stretch::Gap(keys)) => return Err(nobody_holds(keys)),
        // There is nothing to be done, and so nothing in history.
        None => return Ok(RemoveResponse::default()),
    };
    let most = most(plane, range.limit);
    let command = KvCommand::Clear(command(plane, most, rows)?);
    let group = Group::clearing(place, asked, most, |out| command.put(out));
    let ends = send(plane, arrival, asked, &table, vec![group]).await?;
    let done = ends.into_iter().next().unwrap_or_else(|| Err(nowhere()))?;
    let (removed, next) = cleared(&done)?;
    Ok(RemoveResponse {
        receipts: vec![receipt_to_wire(&receipt(plane, &done))],
        results: Vec::new(),
        removed: u64::from(removed),
        next: next.or_else(|| stretches.get(1).map(start)).unwrap_or_default(),
    })
}

/// So many rows go at once.
fn most(plane: &DataPlane, limit: u64) -> u32 {
    let most = plane.house.node.limits().remove_rows_max;
    match u32::try_from(limit) {
        Ok(0) | Err(_) => most,
        Ok(limit) => limit.min(most),
    }
}

fn command(plane: &DataPlane, most: u32, rows: &KeyRange) -> Result<Clear, Failure> {
    let upto = rows.end().map_or(&[][..], |end| &end[1..]);
    let clear = Clear::new(&rows.start()[1..], upto, most, plane.house.node.limits().remove_bytes_max);
    clear.ok_or_else(|| Failure::new(code::RANGE_INVALID, "the range is empty"))
}

/// Where a stretch begins, without the kind of its rows.
fn start(stretch: &Stretch) -> Bytes {
    match stretch {
        Stretch::Rows(_, rows) => Bytes::copy_from_slice(&rows.start()[1..]),
        Stretch::Gap(keys) => Bytes::copy_from_slice(keys.start()),
    }
}

/// How many rows are gone, and where the partition's own go on.
fn cleared(done: &Done) -> Result<(u32, Option<Bytes>), Failure> {
    let reply = match done.reply(0) {
        Reply::Now(reply) => reply,
        // No reply of `kv` is too long to be kept.
        Reply::Before(before) => before.reply.unwrap_or_default(),
        Reply::Refused(code) => return Err(Failure::new(code, code.title)),
    };
    match KvReply::decode(&reply) {
        KvReply::Cleared { rows, next } => Ok((rows, next)),
        KvReply::Unreadable => {
            Err(Failure::new(code::MALFORMED, "the table's machine does not know this command"))
        }
        _ => Err(Failure::new(code::MALFORMED, "the op-id was that of another request")),
    }
}
