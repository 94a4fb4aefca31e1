//! Reads: from the store, past the shard. What is in memory is answered at
//! once; what a disk has to be waited for goes to the pool.

use super::serving::{right, serving};
use super::worth::Worth;
use super::{DataPlane, lookup};
use crate::door::{Arrival, full};
use crate::house::Weight;
use env::Mono;
use model::{Epoch, Key, Layout, code};
use partition_mgr::directory::{Handle, TableMap};
use partition_mgr::reading::{ReadError, Right, Rows};
use proto::convert::{Asked, header_from_wire, key_from_wire, receipt_to_wire};
use proto::data::{GetRequest, GetResponse, Row, RowResult, row_result};
use proto::{Failure, KEYS_MAX};

/// With more keys than this, a serving thread has other things to do.
const KEYS_AT_ONCE: usize = 64;

pub(super) async fn get(
    plane: &DataPlane,
    arrival: Arrival,
    request: GetRequest,
) -> Result<GetResponse, Failure> {
    check_size(request.keys.len())?;
    let asked = header_from_wire(request.header)?;
    let table = lookup::rows(&plane.directory.current(), &asked, &request.table)?;
    let durability = lookup::durability(&table, &asked)?;
    let keys = request.keys.iter().enumerate().map(|(at, key)| key_from_wire(key, at));
    let keys: Vec<Key> = keys.collect::<Result<_, _>>()?;
    let until = arrival.until(asked.deadline_ms, plane.house.settings.deadline_ms);
    let groups = split(&table, &keys);
    let mut found = Vec::with_capacity(groups.len());
    let (mut bytes, mut room) = (0, Weight::default());
    for group in &groups {
        let of = Of { table: &table, asked: &asked, until };
        let rows = rows_of(plane, of, group, &keys).await;
        // Too much of one partition is too much of all: it takes another request.
        if let Err(failure) = &rows
            && failure.is(code::ANSWER_TOO_LARGE)
        {
            return Err(failure.clone());
        }
        bytes += rows.as_ref().map_or(0, Rows::bytes);
        check_answer(bytes, keys.len(), plane.house.node.limits().read_bytes_max)?;
        // Rows that are here take room while others are waited for.
        drop(room);
        room = plane.house.weigh(bytes, arrival.rpc.streams).ok_or_else(full)?;
        found.push(rows);
    }
    let now = plane.house.clock.mono();
    if now.ms_since(arrival.at) >= plane.house.settings.slow_ms {
        plane.house.meters.slow.inc();
        let total_ms = now.ms_since(arrival.at);
        tracing::warn!(target: "statehouse::slow", method = "Get", total_ms, keys = keys.len(), "slow request");
    }
    let worth = Worth::new(plane, durability);
    together(&table, worth, keys.len(), groups, found)
}

fn check_size(keys: usize) -> Result<(), Failure> {
    match keys {
        0 => Err(Failure::new(code::MALFORMED, "the request has no keys")),
        1..=KEYS_MAX => Ok(()),
        more => {
            let message = format!("the request has {more} keys, {KEYS_MAX} are taken");
            Err(Failure::new(code::ANSWER_TOO_LARGE, message))
        }
    }
}

/// The store bounds what it reads of one partition; this is for all of them. A
/// row alone can always be read.
fn check_answer(bytes: usize, keys: usize, bytes_max: usize) -> Result<(), Failure> {
    if bytes <= bytes_max || keys == 1 {
        return Ok(());
    }
    let message = format!("the rows have more than {bytes_max} bytes together, ask for fewer");
    Err(Failure::new(code::ANSWER_TOO_LARGE, message))
}

/// Keys of one partition.
struct Group {
    place: usize,
    /// Their places in the request.
    items: Vec<usize>,
}

fn split(table: &TableMap, keys: &[Key]) -> Vec<Group> {
    // Most reads are of one row.
    if let [key] = keys {
        return table.index_of(key).map(|place| Group { place, items: vec![0] }).into_iter().collect();
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut group_of: Vec<Option<usize>> = vec![None; table.places.len()];
    for (at, key) in keys.iter().enumerate() {
        let Some(place) = table.index_of(key) else { continue };
        let group = *group_of[place].get_or_insert_with(|| {
            groups.push(Group { place, items: Vec::new() });
            groups.len() - 1
        });
        groups[group].items.push(at);
    }
    groups
}

/// What the groups of one request share.
struct Of<'r> {
    table: &'r TableMap,
    asked: &'r Asked,
    until: Mono,
}

/// The rows of one group's keys.
async fn rows_of(plane: &DataPlane, of: Of<'_>, group: &Group, keys: &[Key]) -> Result<Rows, Failure> {
    let Of { table, asked, until } = of;
    let place = &table.places[group.place];
    let handle = serving(plane, place)?;
    let right = right(plane, place, handle, asked, until).await?;
    let keys = group.items.iter().map(|at| &keys[*at]).collect();
    let read = Read { handle, layout: table.spec.layout, keys, expected: asked.expected_epoch, right };
    read.rows(plane, until).await
}

/// A read of one partition.
struct Read<'r> {
    handle: &'r Handle,
    layout: Layout,
    keys: Vec<&'r Key>,
    expected: Option<Epoch>,
    right: Right,
}

impl Read<'_> {
    async fn rows(self, plane: &DataPlane, until: Mono) -> Result<Rows, Failure> {
        if self.keys.len() <= KEYS_AT_ONCE {
            let found = self.handle.read_now(self.layout, &self.keys, self.expected, self.right);
            if let Some(rows) = found.map_err(failure)? {
                plane.house.meters.reads_at_once.inc();
                return Ok(rows);
            }
        }
        plane.house.meters.reads_from_disk.inc();
        self.in_the_pool(plane, until).await
    }

    /// By a thread that may wait.
    async fn in_the_pool(self, plane: &DataPlane, until: Mono) -> Result<Rows, Failure> {
        let (handle, layout, expected) = (self.handle.clone(), self.layout, self.expected);
        let right = self.right;
        let keys: Vec<Key> = self.keys.into_iter().cloned().collect();
        let work = move || {
            let keys: Vec<&Key> = keys.iter().collect();
            handle.read(layout, &keys, expected, right)
        };
        plane.house.read(Some(until), work).await?.map_err(failure)
    }
}

pub(super) fn failure(error: ReadError) -> Failure {
    Failure::new(error.code(), error.to_string())
}

/// Rows in the order of the keys. When nothing at all could be read, the reason
/// is the answer to the whole request.
fn together(
    table: &TableMap,
    worth: Worth,
    count: usize,
    groups: Vec<Group>,
    found: Vec<Result<Rows, Failure>>,
) -> Result<GetResponse, Failure> {
    let nowhere = || Failure::new(code::NO_PARTITION, "no partition holds the key");
    if !found.iter().any(Result::is_ok) {
        return Err(found.into_iter().find_map(Result::err).unwrap_or_else(nowhere));
    }
    let mut receipts = Vec::with_capacity(groups.len());
    let mut results: Vec<RowResult> = vec![RowResult::default(); count];
    for (group, found) in groups.into_iter().zip(found) {
        match found {
            Ok(rows) => {
                let receipt = receipts.len() as u32;
                let partition = table.places[group.place].id;
                let (epoch, index) = (rows.epoch, rows.applied);
                receipts.push(receipt_to_wire(&worth.receipt(partition, epoch, index, rows.as_of)));
                for (at, row) in group.items.into_iter().zip(rows.rows) {
                    results[at].outcome = Some(row_result::Outcome::Row(row_to_wire(receipt, row)));
                }
            }
            Err(failure) => {
                for at in group.items {
                    results[at].outcome = Some(row_result::Outcome::Error(failure.to_wire()));
                }
            }
        }
    }
    for result in results.iter_mut().filter(|result| result.outcome.is_none()) {
        result.outcome = Some(row_result::Outcome::Error(nowhere().to_wire()));
    }
    Ok(GetResponse { receipts, results })
}

/// Rounded up: at that millisecond it is gone.
pub(super) fn expires_ms(row: &machine::Row) -> u64 {
    row.expires.map_or(0, |expires| expires.0.div_ceil(1_000_000))
}

fn row_to_wire(receipt: u32, row: Option<machine::Row>) -> Row {
    match row {
        Some(row) => {
            let expires_ms = expires_ms(&row);
            Row { receipt, found: true, revision: row.revision, value: row.value, expires_ms }
        }
        None => Row { receipt, ..Row::default() },
    }
}
