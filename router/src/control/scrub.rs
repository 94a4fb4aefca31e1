//! `Scrub`: partition by partition, a few megabytes at a time, by threads that may
//! wait for a disk and have other things to do as well.

use crate::house::House;
use coordinator::TableName;
use model::{PartitionId, code};
use partition_mgr::directory::{Handle, Place, Standing, TableMap};
use partition_mgr::reading::ReadError;
use partition_mgr::scrubbing::{Scrub, Scrubbed};
use proto::Failure;
use proto::control::{self, ScrubRequest, ScrubResponse};
use proto::convert::header_from_wire;
use std::sync::Arc;

/// Bytes that are looked at in one turn.
const TURN_BYTES: u64 = 4 << 20;

pub(super) async fn scrub(house: &Arc<House>, request: ScrubRequest) -> Result<ScrubResponse, Failure> {
    let asked = header_from_wire(request.header)?;
    let namespace = asked.namespace.as_deref().unwrap_or(TableName::DEFAULT_NAMESPACE);
    let map = house.node.directory().current();
    let nobody = || {
        let what = format!("there is no table `{}` in namespace `{namespace}`", request.table);
        Failure::new(code::NO_TABLE, what)
    };
    let table = map.table(namespace, &request.table).ok_or_else(nobody)?.clone();
    let wanted = |place: &&Place| request.partition == 0 || place.id == PartitionId(request.partition);
    let places: Vec<&Place> = table.places.iter().filter(wanted).collect();
    if places.is_empty() {
        let what = format!("table `{}` has no such partition here", request.table);
        return Err(Failure::new(code::NO_PARTITION, what));
    }
    let mut scrubbed = Vec::new();
    for place in places {
        let Standing::Serving(handle) = &place.standing else {
            let what = format!("partition {} is not served, and has to be before it is scrubbed", place.id);
            return Err(Failure::new(code::PARTITION_FAILED, what));
        };
        scrubbed.push(to_wire(handle.id, one(house, &table, handle).await?));
    }
    Ok(ScrubResponse { scrubbed })
}

async fn one(house: &House, table: &TableMap, handle: &Handle) -> Result<Scrubbed, Failure> {
    let (layout, is_kv, own) = (table.spec.layout, table.spec.machine == "kv", handle.clone());
    let mut scrub = house.read_patiently(move || own.scrub(layout, is_kv)).await?.map_err(failure)?;
    loop {
        let turn = move || {
            let more = scrub.step(TURN_BYTES)?;
            Ok::<(Scrub, bool), ReadError>((scrub, more))
        };
        let (next, more) = house.read_patiently(turn).await?.map_err(failure)?;
        if !more {
            return Ok(next.finish());
        }
        scrub = next;
    }
}

fn failure(error: ReadError) -> Failure {
    Failure::new(error.code(), error.to_string())
}

fn to_wire(PartitionId(partition): PartitionId, found: Scrubbed) -> control::Scrubbed {
    let Scrubbed { index, hash, rows, others, bytes, events, findings, more } = found;
    let hash = bytes::Bytes::copy_from_slice(&hash.to_be_bytes());
    control::Scrubbed { partition, index, hash, rows, others, bytes, events, findings, more }
}
