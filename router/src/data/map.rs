//! `WatchMap`: which node leads which keys, and every change of it, for clients that
//! find their way by themselves.
//!
//! A watch keeps no more than the map that it has told last, which is everybody's.
//! What is told again although nothing is new of it does no harm.
#![allow(clippy::disallowed_methods, reason = "tasks and timers of the serving thread's own runtime")]

use super::{DataPlane, lookup};
use crate::door::{Arrival, Line, Piece, full};
use model::{Epoch, PartitionId, code};
use partition_mgr::directory::{Map, Place, Standing, TableMap};
use partition_mgr::reading::ReadError;
use proto::common;
use proto::convert::header_from_wire;
use proto::data::{MapEntry, MapTable, WatchMapRequest, WatchMapResponse};
use proto::{Failure, framed};
use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Messages that wait for the connection, beyond what the transport holds.
const PIECES_MAX: usize = 4;
/// Partitions in one message.
const ENTRIES_MAX: usize = 2_000;
/// Tables that may be named.
const TABLES_MAX: usize = 1_024;
/// A client that takes no message for so long is gone.
const TAKE_WAIT: Duration = Duration::from_secs(30);

/// Tells the map of the caller's namespace, and what changes in it.
pub(super) fn watch(
    plane: Arc<DataPlane>,
    arrival: &Arrival,
    line: Arc<Line>,
    request: WatchMapRequest,
) -> Result<mpsc::Receiver<Piece>, Failure> {
    let place = plane.house.place_on_stream().ok_or_else(full)?;
    let asked = header_from_wire(request.header)?;
    if request.tables.len() > TABLES_MAX {
        let what = format!("{} tables are named, {TABLES_MAX} are taken", request.tables.len());
        return Err(Failure::new(code::MALFORMED, what));
    }
    let namespace = lookup::namespace(&asked).to_owned();
    if request.ends {
        let map = plane.directory.current();
        request.tables.iter().try_for_each(|name| lookup::table(&map, &asked, name).map(drop))?;
    }
    let wanted = Wanted { namespace, tables: request.tables.into_iter().collect(), ends: request.ends };
    let (out, pieces) = mpsc::channel(PIECES_MAX);
    // Without a deadline of its own it goes on for as long as it is wanted.
    let until = arrival.deadline.or_else(|| asked.deadline_ms.map(|ms| arrival.at.plus_ms(u64::from(ms))));
    tokio::spawn(async move {
        let _place = place;
        let now = plane.house.clock.mono();
        let late = async {
            match until {
                Some(until) => tokio::time::sleep(Duration::from_nanos(until.0.saturating_sub(now.0))).await,
                None => std::future::pending().await,
            }
        };
        let end = tokio::select! {
            biased;
            () = out.closed() => return,
            end = tell(&plane, &wanted, &out) => end,
            () = pin!(line.ends()) => {
                Err(Failure::new(code::STOPPING, "the node or this connection is ending"))
            }
            () = late => Err(Failure::new(code::DEADLINE_EXCEEDED, "the call's own deadline has passed")),
        };
        // Whether it is taken or not, this is all.
        let _ = tokio::time::timeout(TAKE_WAIT, out.send(Piece::End(end))).await;
    });
    Ok(pieces)
}

/// What is to be told.
struct Wanted {
    namespace: String,
    /// None is all.
    tables: BTreeSet<String>,
    /// Only what there is.
    ends: bool,
}

impl Wanted {
    fn has(&self, table: &TableMap) -> bool {
        table.name.namespace() == self.namespace
            && (self.tables.is_empty() || self.tables.contains(table.name.name()))
    }

    /// The wanted tables of a map; of those that are named, none where there is none.
    fn of<'m>(&'m self, map: &'m Map) -> Vec<(&'m str, Option<&'m Arc<TableMap>>)> {
        if !self.tables.is_empty() {
            let named = self.tables.iter();
            return named.map(|name| (name.as_str(), map.table(&self.namespace, name))).collect();
        }
        let all = map.tables().filter(|table| self.has(table));
        all.map(|table| (table.name.name(), Some(table))).collect()
    }
}

/// Until nobody listens.
async fn tell(plane: &DataPlane, wanted: &Wanted, out: &mpsc::Sender<Piece>) -> Result<(), Failure> {
    let moves = plane.directory.moves().clone();
    let mut changes = moves.changes();
    let (mut told, mut seen): (Option<Arc<Map>>, u64) = (None, 0);
    loop {
        changes.borrow_and_update();
        // In this order: what moves in between is told again, and a move is noted once
        // the map shows it.
        let (upto, moved) = (moves.upto(), moves.since(seen));
        let map = plane.directory.current();
        seen = upto;
        let messages = match (&told, moved) {
            (Some(before), Some(moved)) => news(plane, wanted, before, &map, &moved),
            (before, _) => {
                let gone = before.iter().flat_map(|before| wanted.of(before));
                let names: BTreeSet<&str> = gone.chain(wanted.of(&map)).map(|(name, _)| name).collect();
                let of = |name: &str| map.table(&wanted.namespace, name);
                names.into_iter().flat_map(|name| anew(plane, &map, name, of(name))).collect()
            }
        };
        for message in messages {
            let frame = framed(&message)?;
            let weight = plane.house.weigh(frame.len(), true).ok_or_else(full)?;
            let given = tokio::time::timeout(TAKE_WAIT, out.send(Piece::Message(frame, weight))).await;
            match given {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Ok(()),
                Err(_) => {
                    let what = "nobody took what was told for 30 seconds";
                    return Err(Failure::new(code::DEADLINE_EXCEEDED, what));
                }
            }
        }
        told = Some(map);
        if wanted.ends {
            return Ok(());
        }
        if changes.changed().await.is_err() {
            return Ok(());
        }
    }
}

/// What is new since another map was told.
fn news(
    plane: &DataPlane,
    wanted: &Wanted,
    before: &Arc<Map>,
    map: &Arc<Map>,
    moved: &[PartitionId],
) -> Vec<WatchMapResponse> {
    let mut messages = Vec::new();
    let mut whole = BTreeSet::new();
    if !Arc::ptr_eq(before, map) {
        let names: BTreeSet<&str> =
            wanted.of(before).into_iter().chain(wanted.of(map)).map(|(name, _)| name).collect();
        for name in names {
            let of = |map: &Map| map.table(&wanted.namespace, name).cloned();
            let (was, is) = (of(before), of(map));
            let same = before.nodes == map.nodes && is_alike(was.as_deref(), is.as_deref());
            if !same {
                whole.insert(name.to_owned());
                messages.extend(anew(plane, map, name, is.as_ref()));
            }
        }
    }
    let ids: BTreeSet<PartitionId> = moved.iter().copied().collect();
    let places = ids.iter().filter_map(|id| map.place(*id));
    let concerned = places.filter(|(table, _)| wanted.has(table) && !whole.contains(table.name.name()));
    let entries: Vec<MapEntry> =
        concerned.map(|(table, at)| entry(plane, map, table, &table.places[at])).collect();
    messages.extend(chunks(map, entries));
    messages
}

/// Have they the same partitions, of the same keys?
fn is_alike(was: Option<&TableMap>, is: Option<&TableMap>) -> bool {
    match (was, is) {
        (None, None) => true,
        (Some(was), Some(is)) => {
            let of = |table: &TableMap| {
                table.places.iter().map(|place| (place.id, place.range.clone())).collect::<Vec<_>>()
            };
            was.spec.layout == is.spec.layout && of(was) == of(is)
        }
        _ => false,
    }
}

/// A table as it is.
fn anew(plane: &DataPlane, map: &Map, name: &str, table: Option<&Arc<TableMap>>) -> Vec<WatchMapResponse> {
    let layout = table.map_or_else(String::new, |table| table.spec.layout.to_string());
    let head = MapTable { table: name.to_owned(), layout, gone: table.is_none() };
    let first = WatchMapResponse { map_version: map.version, entries: Vec::new(), anew: vec![head] };
    let entries = table.into_iter().flat_map(|table| {
        table.places.iter().map(|place| entry(plane, map, table, place)).collect::<Vec<_>>()
    });
    std::iter::once(first).chain(chunks(map, entries.collect())).collect()
}

fn chunks(map: &Map, entries: Vec<MapEntry>) -> impl Iterator<Item = WatchMapResponse> + use<> {
    let map_version = map.version;
    let chunks: Vec<Vec<MapEntry>> = entries.chunks(ENTRIES_MAX).map(<[MapEntry]>::to_vec).collect();
    chunks.into_iter().map(move |entries| WatchMapResponse { map_version, entries, anew: Vec::new() })
}

fn entry(plane: &DataPlane, map: &Map, table: &TableMap, place: &Place) -> MapEntry {
    let (node, epoch) = match &place.standing {
        Standing::Serving(handle) => {
            let leader = match handle.leads() {
                Ok(()) => Some(plane.house.node.id()),
                Err(ReadError::Elsewhere(node)) => node,
                Err(_) => None,
            };
            (leader, handle.published.epoch())
        }
        // One of them will know.
        Standing::Elsewhere(nodes) => (nodes.first().copied(), place.epoch),
        Standing::Failed(_) => (None, place.epoch),
    };
    let Epoch { generation, term } = epoch;
    MapEntry {
        table: table.name.name().to_owned(),
        partition: place.id.0,
        start: place.range.start().to_vec().into(),
        end: place.range.end().map(<[u8]>::to_vec).unwrap_or_default().into(),
        epoch: Some(common::Epoch { generation, term }),
        address: node.and_then(|node| map.nodes.get(&node)).cloned().unwrap_or_default(),
    }
}
