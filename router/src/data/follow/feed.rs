//! What happens in one partition, page by page.

use super::TAKE_WAIT;
use super::told::{Message, Voice, events, mark, rows};
use crate::data::DataPlane;
use crate::data::read::failure;
use crate::door::{Piece, full};
use bytes::Bytes;
use env::Mono;
use model::{BootId, Epoch, Index, KeyRange, Layout, code};
use partition_mgr::directory::Handle;
use partition_mgr::following::{FollowError, Place, Wanted};
use partition_mgr::scanning::{Next, Room, Scan, Walk};
use proto::Failure;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Keys and values of one message, beyond its first row or record.
const PAGE_BYTES: usize = 256 << 10;
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
        Start::Events(Place { next: handle.published.applied() + 1, is_aligned: true })
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
    pub async fn run(self, out: &mpsc::Sender<Piece>) -> End {
        let place = match &self.start {
            Start::Events(place) => place.clone(),
            Start::Rows(range) => match self.rows(range.clone(), out).await? {
                Some(applied) => Place { next: applied + 1, is_aligned: true },
                None => return Ok(()),
            },
        };
        self.events(place, out).await
    }

    /// The rows as they are; their index, or none when nobody listens.
    async fn rows(&self, range: KeyRange, out: &mpsc::Sender<Piece>) -> Result<Option<Index>, Failure> {
        let (handle, asking) = (self.handle.clone(), self.asking.clone());
        let begin =
            move || handle.scan(asking.layout, &range, Walk { reverse: false, long: true }, asking.expected);
        let mut scan = self.in_the_pool(begin).await?.map_err(failure)?;
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
            let (next, applied, is_all, frame) = self.in_the_pool(turn).await??;
            scan = next;
            if !self.give(frame?, out).await? {
                return Ok(None);
            }
            if is_all {
                return Ok(Some(applied));
            }
        }
    }

    async fn events(&self, mut place: Place, out: &mpsc::Sender<Piece>) -> End {
        let (mut marked_at, mut is_first) = (self.plane.house.clock.mono(), true);
        loop {
            let turn = self.turn(place.clone()).await?;
            place = turn.place;
            let now = self.plane.house.clock.mono();
            let is_due = is_first || now.0.saturating_sub(marked_at.0) >= MARK.as_nanos() as u64;
            let ends = turn.is_all && self.asking.ends;
            if let Some(frame) = turn.frame.filter(|_| turn.tells || is_due || ends) {
                if !self.give(frame, out).await? {
                    return Ok(());
                }
                (marked_at, is_first) = (now, false);
            }
            if ends {
                return Ok(());
            }
            if turn.is_all && !self.rest(place.next - 1, &mut marked_at, out).await? {
                return Ok(());
            }
        }
    }

    fn boot(&self) -> BootId {
        self.plane.house.node.boot()
    }

    /// Waits until more is applied, or a mark is due.
    async fn more(&self, seen: Index, marked_at: Mono) {
        let published = &self.handle.published;
        let more = poll_fn(|context| match published.is_beyond(seen, context.waker()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        });
        let now = self.plane.house.clock.mono();
        let left = MARK.saturating_sub(Duration::from_nanos(now.0.saturating_sub(marked_at.0)));
        // Either is as good.
        let _ = tokio::time::timeout(left, more).await;
    }

    /// The next page.
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
        self.in_the_pool(turn).await?
    }

    /// By a thread that may wait for a disk.
    async fn in_the_pool<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let (answer, answered) = oneshot::channel();
        let job = move || {
            // Nobody reads for those who have left.
            if !answer.is_closed() {
                let _ = answer.send(work());
            }
        };
        let busy = |busy: partition_mgr::pool::Busy| Failure::new(code::OVERLOADED, busy.to_string());
        self.plane.house.reads.offer(job).map_err(busy)?;
        answered.await.map_err(|_| Failure::new(code::STOPPING, "the node is ending"))
    }

    /// Where nothing new is applied, nobody need look: says so once a mark is due.
    async fn rest(
        &self,
        seen: Index,
        marked_at: &mut Mono,
        out: &mpsc::Sender<Piece>,
    ) -> Result<bool, Failure> {
        loop {
            self.more(seen, *marked_at).await;
            let published = &self.handle.published;
            if published.applied() > seen || !published.is_serving() {
                return Ok(true);
            }
            let message = Message { partition: self.handle.id, upto: seen, is_all: true, boot: self.boot() };
            if !self.give(mark(self.asking.voice, message)?, out).await? {
                return Ok(false);
            }
            *marked_at = self.plane.house.clock.mono();
        }
    }

    /// Hands a message over when there is room for it; false when nobody takes it.
    async fn give(&self, frame: Bytes, out: &mpsc::Sender<Piece>) -> Result<bool, Failure> {
        let weight = self.plane.house.weigh(frame.len(), true).ok_or_else(full)?;
        let given = tokio::time::timeout(TAKE_WAIT, out.send(Piece::Message(frame, weight)));
        match given.await {
            Ok(sent) => Ok(sent.is_ok()),
            Err(_) => Err(Failure::new(code::DEADLINE_EXCEEDED, "nobody took what was told for 30 seconds")),
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
