//! One lane: the queue that callers, the stream and its driver share.

use super::Batching;
use super::driver;
use super::queue::{Batch, Bounds, Call, Queue, Taken};
use crate::connections::Connections;
use crate::error::{Access, Error, broken};
use crate::runtime::{self, Instant};
use crate::table::Table;
use model::code;
use proto::data::stream_request::Request;
use proto::data::{GetRequest, RemoveRequest, StreamRequest, StreamResponse, UpsertRequest};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::sync::{Notify, Semaphore};
use tokio::task::AbortHandle;
use tonic::codegen::tokio_stream::Stream;

/// Shared by callers, the driver, and the stream under way.
#[derive(Debug)]
pub(super) struct Lane {
    pub table: Table,
    connections: Arc<Connections>,
    /// The node that these are to, if it is because that leads something.
    pub leader: Option<Arc<str>>,
    /// Which of them it uses.
    pub place: usize,
    state: Mutex<State>,
    /// One permit for each call that may be without an answer. Taken by
    /// [`Lane::send`], given back where the call is told, so that a caller who
    /// gives up does not make room that is not there.
    room: Semaphore,
    /// Wakes the driver: something waits and no stream is open.
    work: Notify,
    /// Wakes the reaper: there is something that can expire.
    armed: Notify,
}

#[derive(Debug)]
struct State {
    queue: Queue,
    /// Which stream may take messages: the last one opened.
    stream: u64,
    /// May it take any?
    open: bool,
    /// The task that sends, when it found nothing.
    sender: Option<Waker>,
    /// Does the reaper know when to wake?
    timed: bool,
    /// Driver and reaper, from the first call on.
    tasks: Vec<AbortHandle>,
    /// Why the last attempt to open a stream failed.
    trouble: Option<Error>,
}

impl Lane {
    pub fn new(
        table: Table,
        (connections, leader): (Arc<Connections>, Option<Arc<str>>),
        place: usize,
        batching: Batching,
    ) -> Lane {
        let bounds = Bounds { items: batching.message_items_max, bytes: batching.message_bytes_max };
        let state = State {
            queue: Queue::new(bounds),
            stream: 0,
            open: false,
            sender: None,
            timed: false,
            tasks: Vec::new(),
            trouble: None,
        };
        Lane {
            table,
            connections,
            leader,
            place,
            state: Mutex::new(state),
            room: Semaphore::new(batching.unanswered_max),
            work: Notify::new(),
            armed: Notify::new(),
        }
    }

    /// Takes a call, when there is room for it.
    pub async fn send(self: &Arc<Lane>, call: Call) -> Result<(), Error> {
        let permit = match self.room.try_acquire() {
            Ok(permit) => Some(permit),
            Err(_) => runtime::before(call.expires(), self.room.acquire()).await.and_then(Result::ok),
        };
        let Some(permit) = permit else {
            let message = "too many calls of this batcher are without an answer";
            return Err(Error::new(code::OVERLOADED, message));
        };
        permit.forget();
        self.push(call);
        Ok(())
    }

    fn push(self: &Arc<Lane>, call: Call) {
        let mut state = self.lock();
        state.queue.push(call);
        let sender = state.sender.take();
        let arm = !std::mem::replace(&mut state.timed, true);
        let open = state.open;
        if state.tasks.is_empty() {
            let drive = runtime::spawn(driver::drive(self.clone()));
            let reap = runtime::spawn(driver::reap(self.clone()));
            state.tasks.extend([drive, reap]);
        }
        drop(state);
        wake(sender);
        if arm {
            self.armed.notify_one();
        }
        if !open {
            self.work.notify_one();
        }
    }

    /// Nobody can call any more, so nobody is waiting for an answer either.
    pub fn close(&self) {
        let mut state = self.lock();
        state.open = false;
        state.tasks.iter().for_each(AbortHandle::abort);
        let sender = state.sender.take();
        drop(state);
        wake(sender);
    }

    /// Returns when something waits to be sent.
    pub async fn work(&self) {
        while !self.lock().queue.waits() {
            self.work.notified().await;
        }
    }

    /// A stream that may take what waits, from now on instead of any other.
    pub fn open(self: &Arc<Lane>) -> Outgoing {
        let mut state = self.lock();
        state.stream += 1;
        state.open = true;
        state.sender = None;
        Outgoing { lane: self.clone(), stream: state.stream, yielded: false }
    }

    /// Hands an answer to those that it is for.
    pub fn answer(&self, answer: StreamResponse) {
        let settled = self.lock().queue.settle(answer);
        if let Some(settled) = settled {
            self.room.add_permits(settled.tell());
        }
    }

    /// The stream ended. What it had sent is told `sent`, unless it is a read
    /// that may be sent again; what waits goes on waiting, or is told `error`.
    pub fn broke(&self, error: &Error, sent: impl Fn(Access) -> Error, waiting: bool) {
        let again = self.table.client.inner.retrying.enabled();
        let mut state = self.lock();
        state.open = false;
        let sender = state.sender.take();
        state.trouble = Some(error.clone());
        let mut told = state.queue.lose_sent(again && waiting, sent);
        if !waiting {
            told += state.queue.refuse_waiting(error);
        }
        drop(state);
        // So that a stream that does not know of its end yet sees it.
        wake(sender);
        self.room.add_permits(told);
    }

    /// A stream is in use: what was wrong before is over.
    pub fn well(&self) {
        self.lock().trouble = None;
    }

    /// There is no way to its node any more: others are asked for a while.
    pub fn doubt_leader(&self) {
        if let (Some(map), Some(leader)) = (&self.table.client.inner.map, &self.leader) {
            map.doubt(leader);
        }
    }

    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Tells whose time is over, and says when to look again. `None`: when
    /// [`Lane::rearmed`] says so.
    pub fn expire(&self, now: Instant) -> Option<Instant> {
        let server = self.connections().server();
        let mut state = self.lock();
        let unsent = state.trouble.clone().filter(Error::is_retryable);
        let unsent = unsent.unwrap_or_else(|| Error::not_sent_in_time(server));
        let told = state.queue.expire(now, &unsent, |access| Error::expired(access, server));
        let next = state.queue.expires();
        state.timed = next.is_some();
        drop(state);
        self.room.add_permits(told);
        next
    }

    pub async fn rearmed(&self) {
        self.armed.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn message(&self, taken: Taken) -> StreamRequest {
        let Taken { sequence, expires, name, batch } = taken;
        let remaining = expires.saturating_duration_since(runtime::now());
        let header = Some(self.table.header_of(remaining, name.map(|name| name.on_the_wire())));
        let table = self.table.name.to_string();
        let request = match batch {
            Batch::Puts(items) => Request::Upsert(UpsertRequest { header, table, items, atomic: false }),
            Batch::Removes(keys) => {
                Request::Remove(RemoveRequest { header, table, keys, ..RemoveRequest::default() })
            }
            Batch::Gets(keys) => Request::Get(GetRequest { header, table, keys }),
        };
        StreamRequest { sequence, request: Some(request) }
    }
}

/// The messages of one stream, made as the transport asks for them.
#[derive(Debug)]
pub(super) struct Outgoing {
    lane: Arc<Lane>,
    stream: u64,
    /// It has let others run since its last message.
    yielded: bool,
}

impl Stream for Outgoing {
    type Item = StreamRequest;

    /// Once something waits, everybody who is ready to call gets to run before
    /// the message is made: the first of many callers woken together would
    /// otherwise travel alone. That is a turn of the scheduler, not a timer.
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<StreamRequest>> {
        let this = &mut *self;
        let mut freed = 0;
        let mut state = this.lane.lock();
        // An old stream takes nothing more: its driver has told all it had sent.
        if state.stream != this.stream || !state.open {
            return Poll::Ready(None);
        }
        if state.queue.waits() && !std::mem::replace(&mut this.yielded, true) {
            drop(state);
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        this.yielded = false;
        let operations = &this.lane.table.client.inner.operations;
        let named = |items| operations.as_ref().map(|operations| operations.begin(items));
        let taken = state.queue.take(&mut freed, named);
        if taken.is_none() {
            state.sender = Some(context.waker().clone());
        }
        drop(state);
        this.lane.room.add_permits(freed);
        match taken {
            Some(taken) => Poll::Ready(Some(this.lane.message(taken))),
            None => Poll::Pending,
        }
    }
}

fn wake(sender: Option<Waker>) {
    if let Some(sender) = sender {
        sender.wake();
    }
}

/// What became of calls whose answer got lost with the stream.
pub(super) fn lost(server: &crate::endpoint::Endpoints, why: &str, access: Access) -> Error {
    match access {
        Access::Read => broken(server, why),
        Access::Write => Error::new(
            code::UNKNOWN_OUTCOME,
            format!("the stream to {server} broke before the answer: {why}"),
        ),
    }
}
