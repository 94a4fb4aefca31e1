//! Calls of many tasks that travel together.
//!
//! Each connection has one lane: a queue, and a `Stream` call that empties it.
//! The transport takes the next message when it is done with the one before,
//! and the message is made then, of whatever waits: nobody waits for company.
//!
//! ```text
//! put ┐                  ┌──────── Outgoing ─► StreamRequest(sequence) ─►
//! put ┼─► Lane: Queue ───┤                                                server
//! get ┘    ▲   by kind   └ unanswered by sequence ◄── StreamResponse ◄──
//!          └─ room: so many calls may be without an answer, then callers wait
//! ```
//!
//! A call is in one place at any time: waiting, or under one sequence among the
//! unanswered. It leaves with one answer. Calls that overlap have no order.

mod driver;
mod lane;
mod queue;

use crate::answer::{Removed, Row, Written};
use crate::change::Change;
use crate::error::Error;
use crate::runtime::{self, Instant};
use crate::sending::NAMES_MAX;
use crate::size;
use crate::table::Table;
use bytes::Bytes;
use lane::Lane;
use model::code;
use proto::Retry;
use proto::{KEYS_MAX, UPSERT_BYTES_MAX};
use queue::{Call, Missed, Pending};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::oneshot;

/// Bounds of a batcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batching {
    /// Items of one message at most, and never more than 4,096.
    pub message_items_max: usize,
    /// Encoded bytes of one message at most, unless one item alone is longer.
    pub message_bytes_max: usize,
    /// Calls of one connection that may be without an answer; further ones wait.
    pub unanswered_max: usize,
}

impl Default for Batching {
    fn default() -> Batching {
        Batching { message_items_max: 1024, message_bytes_max: 256 << 10, unanswered_max: 8192 }
    }
}

/// Lets calls of many tasks share messages. Cheap to clone; clones share the
/// same streams, which end with the last clone.
#[derive(Clone, Debug)]
pub struct Batcher {
    lanes: Arc<Lanes>,
}

#[derive(Debug)]
struct Lanes {
    table: Table,
    lanes: Box<[Arc<Lane>]>,
    turn: AtomicUsize,
}

impl Batcher {
    pub(crate) fn new(table: Table, batching: Batching) -> Batcher {
        let most = UPSERT_BYTES_MAX.saturating_sub(table.frame());
        let batching = Batching {
            message_items_max: batching.message_items_max.clamp(1, KEYS_MAX),
            message_bytes_max: batching.message_bytes_max.min(most),
            unanswered_max: batching.unanswered_max.clamp(1, tokio::sync::Semaphore::MAX_PERMITS),
        };
        let count = table.client.inner.data.count();
        let lanes = (0..count).map(|place| Arc::new(Lane::new(table.clone(), place, batching))).collect();
        Batcher { lanes: Arc::new(Lanes { table, lanes, turn: AtomicUsize::new(0) }) }
    }

    /// Sets a row.
    pub async fn put(&self, key: impl Into<Bytes>, value: impl Into<Bytes>) -> Result<Written, Error> {
        let item = Change::put(key, value).into_item();
        let bytes = size::item(&item);
        let expires = self.lanes.table.client.inner.expires();
        match self.call_until(expires, bytes, || item.clone(), Call::Put).await {
            Err(Missed { error, name: Some(name) }) if error.retry() == Retry::WithOpId => {
                self.lanes.table.put_again(name, expires, item).await
            }
            answer => answer.map_err(|missed| missed.error),
        }
    }

    /// Removes a row.
    pub async fn remove(&self, key: impl Into<Bytes>) -> Result<Removed, Error> {
        let key = key.into();
        let bytes = size::key(&key);
        let expires = self.lanes.table.client.inner.expires();
        match self.call_until(expires, bytes, || key.clone(), Call::Remove).await {
            Err(Missed { error, name: Some(name) }) if error.retry() == Retry::WithOpId => {
                self.lanes.table.remove_again(name, expires, key).await
            }
            answer => answer.map_err(|missed| missed.error),
        }
    }

    /// Reads a row.
    pub async fn get(&self, key: impl Into<Bytes>) -> Result<Option<Row>, Error> {
        let key = key.into();
        let bytes = size::key(&key);
        let expires = self.lanes.table.client.inner.expires();
        match self.call_until(expires, bytes, || key.clone(), Call::Get).await {
            // It travelled with others, and together they were too many bytes. A
            // row alone can always be read.
            Err(Missed { error, .. }) if error.is(code::ANSWER_TOO_LARGE) => {
                self.lanes.table.get_until(expires, key).await
            }
            answer => answer.map_err(|missed| missed.error),
        }
    }

    /// Sends a call until there is an answer that stays.
    async fn call_until<Q, A>(
        &self,
        expires: Instant,
        bytes: usize,
        ask: impl Fn() -> Q,
        call: fn(Pending<Q, A>) -> Call,
    ) -> Result<A, Missed> {
        let table = &self.lanes.table;
        table.fits(bytes)?;
        let retrying = &table.client.inner.retrying;
        let (mut attempts, mut names) = (0, 0);
        loop {
            let began = runtime::now();
            let missed = match self.attempt(bytes, ask(), call, expires).await {
                Ok(answer) => return Ok(answer),
                Err(missed) => missed,
            };
            let Missed { error, name } = &missed;
            if let Some(name) = name.as_ref().filter(|_| error.refuses_client() && names < NAMES_MAX) {
                // Nothing was done under it; the next has another id.
                name.refused(error.is(code::CLIENT_AHEAD));
                names += 1;
                continue;
            }
            attempts += 1;
            if !error.is_retryable() || !retrying.again(attempts, runtime::now() - began, expires).await {
                return Err(missed);
            }
        }
    }

    async fn attempt<Q, A>(
        &self,
        bytes: usize,
        ask: Q,
        call: fn(Pending<Q, A>) -> Call,
        expires: Instant,
    ) -> Result<A, Missed> {
        let (reply, answer) = oneshot::channel();
        let lane = self.lanes.next();
        lane.send(call(Pending { ask, bytes, expires, reply })).await?;
        // A lane answers all it has taken, unless its runtime ends under it.
        answer
            .await
            .unwrap_or_else(|_| Err(Error::new(code::UNKNOWN_OUTCOME, "the runtime is shutting down").into()))
    }
}

impl Lanes {
    /// The lane whose turn it is.
    fn next(&self) -> &Arc<Lane> {
        &self.lanes[self.turn.fetch_add(1, Ordering::Relaxed) % self.lanes.len()]
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        self.lanes.iter().for_each(|lane| lane.close());
    }
}
