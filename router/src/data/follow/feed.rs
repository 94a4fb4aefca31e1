//! What happens in one partition, page by page.

use super::TAKE_WAIT;
use super::told::{Message, Voice, events, mark, rows};
use crate::data::DataPlane;
use crate::data::read::failure;
use crate::data::serving::right_here;
use crate::door::{Piece, full};
use bytes::Bytes;
use env::Mono;
use model::{BootId, Epoch, Index, KeyRange, Layout, code};
use partition_mgr::directory::Handle;
use partition_mgr::following::{FollowError, Place, Wanted};
use partition_mgr::scanning::{Next, Room, Scan, Walk};
use proto::Failure;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};

/// Keys and values of one message, beyond its first row or record.
const PAGE_BYTES: usize = 256 << 10;
/// A partition's moment is not held for ever: rows that are not taken by then begin
/// anew, in another call.
const ROWS_TIME: Duration = Duration::from_secs(600);
/// Replicas have so long to say who leads them.
const CONFIRM_MS: u64 = 5_000;
/// Where nothing is told for so long, it is said that there was nothing.
const MARK: Duration = Duration::from_secs(1);

/// What a call asks of each partition.
#[derive(Clone)]
pub(super) struct Asking {
    /// Of these keys.
    pub keys: KeyRange,
    pub layout: Layout,
    pub expected: Option<Epoch>,
    pub voice: Voice,
    /// Say what rows were before.
    pub before: bool,
    /// End when everything there is has been told.
    pub ends: bool,
}

/// Where a feed begins.
#[derive(Clone)]
pub(super) enum Start {
    /// With the events from a place on.
    Events(Place),
    /// With the rows of these stored keys as they are, and what comes behind.
    Rows(KeyRange),
}

impl Start {
    /// With what comes.
    pub fn now(handle: &Handle) -> Start {
        // What is announced may end within a record: a row was seen that one of its
        // commands wrote.
        Start::at(handle.published.applied() + 1)
    }

    /// With this index.
    pub fn at(next: Index) -> Start {
        Start::Events(Place { next, is_aligned: false })
    }

    /// Behind what was seen.
    pub fn behind(seen: Index) -> Start {
        Start::at(seen.saturating_add(1))
    }

    /// Nothing up to here will be told.
    pub fn seen(&self) -> Index {
        match self {
            Start::Events(place) => place.next - 1,
            Start::Rows(_) => 0,
        }
    }
}

/// What the feeds of one call share.
pub(super) struct Call {
    plane: Arc<DataPlane>,
    out: mpsc::Sender<Piece>,
    /// When something was last taken.
    taken: AtomicU64,
    /// Rows of one partition after the other: what a client takes is as much, and
    /// moments of stores are held for less long.
    rows: Mutex<()>,
}

impl Call {
    pub fn new(plane: Arc<DataPlane>, out: mpsc::Sender<Piece>) -> Call {
        let taken = AtomicU64::new(plane.house.clock.mono().0);
        Call { plane, out, taken, rows: Mutex::default() }
    }

    /// Hands a message over when there is room for it; false when nobody takes it.
    /// The others are waited for as well, so what counts is when the client took
    /// anything at all.
    async fn give(&self, frame: Bytes) -> Result<bool, Failure> {
        let weight = self.plane.house.weigh(frame.len(), true).ok_or_else(full)?;
        let mut room = pin!(self.out.reserve());
        loop {
            let now = || self.plane.house.clock.mono().0;
            match tokio::time::timeout(TAKE_WAIT, &mut room).await {
                Ok(Ok(place)) => {
                    self.taken.store(now(), Ordering::Relaxed);
                    place.send(Piece::Message(frame, weight));
                    return Ok(true);
                }
                Ok(Err(_)) => return Ok(false),
                Err(_) => {
                    let idle = now().saturating_sub(self.taken.load(Ordering::Relaxed));
                    if idle >= TAKE_WAIT.as_nanos() as u64 {
                        let what = "nobody took what was told for 30 seconds";
                        return Err(Failure::new(code::DEADLINE_EXCEEDED, what));
                    }
                }
            }
        }
    }
}

/// One partition's part of a call.
pub(super) struct Feed {
    plane: Arc<DataPlane>,
    handle: Handle,
    start: Start,
    asking: Asking,
}

/// What a feed comes to. `Ok` is its end in order, and also that nobody listens.
pub(super) type End = Result<(), Failure>;

impl Feed {
    pub fn new(plane: Arc<DataPlane>, handle: Handle, start: Start, asking: Asking) -> Feed {
        Feed { plane, handle, start, asking }
    }

    /// Until all is told, somebody is gone, or something is wrong.
    pub async fn run(self, call: &Call) -> End {
        let place = match &self.start {
            Start::Events(place) => {
                // This replica may lag behind the one that told of the place.
                let until = self.plane.house.clock.mono().plus_ms(CONFIRM_MS);
                right_here(&self.plane, &self.handle, until).await?;
                place.clone()
            }
            Start::Rows(range) => match self.rows_in_time(range.clone(), call).await? {
                Some(applied) => Place { next: applied + 1, is_aligned: true },
                None => return Ok(()),
            },
        };
        self.events(place, call).await
    }

    async fn rows_in_time(&self, range: KeyRange, call: &Call) -> Result<Option<Index>, Failure> {
        let _turn = call.rows.lock().await;
        let late = |_| Failure::new(code::DEADLINE_EXCEEDED, "the rows were not taken within ten minutes");
        tokio::time::timeout(ROWS_TIME, self.rows(range, call)).await.map_err(late)?
    }

    /// The rows as they are; their index, or none when nobody listens.
    async fn rows(&self, range: KeyRange, call: &Call) -> Result<Option<Index>, Failure> {
        let (handle, asking) = (self.handle.clone(), self.asking.clone());
        let until = self.plane.house.clock.mono().plus_ms(CONFIRM_MS);
        let right = right_here(&self.plane, &handle, until).await?;
        let begin = move || {
            let walk = Walk { reverse: false, long: true };
            handle.scan(asking.layout, &range, walk, asking.expected, right)
        };
        let mut scan = self.plane.house.read_patiently(begin).await?.map_err(failure)?;
        loop {
            let (keys, partition, boot) = (self.asking.keys.clone(), self.handle.id, self.boot());
            let turn = move || {
                rows_turn(scan, &keys).map(|(scan, page, next)| {
                    let is_all = next == Next::End;
                    let applied = scan.applied;
                    let message = Message { partition, upto: applied, is_all, boot };
                    (scan, applied, is_all, rows(message, page))
                })
            };
            let (next, applied, is_all, frame) = self.plane.house.read_patiently(turn).await??;
            scan = next;
            if !call.give(frame?).await? {
                return Ok(None);
            }
            if is_all {
                return Ok(Some(applied));
            }
        }
    }

    async fn events(&self, mut place: Place, call: &Call) -> End {
        let (mut marked_at, mut is_first) = (self.plane.house.clock.mono(), true);
        loop {
            let turn = self.turn(place).await?;
            place = turn.place;
            let now = self.plane.house.clock.mono();
            let is_due = is_first || now.0.saturating_sub(marked_at.0) >= MARK.as_nanos() as u64;
            let ends = turn.is_all && self.asking.ends;
            if let Some(frame) = turn.frame.filter(|_| turn.tells || is_due || ends) {
                if !call.give(frame).await? {
                    return Ok(());
                }
                (marked_at, is_first) = (now, false);
            }
            if ends {
                return Ok(());
            }
            if turn.is_all && !self.rest(place.next - 1, &mut marked_at, call).await? {
                return Ok(());
            }
        }
    }

    fn boot(&self) -> BootId {
        self.plane.house.node.boot()
    }

    /// Waits until more is applied, or a mark is due.
    async fn more(&self, seen: Index, marked_at: Mono) {
        let more = self.handle.published.more(seen);
        let now = self.plane.house.clock.mono();
        let left = MARK.saturating_sub(Duration::from_nanos(now.0.saturating_sub(marked_at.0)));
        // Either is as good.
        let _ = tokio::time::timeout(left, more).await;
    }

    /// The next page. Who follows may be late, and is not turned away for that others
    /// read.
    async fn turn(&self, mut place: Place) -> Result<Turn, Failure> {
        let (handle, asking, boot) = (self.handle.clone(), self.asking.clone(), self.boot());
        let turn = move || -> Result<Turn, Failure> {
            let Asking { keys, expected, voice, before, .. } = asking;
            let wanted = Wanted { keys, bytes: PAGE_BYTES, expected };
            let told = handle.follow(&mut place, &wanted).map_err(refused)?;
            let (tells, is_all) = (!told.events.is_empty(), told.is_all);
            let message = Message { partition: handle.id, upto: told.upto, is_all, boot };
            let frame =
                if tells { events(voice, message, told.events, before)? } else { mark(voice, message)? };
            Ok(Turn { place, frame: Some(frame), tells, is_all })
        };
        self.plane.house.read_patiently(turn).await?
    }

    /// Where nothing new is applied, nobody need look: says so once a mark is due.
    async fn rest(&self, seen: Index, marked_at: &mut Mono, call: &Call) -> Result<bool, Failure> {
        loop {
            self.more(seen, *marked_at).await;
            let published = &self.handle.published;
            if published.applied() > seen || !published.is_serving() {
                return Ok(true);
            }
            let message = Message { partition: self.handle.id, upto: seen, is_all: true, boot: self.boot() };
            if !call.give(mark(self.asking.voice, message)?).await? {
                return Ok(false);
            }
            *marked_at = self.plane.house.clock.mono();
        }
    }
}

/// What came of a page.
struct Turn {
    place: Place,
    frame: Option<Bytes>,
    /// Is there anything in it but how far it goes?
    tells: bool,
    is_all: bool,
}

type RowsTurn = (Scan, Vec<(Bytes, machine::Row)>, Next);

fn rows_turn(mut scan: Scan, keys: &KeyRange) -> Result<RowsTurn, Failure> {
    let room = Room { rows: 1000, bytes: PAGE_BYTES, bytes_left: u64::MAX, one: true };
    let page = scan.page(room).map_err(failure)?;
    let rows = page.rows.into_iter().filter(|(key, _)| keys.contains(key)).collect();
    Ok((scan, rows, page.next))
}

fn refused(error: FollowError) -> Failure {
    let message = error.to_string();
    match error {
        FollowError::Read(error) => failure(error),
        FollowError::Compacted { given_up } => {
            Failure { revision: Some(given_up + 1), ..Failure::new(code::COMPACTED, message) }
        }
        FollowError::Future { .. } => Failure::new(code::FROM_FUTURE, message),
    }
}
