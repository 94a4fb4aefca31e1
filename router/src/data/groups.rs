//! Commands on their way: by partition, offered to mailboxes, awaited at the
//! desk.

use super::account::account;
use super::asking::Asking;
use super::{DataPlane, lookup};
use crate::door::{Arrival, full};
use bytes::Bytes;
use model::command::{COMMAND_BYTES_EXTRA, put_command, put_question};
use model::{Key, OpId, code};
use partition_mgr::directory::{Standing, TableMap};
use pipeline::{Done, Request};
use proto::convert::Asked;
use proto::{Failure, ITEMS_MAX, UPSERT_BYTES_MAX};

/// What becomes a command.
pub(super) trait Ask {
    /// Which decides where it goes.
    fn key(&self) -> &Key;

    /// Bytes of its body.
    fn bytes(&self) -> usize;

    /// Appends its body.
    fn put(&self, out: &mut Vec<u8>);

    /// How many rows it may change.
    fn rows(&self) -> u32 {
        1
    }

    /// Is it taken although the log is nearly full, because it makes room?
    fn makes_room(&self) -> bool;
}

/// A request of so many encoded bytes: is it taken?
pub(super) fn check_size(bytes: usize) -> Result<(), Failure> {
    if bytes <= UPSERT_BYTES_MAX {
        return Ok(());
    }
    let message = format!("the request has {bytes} encoded bytes, {UPSERT_BYTES_MAX} are taken");
    Err(Failure::new(code::BATCH_TOO_LARGE, message))
}

/// The commands of one request for one partition.
pub(super) struct Group {
    /// Its place in the table's map.
    place: usize,
    payload: Vec<u8>,
    count: u32,
    /// As many as it may change.
    rows: u32,
    makes_room: bool,
}

/// Where an item's command went: which group, and which of its commands.
#[derive(Clone, Copy)]
pub(super) enum Spot {
    In { group: usize, at: u32 },
    Nowhere,
}

impl Group {
    fn at(place: usize) -> Group {
        Group { place, payload: Vec::new(), count: 0, rows: 0, makes_room: true }
    }

    /// One that asks what became of an operation on this key.
    pub fn asking(table: &TableMap, key: &Key, op: OpId) -> Result<Group, Failure> {
        let mut group = Group::at(table.index_of(key).ok_or_else(nowhere)?);
        put_question(&mut group.payload, op);
        (group.count, group.rows, group.makes_room) = (1, 1, false);
        Ok(group)
    }

    /// One command for a place that is known, under the request's own op-id. It
    /// takes so many rows away.
    pub fn clearing(place: usize, asked: &Asked, rows: u32, put: impl FnOnce(&mut Vec<u8>)) -> Group {
        let mut group = Group::at(place);
        let answered = Some(asked.answered_upto).filter(|upto| *upto > 0);
        put_command(&mut group.payload, asked.op, answered, put);
        (group.count, group.rows) = (1, rows);
        group
    }

    fn push(&mut self, ask: &impl Ask, op: Option<OpId>, answered_upto: u64) {
        self.payload.reserve(COMMAND_BYTES_EXTRA + ask.bytes());
        // The first command in each partition says how far the client has been
        // answered.
        let answered = Some(answered_upto).filter(|upto| self.count == 0 && *upto > 0);
        put_command(&mut self.payload, op, answered, |out| ask.put(out));
        self.makes_room &= ask.makes_room();
        self.count += 1;
        self.rows = self.rows.saturating_add(ask.rows());
    }
}

/// Commands by partition, each partition's in the order of the request. A
/// request that makes no sense is refused whole.
pub(super) fn split<A: Ask>(
    table: &TableMap,
    asked: &Asked,
    asks: impl Iterator<Item = Result<A, Failure>>,
    count: usize,
) -> Result<(Vec<Group>, Vec<Spot>), Failure> {
    match count {
        0 => return Err(Failure::new(code::MALFORMED, "the request has no items")),
        1..=ITEMS_MAX => {}
        more => {
            let what = format!("the request has {more} items, {ITEMS_MAX} are taken");
            return Err(Failure::new(code::BATCH_TOO_LARGE, what));
        }
    }
    if asked.op.is_some_and(|op| op.sequence.checked_add(count as u64).is_none()) {
        return Err(Failure::new(code::MALFORMED, "the op-id's sequences end before the items do"));
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut group_of: Vec<Option<usize>> = vec![None; table.places.len()];
    let mut spots = Vec::with_capacity(count);
    for (number, ask) in asks.enumerate() {
        let ask = ask?;
        let Some(place) = table.index_of(ask.key()) else {
            spots.push(Spot::Nowhere);
            continue;
        };
        let group = *group_of[place].get_or_insert_with(|| {
            groups.push(Group::at(place));
            groups.len() - 1
        });
        // A request takes as many sequences as it has items.
        let op = asked.op.map(|op| OpId { sequence: op.sequence + number as u64, ..op });
        let into = &mut groups[group];
        spots.push(Spot::In { group, at: into.count });
        into.push(&ask, op, asked.answered_upto);
    }
    Ok((groups, spots))
}

/// Sends them to their partitions, and comes back with what became of each.
pub(super) async fn send(
    plane: &DataPlane,
    arrival: Arrival,
    asked: &Asked,
    table: &TableMap,
    groups: Vec<Group>,
) -> Result<Vec<Result<Done, Failure>>, Failure> {
    let weight = plane.house.weigh(groups.iter().map(|group| group.payload.len()).sum(), arrival.rpc.streams);
    let _weight = weight.ok_or_else(full)?;
    let mut outcomes = Vec::with_capacity(groups.len());
    // All are on their way before the first is waited for.
    for group in groups {
        outcomes.push(begin(plane, arrival, asked, table, group));
    }
    let mut ends = Vec::with_capacity(outcomes.len());
    for outcome in outcomes {
        ends.push(match outcome {
            Ok(asking) => asking.end().await,
            Err(failure) => Err(failure),
        });
    }
    account(&plane.house, arrival, &ends);
    Ok(ends)
}

/// Sends a group off to its partition.
fn begin<'p>(
    plane: &'p DataPlane,
    arrival: Arrival,
    asked: &Asked,
    table: &'p TableMap,
    group: Group,
) -> Result<Asking<'p>, Failure> {
    let place = &table.places[group.place];
    // Where replicas agree, what is written stands behind everything that was answered.
    if let Standing::Serving(handle) = &place.standing
        && !handle.published.is_replicated()
    {
        lookup::has_seen(plane, handle, asked)?;
    }
    check_payload(group.payload.len(), plane.house.node.limits().request_payload_bytes_max())?;
    let deadline = arrival.until(asked.deadline_ms, plane.house.settings.deadline_ms);
    let count = group.count;
    let request = Request {
        payload: Bytes::from(group.payload),
        count,
        rows: group.rows,
        arrived: arrival.at,
        deadline: Some(deadline),
        expected_epoch: asked.expected_epoch,
        min_durability: asked.min_durability,
        makes_room: group.makes_room,
        token: (),
    };
    let asking = Asking::begin(plane, place, asked.forward, request)?;
    plane.house.meters.commands.inc_by(u64::from(count));
    Ok(asking)
}

/// Commands are longer in the log than on the wire, short ones many times.
fn check_payload(bytes: usize, bytes_max: usize) -> Result<(), Failure> {
    if bytes <= bytes_max {
        return Ok(());
    }
    let message =
        format!("the request's commands for one partition have {bytes} bytes in the log, {bytes_max} fit");
    Err(Failure::new(code::BATCH_TOO_LARGE, message))
}

/// No partition of the table holds the key.
pub(super) fn nowhere() -> Failure {
    Failure::new(code::NO_PARTITION, "no partition holds the key")
}
