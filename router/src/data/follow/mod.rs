//! `Tail` and `Watch`: what happens to a partition's rows, or to those of a table,
//! as it happens.
//!
//! ```text
//! begin ─► feeds, one for each partition ─► pieces (few) ─► door ─► client
//!            ▲ │ turn: a page of the binlog, in the pool
//!            │ ▼
//!          woken when more is applied
//! ```
//!
//! Nothing is pushed that was not asked for: a feed reads the next page when the
//! one before has been taken. Who is slow holds up its own call, and no memory;
//! who is so slow that events are trimmed before they are read is told so.
#![allow(clippy::disallowed_methods, reason = "tasks and timers of the serving thread's own runtime")]

mod feed;
mod told;

use super::serving::{leads, serving};
use super::way::{Span, Stretch};
use super::{DataPlane, lookup};
use crate::door::{Arrival, Line, Piece, full};
use crate::house::Place;
use bytes::Bytes;
use feed::{Asking, Call, Feed, Start};
use futures_util::future::try_join_all;
use model::{BootId, Index, Key, KeyRange, Layout, PartitionId, code};
use partition_mgr::directory::{self, Handle, Map, TableMap};
use partition_mgr::past::Unseen;
use proto::Failure;
use proto::common::Position;
use proto::convert::{Asked, header_from_wire};
use proto::data::{ScanRequest, TailRequest, WatchRequest};
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use told::Voice;

/// Messages that wait for the connection, beyond what the transport holds.
const PIECES_MAX: usize = 4;
/// A client that takes no message for so long is gone.
const TAKE_WAIT: Duration = Duration::from_secs(30);

/// The events of one partition.
pub(super) fn tail(
    plane: Arc<DataPlane>,
    arrival: Arrival,
    line: Arc<Line>,
    request: TailRequest,
) -> Result<mpsc::Receiver<Piece>, Failure> {
    let place = plane.house.place_on_stream().ok_or_else(full)?;
    let asked = header_from_wire(request.header)?;
    let map = plane.directory.current();
    let (table, at) = partition(&map, &asked, request.partition)?;
    let asking = asking(&table, &asked, KeyRange::all(), Voice::Tail, request.before, request.ends)?;
    let handle = leader(&plane, &table.places[at], &asked)?;
    let start = match request.from {
        0 => Start::now(&handle),
        from => {
            was_here(&handle, from - 1, request.boot)?;
            Start::at(from)
        }
    };
    let feeds = vec![Feed::new(plane.clone(), handle, start, asking)];
    Ok(follow(plane, &arrival, &asked, line, Answer { opening: None, feeds, place }))
}

/// What happens in a range of a table's keys.
pub(super) fn watch(
    plane: Arc<DataPlane>,
    arrival: Arrival,
    line: Arc<Line>,
    request: WatchRequest,
) -> Result<mpsc::Receiver<Piece>, Failure> {
    let place = plane.house.place_on_stream().ok_or_else(full)?;
    let asked = header_from_wire(request.header)?;
    let table = lookup::table(&plane.directory.current(), &asked, &request.table)?;
    let keys = keys(request.start, request.end)?;
    let asking = asking(&table, &asked, keys, Voice::Watch, request.before, request.ends)?;
    let behind = positions(&table, &request.from, request.initial_state)?;
    if request.initial_state {
        lookup::rows(&plane.directory.current(), &asked, &request.table)?;
    }
    let (mut feeds, mut begins) = (Vec::new(), Vec::new());
    for (at, rows) in concerned(&table, &asking.keys)? {
        let handle = leader(&plane, &table.places[at], &asked)?;
        let seen = behind.as_ref().and_then(|behind| behind.get(&handle.id));
        if let Some((index, boot)) = seen {
            was_here(&handle, *index, *boot)?;
        }
        let start = match (&behind, request.initial_state) {
            (_, true) => Start::Rows(rows),
            (None, false) => Start::now(&handle),
            (Some(behind), false) => Start::behind(behind.get(&handle.id).map_or(0, |(seen, _)| *seen)),
        };
        begins.push(Position {
            partition: handle.id.0,
            index: start.seen(),
            boot: plane.house.node.boot().0,
        });
        feeds.push(Feed::new(plane.clone(), handle, start, asking.clone()));
    }
    let opening = Some(told::begins(begins)?);
    Ok(follow(plane, &arrival, &asked, line, Answer { opening, feeds, place }))
}

fn asking(
    table: &Arc<TableMap>,
    asked: &Asked,
    keys: KeyRange,
    voice: Voice,
    before: bool,
    ends: bool,
) -> Result<Asking, Failure> {
    lookup::durability(table, asked)?;
    lookup::events(table, before)?;
    let (expected, layout) = (asked.expected_epoch, table.spec.layout);
    Ok(Asking { keys, layout, expected, voice, before, ends })
}

/// The table of the caller's namespace that has this partition.
fn partition(map: &Map, asked: &Asked, id: u64) -> Result<(Arc<TableMap>, usize), Failure> {
    let namespace = lookup::namespace(asked);
    let mut tables = map.tables().filter(|table| table.name.namespace() == namespace);
    let found = tables.find_map(|table| {
        let at = table.places.iter().position(|place| place.id == PartitionId(id))?;
        Some((table.clone(), at))
    });
    let nobody = || {
        let what = format!("no table of namespace `{namespace}` has a partition {id} here");
        Failure::new(code::NO_PARTITION, what)
    };
    let (table, at) = found.ok_or_else(nobody)?;
    lookup::check_positions(&table, asked)?;
    Ok((table, at))
}

/// Does the partition have the history that the position is from?
fn was_here(handle: &Handle, index: Index, boot: u64) -> Result<(), Failure> {
    // Where replicas agree, the feed finds out when it has all that was answered by now.
    if boot == 0 || handle.published.is_replicated() {
        return Ok(());
    }
    let position = model::Position { partition: handle.id, boot: BootId(boot), index };
    handle.has_seen(position).map_err(|unseen| {
        let code = if matches!(unseen, Unseen::Lost { .. }) { code::FROM_FUTURE } else { unseen.code() };
        Failure::new(code, unseen.to_string())
    })
}

/// Where a partition is followed: by whoever leads it when that begins. It goes on
/// when another one leads, with what replicas have agreed on.
fn leader(plane: &DataPlane, place: &directory::Place, asked: &Asked) -> Result<Handle, Failure> {
    let handle = serving(plane, place)?;
    leads(plane, handle)?;
    if !handle.published.is_replicated() {
        lookup::has_seen(plane, handle, asked)?;
    }
    Ok(handle.clone())
}

/// Keys as clients know them, whatever the layout.
fn keys(start: Bytes, end: Bytes) -> Result<KeyRange, Failure> {
    for (name, key) in [("start", &start), ("end", &end)] {
        if !key.is_empty() {
            Key::new(key.clone())
                .map_err(|error| Failure::new(code::KEY_INVALID, format!("{name}: {error}")))?;
        }
    }
    let end = Some(end).filter(|end| !end.is_empty());
    KeyRange::new(start, end)
        .ok_or_else(|| Failure::new(code::RANGE_INVALID, "the watch's `end` is not behind its `start`"))
}

/// Up to where each partition was seen, and who told it.
type Behind = BTreeMap<PartitionId, (Index, u64)>;

/// Positions of this table's partitions; none without any.
fn positions(
    table: &TableMap,
    from: &[proto::common::Position],
    initial_state: bool,
) -> Result<Option<Behind>, Failure> {
    if from.is_empty() {
        return Ok(None);
    }
    if initial_state {
        let what = "a watch begins with the rows as they are, or behind positions, and not with both";
        return Err(Failure::new(code::MALFORMED, what));
    }
    if from.len() > table.places.len() {
        let what = format!("{} positions, the table has {} partitions", from.len(), table.places.len());
        return Err(Failure::new(code::MALFORMED, what));
    }
    let mut positions = BTreeMap::new();
    for position in from {
        let id = PartitionId(position.partition);
        if !table.places.iter().any(|place| place.id == id) {
            let what = format!("position: table `{}` has no partition {id}", table.name);
            return Err(Failure::new(code::NO_PARTITION, what));
        }
        positions.insert(id, (position.index, position.boot));
    }
    Ok(Some(positions))
}

/// The places of a table that may hold such keys, and their stored keys that do.
/// Of a hashed table, all.
fn concerned(table: &TableMap, keys: &KeyRange) -> Result<Vec<(usize, KeyRange)>, Failure> {
    let all = match table.spec.layout {
        Layout::Hashed => ScanRequest::default(),
        Layout::Ordered => {
            let bound = |key: &[u8]| Bytes::copy_from_slice(key);
            let (start, end) = (bound(keys.start()), keys.end().map(bound).unwrap_or_default());
            ScanRequest { start, end, ..ScanRequest::default() }
        }
    };
    let span = Span::of(&all, table.spec.layout)?;
    let stretches = span.map_or_else(Vec::new, |span| span.stretches(&table.places, false));
    let place = |stretch| match stretch {
        Stretch::Rows(at, rows) => Ok((at, rows)),
        Stretch::Gap(keys) => {
            Err(Failure::new(code::NO_PARTITION, format!("no partition holds what is in {keys}")))
        }
    };
    stretches.into_iter().map(place).collect()
}

/// A call's answer to be.
struct Answer {
    /// A message before all others.
    opening: Option<Bytes>,
    feeds: Vec<Feed>,
    place: Place,
}

/// Runs the feeds, each in its own time, into one answer.
fn follow(
    plane: Arc<DataPlane>,
    arrival: &Arrival,
    asked: &Asked,
    line: Arc<Line>,
    Answer { opening, feeds, place }: Answer,
) -> mpsc::Receiver<Piece> {
    let (out, pieces) = mpsc::channel(PIECES_MAX);
    // Without a deadline of its own it goes on for as long as it is wanted.
    let until = arrival.deadline.or_else(|| asked.deadline_ms.map(|ms| arrival.at.plus_ms(u64::from(ms))));
    tokio::spawn(async move {
        let _place = place;
        let now = plane.house.clock.mono();
        let all = async {
            if let Some(opening) = opening {
                let weight = plane.house.weigh(opening.len(), true).ok_or_else(full)?;
                // Who does not listen is noticed below.
                let _ = out.send(Piece::Message(opening, weight)).await;
            }
            // The first that cannot go on ends the call: the others may never end.
            let call = Call::new(plane.clone(), out.clone());
            try_join_all(feeds.into_iter().map(|feed| feed.run(&call))).await.map(drop)
        };
        let late = async {
            match until {
                Some(until) => tokio::time::sleep(Duration::from_nanos(until.0.saturating_sub(now.0))).await,
                None => std::future::pending().await,
            }
        };
        let end = tokio::select! {
            biased;
            () = out.closed() => return,
            end = all => end,
            () = pin!(line.ends()) => {
                Err(Failure::new(code::STOPPING, "the node or this connection is ending"))
            }
            () = late => Err(Failure::new(code::DEADLINE_EXCEEDED, "the call's own deadline has passed")),
        };
        // Whether it is taken or not, this is all.
        let _ = tokio::time::timeout(TAKE_WAIT, out.send(Piece::End(end))).await;
    });
    pieces
}
