//! `Scan`: rows of a range, partition by partition, each as it is at one moment.
//!
//! ```text
//! begin ─► way: partitions in order ─► task: one page at a time ─► door ─► client
//!                                       │      ▲                 (few pages)
//!                                       ▼      │
//!                                  pool: store's cursor, page, frame
//! ```
//!
//! A scan has one page under way in the pool, and few that wait for its client.
//! A client that is slow holds up its own scan, and no thread.
#![allow(clippy::disallowed_methods, reason = "a task and timers of the serving thread's own runtime")]

mod turn;

pub(super) use turn::row_to_wire;

use super::serving::{right, serving};
use super::way::{self, Span, Stretch};
use super::worth::Worth;
use super::{DataPlane, lookup};
use crate::door::{Arrival, Line, Piece, full};
use crate::house::Place;
use bytes::Bytes;
use env::Mono;
use model::{KeyRange, code};
use partition_mgr::directory::{Handle, TableMap};
use partition_mgr::reading::Right;
use partition_mgr::scanning::{Next, Room, Walk};
use proto::Failure;
use proto::convert::{Asked, header_from_wire};
use proto::data::ScanRequest;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use turn::{Source, Turn};

/// Keys and values of one message, beyond its first row.
const PAGE_BYTES: usize = 256 << 10;
/// Messages that wait for the connection, beyond what the transport holds.
const PAGES_MAX: usize = 2;
/// A client that takes no message for so long is gone.
const TAKE_WAIT: Duration = Duration::from_secs(30);
/// A call that names no deadline, or a later one, has so long: a moment of a
/// store is not held for ever. What is not through by then goes on in another.
const SCAN_MS_MAX: u32 = 600_000;
/// Up to so much is a short walk.
const SHORT_ROWS: u64 = 1000;
const SHORT_BYTES: u64 = 1 << 20;

/// The pieces of the answer, as the client takes them.
pub(super) fn begin(
    plane: Arc<DataPlane>,
    arrival: Arrival,
    line: Arc<Line>,
    request: ScanRequest,
) -> Result<mpsc::Receiver<Piece>, Failure> {
    let place = plane.house.place_on_stream().ok_or_else(full)?;
    let asked = header_from_wire(request.header.clone())?;
    let table = lookup::rows(&plane.directory.current(), &asked, &request.table)?;
    let durability = lookup::durability(&table, &asked)?;
    let span = Span::of(&request, table.spec.layout)?;
    let stretches = span.map_or_else(Vec::new, |span| span.stretches(&table.places, request.reverse));
    let until = arrival.until(asked.deadline_ms, SCAN_MS_MAX);
    let or_all = |limit| if limit == 0 { u64::MAX } else { limit };
    let (rows_left, bytes_left) = (or_all(request.limit), or_all(request.limit_bytes));
    let walk = Walk { reverse: request.reverse, long: rows_left > SHORT_ROWS && bytes_left > SHORT_BYTES };
    let (pieces, taken) = mpsc::channel(PAGES_MAX);
    let worth = Worth::new(&plane, durability);
    let scanning = Scanning {
        plane,
        table,
        worth,
        asked,
        walk,
        until,
        rows_left,
        bytes_left,
        is_bare: true,
        pieces,
        _place: place,
    };
    // A task of its own: the next page is read while this one is taken.
    tokio::spawn(scanning.run(line, stretches));
    Ok(taken)
}

/// A `Scan` call.
struct Scanning {
    plane: Arc<DataPlane>,
    table: Arc<TableMap>,
    worth: Worth,
    asked: Asked,
    walk: Walk,
    until: Mono,
    rows_left: u64,
    bytes_left: u64,
    /// No row has been seen.
    is_bare: bool,
    pieces: mpsc::Sender<Piece>,
    _place: Place,
}

/// Why a scan ends before its range.
enum Early {
    Failed(Failure),
    /// Nobody takes pages any more.
    Gone,
}

impl From<Failure> for Early {
    fn from(failure: Failure) -> Early {
        Early::Failed(failure)
    }
}

impl Scanning {
    async fn run(mut self, line: Arc<Line>, stretches: Vec<Stretch>) {
        let (out, now) = (self.pieces.clone(), self.plane.house.clock.mono());
        let left = Duration::from_nanos(self.until.0.saturating_sub(now.0));
        let end = tokio::select! {
            // What is read is told before why no more is.
            biased;
            () = out.closed() => return,
            end = self.all(stretches) => end,
            () = pin!(line.ends()) => {
                Err(Failure::new(code::STOPPING, "the node or this connection is ending").into())
            }
            () = tokio::time::sleep(left) => Err(late().into()),
        };
        let end = match end {
            Ok(()) => Ok(()),
            Err(Early::Failed(failure)) => Err(failure),
            // The answer ends where its pieces do, and says so.
            Err(Early::Gone) => return,
        };
        // Whether it is taken or not, this is all.
        let _ = tokio::time::timeout(TAKE_WAIT, out.send(Piece::End(end))).await;
    }

    async fn all(&mut self, stretches: Vec<Stretch>) -> Result<(), Early> {
        for stretch in stretches {
            let goes_on = match stretch {
                Stretch::Rows(place, range) => self.partition(place, range).await?,
                Stretch::Gap(keys) => return Err(way::nobody_holds(&keys).into()),
            };
            if !goes_on {
                break;
            }
        }
        Ok(())
    }

    /// One partition's rows; false when the scan's limits are reached.
    async fn partition(&mut self, place: usize, range: KeyRange) -> Result<bool, Early> {
        let table = self.table.clone();
        let place = &table.places[place];
        let handle = serving(&self.plane, place)?;
        let right = right(&self.plane, place, handle, &self.asked, self.until).await?;
        let mut source = self.closed(handle, range, right);
        loop {
            let turn = self.turn(source).await?;
            self.rows_left -= turn.rows as u64;
            self.bytes_left = self.bytes_left.saturating_sub(turn.bytes as u64);
            self.is_bare &= turn.rows == 0;
            self.plane.house.meters.scanned_rows.inc_by(turn.rows as u64);
            let goes_on = self.rows_left > 0 && self.bytes_left > 0;
            // A moment that is of no more use is let go before the client is waited for.
            let open = (goes_on && turn.next == Next::More).then_some(turn.scan);
            self.give(turn.frame).await?;
            match open {
                Some(open) => source = Source::Open(open),
                None => return Ok(goes_on && turn.next == Next::End),
            }
        }
    }

    fn closed(&self, handle: &Handle, range: KeyRange, right: Right) -> Source {
        let (layout, walk, expected) = (self.table.spec.layout, self.walk, self.asked.expected_epoch);
        Source::Closed { handle: handle.clone(), layout, range, walk, expected, right }
    }

    /// The next page, by a thread that may wait.
    async fn turn(&self, source: Source) -> Result<Turn, Failure> {
        let house = &self.plane.house;
        let rows_max = house.node.limits().scan_rows_max;
        let room = Room {
            rows: usize::try_from(self.rows_left).unwrap_or(usize::MAX).min(rows_max),
            bytes: PAGE_BYTES,
            bytes_left: self.bytes_left,
            one: self.is_bare,
        };
        let worth = self.worth;
        house.read(Some(self.until), move || source.turn(room, worth)).await?
    }

    /// Hands a page over, when there is room for it.
    async fn give(&self, frame: Bytes) -> Result<(), Early> {
        let weight = self.plane.house.weigh(frame.len(), true).ok_or_else(full)?;
        let given = self.pieces.send(Piece::Message(frame, weight));
        match tokio::time::timeout(TAKE_WAIT, given).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Early::Gone),
        }
    }
}

fn late() -> Failure {
    Failure::new(code::DEADLINE_EXCEEDED, "the deadline passed before all rows were read")
}
