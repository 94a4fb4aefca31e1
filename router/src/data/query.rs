//! Questions to machines: from one moment of a partition's store, past its shard,
//! by a thread that may wait for a disk.

use super::read::failure;
use super::serving::{right, serving};
use super::worth::Worth;
use super::{DataPlane, lookup, spoken};
use crate::door::Arrival;
use model::code;
use partition_mgr::asking::Asking;
use proto::Failure;
use proto::convert::{header_from_wire, key_from_wire, receipt_to_wire};
use proto::data::{QueryRequest, QueryResponse};

pub(super) async fn query(
    plane: &DataPlane,
    arrival: Arrival,
    request: QueryRequest,
) -> Result<QueryResponse, Failure> {
    let asked = header_from_wire(request.header)?;
    let key = key_from_wire(&request.key, 0)?;
    let table = lookup::table(&plane.directory.current(), &asked, &request.table)?;
    let durability = lookup::durability(&table, &asked)?;
    let name = lookup::machine(&table)?.name();
    let place = table.place_of(&key).ok_or_else(super::groups::nowhere)?;
    let until = arrival.until(asked.deadline_ms, plane.house.settings.deadline_ms);
    let handle = serving(plane, place)?.clone();
    let right = right(plane, place, &handle, &asked, until).await?;
    let (partition, of) = (handle.id, table.clone());
    let lacks = || Failure::new(code::NO_MACHINE, "this build has no such machine");
    let work = move || {
        let machine = of.machine.as_ref()?;
        Some(handle.ask(Asking {
            machine,
            key: &key,
            body: &request.body,
            expected: asked.expected_epoch,
            right,
        }))
    };
    let said = plane.house.read(Some(until), work).await?.ok_or_else(lacks)?.map_err(failure)?;
    let body = said.answer.map_err(|why| Failure::new(code::MALFORMED, why.to_string()))?;
    let (epoch, index) = (said.epoch, said.applied);
    let worth = Worth::new(plane, durability);
    let receipt = worth.receipt(partition, epoch, index, said.as_of);
    let answer = Some(spoken::answer_of(name, body)?);
    Ok(QueryResponse { receipt: Some(receipt_to_wire(&receipt)), answer })
}
