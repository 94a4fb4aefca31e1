//! Writes: split by partition, offered to mailboxes, awaited at the desk, and
//! put together again in the order of the request.

use super::account::account;
use super::{DataPlane, lookup};
use crate::desk::Waiting;
use crate::door::{Arrival, full};
use bytes::Bytes;
use env::Plant;
use machine::{KvCommand, KvReply};
use model::command::{COMMAND_BYTES_EXTRA, put_command};
use model::{Code, Key, OpId, code};
use partition::Unaccepted;
use partition_mgr::directory::{Standing, TableMap};
use pipeline::{Answer, Done, Reply, Request};
use proto::convert::{Asked, Receipt, header_from_wire, key_from_wire, receipt_to_wire};
use proto::data::{
    Applied, ItemResult, RemoveRequest, RemoveResponse, UpsertRequest, UpsertResponse, item_result,
};
use proto::{Failure, ITEMS_MAX, UPSERT_BYTES_MAX, common, encoded_len};

/// The shard refuses what is late; the desk lets go only of what is stuck.
const GRACE_MS: u64 = 500;

/// What a write came to.
pub(super) struct Written {
    receipts: Vec<common::Receipt>,
    results: Vec<ItemResult>,
}

pub(super) async fn upsert(
    plane: &DataPlane,
    arrival: Arrival,
    request: UpsertRequest,
) -> Result<UpsertResponse, Failure> {
    check_size(encoded_len(&request))?;
    let asked = header_from_wire(request.header)?;
    let commands = request.items.into_iter().enumerate().map(|(at, item)| {
        let key = key_from_wire(&item.key, at)?;
        Ok(KvCommand::Upsert { key, value: item.value })
    });
    let Written { receipts, results } = write(plane, arrival, &asked, &request.table, commands).await?;
    Ok(UpsertResponse { receipts, results })
}

pub(super) async fn remove(
    plane: &DataPlane,
    arrival: Arrival,
    request: RemoveRequest,
) -> Result<RemoveResponse, Failure> {
    check_size(encoded_len(&request))?;
    let asked = header_from_wire(request.header)?;
    let commands = request.keys.into_iter().enumerate().map(|(at, key)| {
        let key = key_from_wire(&key, at)?;
        Ok(KvCommand::Remove { key })
    });
    let Written { receipts, results } = write(plane, arrival, &asked, &request.table, commands).await?;
    Ok(RemoveResponse { receipts, results })
}

fn check_size(bytes: usize) -> Result<(), Failure> {
    if bytes <= UPSERT_BYTES_MAX {
        return Ok(());
    }
    let message = format!("the request has {bytes} encoded bytes, {UPSERT_BYTES_MAX} are taken");
    Err(Failure::new(code::BATCH_TOO_LARGE, message))
}

async fn write(
    plane: &DataPlane,
    arrival: Arrival,
    asked: &Asked,
    table: &str,
    commands: impl ExactSizeIterator<Item = Result<KvCommand, Failure>>,
) -> Result<Written, Failure> {
    let table = lookup::table(&plane.directory.current(), asked, table)?;
    lookup::durability(&table, asked)?;
    let (groups, spots) = split(&table, asked, commands)?;
    let weight = plane.house.weigh(groups.iter().map(|group| group.payload.len()).sum(), arrival.rpc.streams);
    let _weight = weight.ok_or_else(full)?;
    let mut outcomes = Vec::with_capacity(groups.len());
    // All are on their way before the first is waited for.
    for group in groups {
        outcomes.push(offer(plane, arrival, asked, &table, group));
    }
    let mut ends = Vec::with_capacity(outcomes.len());
    for outcome in outcomes {
        ends.push(match outcome {
            Ok(waiting) => end(waiting.await),
            Err(failure) => Err(failure),
        });
    }
    account(&plane.house, arrival, &ends);
    if plane.house.node.plants().has(Plant::BatchTorn)
        && let Some(Err(failure)) = ends.iter().find(|end| end.is_err())
    {
        return Err(failure.clone());
    }
    together(ends, &spots)
}

/// The commands of one request for one partition.
struct Group {
    /// Its place in the table's map.
    place: usize,
    payload: Vec<u8>,
    count: u32,
    makes_room: bool,
}

/// Where an item's command went: which group, and which of its commands.
#[derive(Clone, Copy)]
enum Spot {
    In { group: usize, at: u32 },
    Nowhere,
}

/// Commands by partition, each partition's in the order of the request. A
/// request that makes no sense is refused whole.
fn split(
    table: &TableMap,
    asked: &Asked,
    commands: impl ExactSizeIterator<Item = Result<KvCommand, Failure>>,
) -> Result<(Vec<Group>, Vec<Spot>), Failure> {
    match commands.len() {
        0 => return Err(Failure::new(code::MALFORMED, "the request has no items")),
        1..=ITEMS_MAX => {}
        more => {
            let what = format!("the request has {more} items, {ITEMS_MAX} are taken");
            return Err(Failure::new(code::BATCH_TOO_LARGE, what));
        }
    }
    if asked.op.is_some_and(|op| op.sequence.checked_add(commands.len() as u64).is_none()) {
        return Err(Failure::new(code::MALFORMED, "the op-id's sequences end before the items do"));
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut group_of: Vec<Option<usize>> = vec![None; table.places.len()];
    let mut spots = Vec::with_capacity(commands.len());
    for (number, command) in commands.enumerate() {
        let command = command?;
        let Some(place) = table.index_of(key_of(&command)) else {
            spots.push(Spot::Nowhere);
            continue;
        };
        let group = *group_of[place].get_or_insert_with(|| {
            groups.push(Group { place, payload: Vec::new(), count: 0, makes_room: true });
            groups.len() - 1
        });
        let into = &mut groups[group];
        into.payload.reserve(COMMAND_BYTES_EXTRA + command.bytes());
        // A batch takes as many sequences as it has items. Its first command in
        // each partition says how far the client has been answered.
        let op = asked.op.map(|op| OpId { sequence: op.sequence + number as u64, ..op });
        let answered = Some(asked.answered_upto).filter(|upto| into.count == 0 && *upto > 0);
        put_command(&mut into.payload, op, answered, |out| command.put(out));
        into.makes_room &= matches!(command, KvCommand::Remove { .. });
        spots.push(Spot::In { group, at: into.count });
        into.count += 1;
    }
    Ok((groups, spots))
}

fn key_of(command: &KvCommand) -> &Key {
    match command {
        KvCommand::Upsert { key, .. } | KvCommand::Remove { key } => key,
    }
}

/// Puts a group into its partition's mailbox.
fn offer(
    plane: &DataPlane,
    arrival: Arrival,
    asked: &Asked,
    table: &TableMap,
    group: Group,
) -> Result<Waiting, Failure> {
    let handle = match &table.places[group.place].standing {
        Standing::Serving(handle) => handle,
        Standing::Failed(why) => return Err(Failure::new(code::PARTITION_FAILED, why.clone())),
    };
    check_payload(group.payload.len(), plane.house.node.limits().request_payload_bytes_max())?;
    let deadline = arrival.until(asked.deadline_ms, plane.house.settings.deadline_ms);
    let count = group.count;
    let request = Request {
        payload: Bytes::from(group.payload),
        count,
        arrived: arrival.at,
        deadline: Some(deadline),
        expected_epoch: asked.expected_epoch,
        min_durability: asked.min_durability,
        makes_room: group.makes_room,
        token: (),
    };
    let (token, waiting) = plane.desk.park(deadline.plus_ms(GRACE_MS));
    match handle.mailbox.offer(request, plane.desk.clone(), token) {
        Ok(()) => {
            plane.house.meters.commands.inc_by(u64::from(count));
            Ok(waiting)
        }
        Err(refused) => {
            plane.desk.unpark(token);
            let code = match refused {
                Unaccepted::Overloaded => code::OVERLOADED,
                Unaccepted::Gone => code::STOPPING,
            };
            Err(Failure::new(code, refused.to_string()))
        }
    }
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

fn end(answer: Answer) -> Result<Done, Failure> {
    answer.map_err(|refusal| Failure::new(refusal.code(), refusal.to_string()))
}

/// Results in the order of the items. When nothing at all was done, the reason
/// is the answer to the whole request; that something may have been done comes
/// before everything else.
fn together(mut ends: Vec<Result<Done, Failure>>, spots: &[Spot]) -> Result<Written, Failure> {
    if !ends.iter().any(Result::is_ok) {
        let unknown =
            |end: &Result<Done, Failure>| end.as_ref().is_err_and(|why| why.is(code::UNKNOWN_OUTCOME));
        let first = ends.iter().position(unknown).or(if ends.is_empty() { None } else { Some(0) });
        let first = first.map(|at| ends.swap_remove(at));
        return Err(match first {
            Some(Err(failure)) => failure,
            _ => nowhere(),
        });
    }
    if let Some(code) = refused_whole(&ends) {
        return Err(Failure::new(code, code.title));
    }
    let mut receipts = Vec::with_capacity(ends.len());
    let receipt_of: Vec<u32> = ends
        .iter()
        .map(|end| {
            receipts.extend(end.as_ref().ok().map(|done| receipt_to_wire(&receipt(done))));
            u32::try_from(receipts.len().saturating_sub(1)).unwrap_or(u32::MAX)
        })
        .collect();
    let results = spots.iter().map(|spot| {
        let outcome = match spot {
            Spot::Nowhere => item_result::Outcome::Error(nowhere().to_wire()),
            Spot::In { group, at } => match &ends[*group] {
                Ok(done) => applied(done, *at, receipt_of[*group]),
                Err(failure) => item_result::Outcome::Error(failure.to_wire()),
            },
        };
        ItemResult { outcome: Some(outcome) }
    });
    Ok(Written { results: results.collect(), receipts })
}

/// Was every single command refused when it was its turn? Then why the first was.
fn refused_whole(ends: &[Result<Done, Failure>]) -> Option<Code> {
    let replies = |done: &Done| (0..done.count as usize).map(|at| done.reply(at)).collect::<Vec<_>>();
    let mut why = None;
    for reply in ends.iter().flatten().flat_map(replies) {
        let Reply::Refused(code) = reply else { return None };
        why.get_or_insert(code);
    }
    why.filter(|_| ends.iter().all(Result::is_ok))
}

fn nowhere() -> Failure {
    Failure::new(code::NO_PARTITION, "no partition holds the key")
}

fn applied(done: &Done, at: u32, receipt: u32) -> item_result::Outcome {
    let now = done.first_index + u64::from(at);
    let (revision, reply) = match done.reply(at as usize) {
        Reply::Now(reply) => (now, reply),
        // No reply of `kv` is too long to be kept.
        Reply::Before(before) => (before.revision, before.reply.unwrap_or_default()),
        Reply::Refused(code) => {
            return item_result::Outcome::Error(Failure::new(code, code.title).to_wire());
        }
    };
    match KvReply::decode(&reply) {
        KvReply::Done => item_result::Outcome::Applied(Applied { receipt, revision, not_found: false }),
        KvReply::NotFound => item_result::Outcome::Applied(Applied { receipt, revision, not_found: true }),
        KvReply::Unreadable => {
            let failure = Failure::new(code::MALFORMED, "the table's machine does not know this command");
            item_result::Outcome::Error(failure.to_wire())
        }
    }
}

fn receipt(done: &Done) -> Receipt {
    Receipt {
        partition: done.partition,
        epoch: done.epoch,
        index: done.last_index(),
        durability: done.durability,
        stale: false,
        age_ms: 0,
    }
}
