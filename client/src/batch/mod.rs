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
use crate::connections::Connections;
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
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
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

/// A lane for each of some connections.
type Street = Box<[Arc<Lane>]>;

#[derive(Debug)]
struct Lanes {
    table: Table,
    batching: Batching,
    /// To any node.
    lanes: Street,
    /// To nodes that lead something.
    led: Mutex<BTreeMap<Arc<str>, Street>>,
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
        let lanes = lanes_over(&table, (table.client.inner.data.clone(), None), batching);
        let (led, turn) = (Mutex::default(), AtomicUsize::new(0));
        Batcher { lanes: Arc::new(Lanes { table, batching, lanes, led, turn }) }
    }

    /// Sets a row.
    pub async fn put(&self, key: impl Into<Bytes>, value: impl Into<Bytes>) -> Result<Written, Error> {
        let item = Change::put(key, value).into_item();
        let bytes = size::item(&item);
        let expires = self.lanes.table.client.inner.expires();
        match self.call_until(expires, (&item.key, bytes), || item.clone(), Call::Put).await {
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
        match self.call_until(expires, (&key, bytes), || key.clone(), Call::Remove).await {
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
        match self.call_until(expires, (&key, bytes), || key.clone(), Call::Get).await {
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
        (key, bytes): (&Bytes, usize),
        ask: impl Fn() -> Q,
        call: fn(Pending<Q, A>) -> Call,
    ) -> Result<A, Missed> {
        let table = &self.lanes.table;
        table.fits(bytes)?;
        let retrying = &table.client.inner.retrying;
        let (mut attempts, mut names) = (0, 0);
        loop {
            let began = runtime::now();
            let missed = match self.attempt((key, bytes), ask(), call, expires).await {
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
        (key, bytes): (&Bytes, usize),
        ask: Q,
        call: fn(Pending<Q, A>) -> Call,
        expires: Instant,
    ) -> Result<A, Missed> {
        let (reply, answer) = oneshot::channel();
        let lane = self.lanes.next(key);
        lane.send(call(Pending { ask, bytes, expires, reply })).await?;
        // A lane answers all it has taken, unless its runtime ends under it.
        answer
            .await
            .unwrap_or_else(|_| Err(Error::new(code::UNKNOWN_OUTCOME, "the runtime is shutting down").into()))
    }
}

impl Lanes {
    /// The lane whose turn it is, of those to whoever leads this key.
    fn next(&self, key: &Bytes) -> Arc<Lane> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let of = |lanes: &[Arc<Lane>]| lanes[turn % lanes.len()].clone();
        self.led(key, of).unwrap_or_else(|| of(&self.lanes))
    }

    fn led(&self, key: &Bytes, of: impl Fn(&[Arc<Lane>]) -> Arc<Lane>) -> Option<Arc<Lane>> {
        let map = self.table.client.inner.map.as_ref()?;
        let leader = map.leader(&self.table.name, key)?;
        let mut led = self.led.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lanes) = led.get(&leader) {
            return Some(of(lanes));
        }
        let to = (map.connections(&leader)?, Some(leader.clone()));
        let lanes = lanes_over(&self.table, to, self.batching);
        Some(of(led.entry(leader).or_insert(lanes)))
    }
}

fn lanes_over(table: &Table, to: (Arc<Connections>, Option<Arc<str>>), batching: Batching) -> Street {
    let lane = |place| Arc::new(Lane::new(table.clone(), to.clone(), place, batching));
    (0..to.0.count()).map(lane).collect()
}

impl Drop for Lanes {
    fn drop(&mut self) {
        let led = self.led.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.lanes.iter().chain(led.values().flatten()).for_each(|lane| lane.close());
    }
}
