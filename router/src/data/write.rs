//! Writes of a `kv` table's rows: split by partition, or one command for all,
//! and put together again in the order of the request.

use super::clear::clear;
use super::groups::{Ask, check_size, nowhere, send, split};
use super::together::together;
use super::worth::receipt;
use super::{DataPlane, lookup};
use crate::door::Arrival;
use env::Plant;
use machine::{Act, Change, KvCommand, KvReply, TTL_MS_MAX};
use model::{Key, code};
use partition_mgr::directory::TableMap;
use pipeline::{Done, Reply};
use proto::convert::{Asked, condition_from_wire, header_from_wire, key_from_wire, receipt_to_wire};
use proto::data::{
    Applied, Item, ItemResult, RemoveRequest, RemoveResponse, UpsertRequest, UpsertResponse, item_result,
};
use proto::{ATOMIC_ITEMS_MAX, Failure, common, encoded_len};
use std::sync::Arc;

/// What a write came to.
pub(super) struct Written {
    receipts: Vec<common::Receipt>,
    results: Vec<ItemResult>,
}

impl Ask for Change {
    fn key(&self) -> &Key {
        &self.key
    }

    fn bytes(&self) -> usize {
        Change::bytes(self)
    }

    fn put(&self, out: &mut Vec<u8>) {
        Change::put(self, out);
    }

    fn makes_room(&self) -> bool {
        self.act == Act::Remove
    }
}

pub(super) async fn upsert(
    plane: &DataPlane,
    arrival: Arrival,
    request: UpsertRequest,
) -> Result<UpsertResponse, Failure> {
    check_size(encoded_len(&request))?;
    let asked = header_from_wire(request.header)?;
    let UpsertRequest { table, items, atomic, .. } = request;
    let count = items.len();
    let changes = items.into_iter().enumerate().map(|(at, item)| change(item, at));
    let write = Write::new(plane, arrival, &asked, &table)?;
    let written = if atomic { write.at_once(changes, count).await } else { write.each(changes, count).await };
    let Written { receipts, results } = written?;
    Ok(UpsertResponse { receipts, results })
}

pub(super) async fn remove(
    plane: &DataPlane,
    arrival: Arrival,
    request: RemoveRequest,
) -> Result<RemoveResponse, Failure> {
    check_size(encoded_len(&request))?;
    let asked = header_from_wire(request.header)?;
    let RemoveRequest { table, keys, conditions, range, .. } = request;
    if let Some(range) = range {
        if !keys.is_empty() || !conditions.is_empty() {
            let what = "a range is removed without keys and without conditions";
            return Err(Failure::new(code::MALFORMED, what));
        }
        return clear(plane, arrival, &asked, &table, &range).await;
    }
    let count = keys.len();
    if !conditions.is_empty() && conditions.len() != count {
        let what = format!("{} conditions for {count} keys: none, or one for each", conditions.len());
        return Err(Failure::new(code::MALFORMED, what));
    }
    let mut conditions = conditions.into_iter();
    let changes = keys.into_iter().enumerate().map(|(at, key)| {
        let condition = condition_from_wire(conditions.next(), at)?;
        Ok(Change::remove(key_from_wire(&key, at)?).only_if(condition))
    });
    let write = Write::new(plane, arrival, &asked, &table)?;
    let Written { receipts, results } = write.each(changes, count).await?;
    Ok(RemoveResponse { receipts, results, ..RemoveResponse::default() })
}

fn change(item: Item, at: usize) -> Result<Change, Failure> {
    let Item { key, value, condition, remove, ttl_ms, touch } = item;
    let (key, condition) = (key_from_wire(&key, at)?, condition_from_wire(condition, at)?);
    let nonsense = |what: &str| Err(Failure::new(code::MALFORMED, format!("item {at}: {what}")));
    let lasts = Some(ttl_ms).filter(|ttl_ms| *ttl_ms > 0);
    if ttl_ms > TTL_MS_MAX {
        return nonsense("a row lasts for a hundred years at most, or for ever");
    }
    let act = match (remove, touch) {
        (true, _) if touch || ttl_ms > 0 => return nonsense("a row to be removed cannot last"),
        (true, _) if !value.is_empty() => return nonsense("a row to be removed has a value"),
        (_, true) if !value.is_empty() => return nonsense("a row to be touched keeps its value"),
        (true, _) => Act::Remove,
        (_, true) => Act::Touch { ttl_ms: lasts },
        _ => Act::Upsert { value, ttl_ms: lasts },
    };
    Ok(Change { key, act, condition })
}

/// A write under way.
struct Write<'a> {
    plane: &'a DataPlane,
    arrival: Arrival,
    asked: &'a Asked,
    table: Arc<TableMap>,
}

impl<'a> Write<'a> {
    fn new(
        plane: &'a DataPlane,
        arrival: Arrival,
        asked: &'a Asked,
        table: &str,
    ) -> Result<Write<'a>, Failure> {
        let table = lookup::rows(&plane.directory.current(), asked, table)?;
        lookup::refuse_own(&table)?;
        lookup::durability(&table, asked)?;
        Ok(Write { plane, arrival, asked, table })
    }

    /// Each change for itself.
    async fn each(
        &self,
        changes: impl Iterator<Item = Result<Change, Failure>>,
        count: usize,
    ) -> Result<Written, Failure> {
        let Write { plane, arrival, asked, ref table } = *self;
        let (groups, spots) = split(table, asked, changes, count)?;
        let ends = send(plane, arrival, asked, table, groups).await?;
        if plane.house.node.plants().has(Plant::BatchTorn)
            && let Some(Err(failure)) = ends.iter().find(|end| end.is_err())
        {
            return Err(failure.clone());
        }
        let (receipts, outcomes) =
            together(plane, ends, &spots, |done, command, receipt| at(done, command, receipt, 0))?;
        let results = outcomes.into_iter().map(|outcome| match outcome {
            Ok(applied) => result(item_result::Outcome::Applied(applied)),
            Err(failure) => result(item_result::Outcome::Error(failure.to_wire())),
        });
        Ok(Written { results: results.collect(), receipts })
    }

    /// All of them or none, as one command.
    async fn at_once(
        &self,
        changes: impl Iterator<Item = Result<Change, Failure>>,
        count: usize,
    ) -> Result<Written, Failure> {
        let Write { plane, arrival, asked, ref table } = *self;
        if count > ATOMIC_ITEMS_MAX {
            let what = format!("the atomic request has {count} items, {ATOMIC_ITEMS_MAX} are taken");
            return Err(Failure::new(code::BATCH_TOO_LARGE, what));
        }
        let changes: Vec<Change> = changes.collect::<Result<_, _>>()?;
        check_together(table, &changes)?;
        let (groups, _) = split(table, asked, [Ok(AtOnce::new(changes)?)].into_iter(), 1)?;
        let mut ends = send(plane, arrival, asked, table, groups).await?;
        let done = ends.pop().unwrap_or_else(|| Err(nowhere()))?;
        let results = (0..count).map(|item| at(&done, 0, 0, item));
        let results = results.collect::<Result<Vec<_>, _>>()?;
        let results = results.into_iter().map(item_result::Outcome::Applied).map(result);
        Ok(Written { receipts: vec![receipt_to_wire(&receipt(plane, &done))], results: results.collect() })
    }
}

/// An atomic command.
struct AtOnce {
    /// Of any of its changes: they lie together.
    key: Key,
    command: KvCommand,
}

impl AtOnce {
    fn new(changes: Vec<Change>) -> Result<AtOnce, Failure> {
        let first =
            changes.first().ok_or_else(|| Failure::new(code::MALFORMED, "the request has no items"))?;
        Ok(AtOnce { key: first.key.clone(), command: KvCommand::All(changes) })
    }
}

impl Ask for AtOnce {
    fn key(&self) -> &Key {
        &self.key
    }

    fn bytes(&self) -> usize {
        self.command.bytes()
    }

    fn put(&self, out: &mut Vec<u8>) {
        self.command.put(out);
    }

    fn rows(&self) -> u32 {
        match &self.command {
            KvCommand::All(changes) => u32::try_from(changes.len()).unwrap_or(u32::MAX),
            _ => 1,
        }
    }

    fn makes_room(&self) -> bool {
        matches!(&self.command, KvCommand::All(changes) if changes.iter().all(Ask::makes_room))
    }
}

fn check_together(table: &TableMap, changes: &[Change]) -> Result<(), Failure> {
    let mut places = changes.iter().map(|change| table.index_of(&change.key));
    let first = places.next().flatten();
    match places.position(|place| place != first) {
        None => Ok(()),
        Some(at) => {
            let what = format!("item {} lies in another partition than item 0", at + 1);
            Err(Failure::new(code::NOT_TOGETHER, what))
        }
    }
}

fn result(outcome: item_result::Outcome) -> ItemResult {
    ItemResult { outcome: Some(outcome) }
}

/// What became of a command's change; of an atomic one has several.
fn at(done: &Done, command: usize, receipt: u32, change: usize) -> Result<Applied, Failure> {
    let now = done.first_index + command as u64;
    let (revision, reply) = match done.reply(command) {
        Reply::Now(reply) => (now, reply),
        // No reply of `kv` is too long to be kept.
        Reply::Before(before) => (before.revision, before.reply.unwrap_or_default()),
        Reply::Refused(code) => return Err(Failure::new(code, code.title)),
    };
    applied(KvReply::decode(&reply), revision, receipt, change)
}

/// What a reply says of one of the changes.
pub(super) fn applied(
    reply: KvReply,
    revision: u64,
    receipt: u32,
    change: usize,
) -> Result<Applied, Failure> {
    let applied = |not_found| Ok(Applied { receipt, revision, not_found });
    match reply {
        KvReply::Done => applied(false),
        KvReply::NotFound => applied(true),
        KvReply::NotFoundIn(changes) => applied(changes.has(change)),
        KvReply::Cleared { rows, .. } => applied(rows == 0),
        KvReply::Refused { change: which, revision } => Err(refused(which, change, revision)),
        KvReply::TooMuch => {
            let what = "the rows that the batch replaces are too large to be told of together, \
                        and the table's binlog keeps them (it is `previous`)";
            Err(Failure::new(code::BATCH_TOO_LARGE, what))
        }
        KvReply::Unreadable => {
            Err(Failure::new(code::MALFORMED, "the table's machine does not know this command"))
        }
    }
}

/// `which` change of a command was refused, and with it the one that is asked for.
fn refused(which: u32, change: usize, revision: Option<u64>) -> Failure {
    let stands = match revision {
        Some(revision) => format!("the row has revision {revision}"),
        None => "there is no such row".to_owned(),
    };
    let message = match which as usize == change {
        true => format!("the condition does not hold: {stands}"),
        false => format!("the condition of item {which} does not hold: {stands}"),
    };
    Failure { revision, ..Failure::new(code::CONDITION_FAILED, message) }
}
