//! The way to whoever leads a key: a map that a node tells and keeps up, and
//! connections to the nodes on it.
//!
//! ```text
//! WatchMap (any node) ─► Chart ─► key ─► address ─► connections to it
//!                          ▲                          │
//!                          └── BadNode, no answer ◄───┘
//! ```
//!
//! It is a hint. What the map says may be over; then the node that is asked says who
//! leads, or passes the request on. Where nothing is known, any node is asked.

mod chart;

use crate::connections::Connections;
use crate::endpoint::Endpoints;
use crate::error::Error;
use crate::runtime::{self, Instant};
use crate::sending::service;
use crate::transport::Transport;
use bytes::Bytes;
use chart::Chart;
use model::code;
use proto::Retry;
use proto::common::Header;
use proto::data::WatchMapRequest;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tonic::transport::Channel;
use tonic::{Code, Status};

/// After a watch that broke; twice as long each time, up to so many times.
const PAUSE: Duration = Duration::from_millis(100);
const DOUBLINGS: u32 = 6;
/// After a node that knows no maps.
const LONG_PAUSE: Duration = Duration::from_secs(30);
/// A node that did not answer is not asked for so long, unless nobody else is there.
const DOUBT: Duration = Duration::from_secs(1);
/// Tables that may be named in a watch; beyond, all are wanted.
const TABLES_MAX: usize = 1_024;

/// Where whoever leads is reached.
#[derive(Debug)]
pub(crate) struct Whereabouts {
    known: Arc<Known>,
    /// To each node.
    count: usize,
    transport: Transport,
    nodes: Mutex<BTreeMap<Arc<str>, Arc<Connections>>>,
    /// Keeps the chart up, from the first question on.
    task: Mutex<Option<AbortHandle>>,
}

/// What the watch shares with those who ask.
#[derive(Debug)]
struct Known {
    chart: RwLock<Chart>,
    /// Tables that somebody has asked for.
    tables: watch::Sender<BTreeSet<Arc<str>>>,
    /// Nodes that did not answer, and when.
    doubts: Mutex<BTreeMap<Arc<str>, Instant>>,
    /// Is rung when there are more: the watch may be theirs.
    doubted: Notify,
    namespace: String,
    data: Arc<Connections>,
}

impl Whereabouts {
    /// Of the cluster that these are connections to.
    pub fn new(data: Arc<Connections>, transport: Transport, namespace: String) -> Whereabouts {
        let count = (data.count() / data.server().count()).max(1);
        let (chart, tables) = (RwLock::default(), watch::Sender::default());
        let (doubts, doubted) = (Mutex::default(), Notify::new());
        let known = Known { chart, tables, doubts, doubted, namespace, data };
        let (nodes, task) = (Mutex::default(), Mutex::default());
        Whereabouts { known: Arc::new(known), count, transport, nodes, task }
    }

    /// The address of whoever leads the key's partition, if that is known.
    pub fn leader(&self, table: &Arc<str>, key: &Bytes) -> Option<Arc<str>> {
        self.watch(table);
        let leader = {
            let chart = self.known.chart.read().unwrap_or_else(PoisonError::into_inner);
            chart.leader(table, key).cloned()?
        };
        let since = lock(&self.known.doubts).get(&leader).copied();
        since.is_none_or(|since| runtime::now() >= since + DOUBT).then_some(leader)
    }

    /// A node does not answer: others are asked for a while.
    pub fn doubt(&self, address: &Arc<str>) {
        lock(&self.known.doubts).insert(address.clone(), runtime::now());
        self.known.doubted.notify_one();
    }

    /// Connections to a node.
    pub fn connections(&self, address: &Arc<str>) -> Option<Arc<Connections>> {
        let mut nodes = lock(&self.nodes);
        if let Some(connections) = nodes.get(address) {
            return Some(connections.clone());
        }
        let server = address.parse().ok()?;
        let connections = Arc::new(Connections::new(server, self.count, self.transport.clone()).ok()?);
        nodes.insert(address.clone(), connections.clone());
        Some(connections)
    }

    /// What an attempt at the node that was taken for the leader came to; true if there
    /// is another one to be asked at once.
    fn learn(&self, table: &str, key: &Bytes, asked: &Arc<str>, error: &Error) -> bool {
        let Some(bad) = error.bad_node() else {
            if error.is(code::UNREACHABLE)
                || error.is(code::DEADLINE_EXCEEDED)
                || error.retry() == Retry::WithOpId
            {
                self.doubt(asked);
            }
            return false;
        };
        let leader = Some(&*bad.address).filter(|address| !address.is_empty()).map(Arc::from);
        let is_another = leader.as_ref().is_some_and(|leader| leader != asked);
        self.known.chart().correct(table, key, leader, bad.epoch);
        is_another
    }

    /// Has this table's places told as well.
    fn watch(&self, table: &Arc<str>) {
        let is_told = self.known.tables.borrow().contains(table);
        if is_told {
            return;
        }
        self.known.tables.send_if_modified(|tables| tables.insert(table.clone()));
        let mut task = lock(&self.task);
        // Whoever asked first may have ended, and its runtime with it.
        if task.as_ref().is_none_or(AbortHandle::is_finished) {
            *task = Some(runtime::spawn(follow(self.known.clone())));
        }
    }
}

impl Drop for Whereabouts {
    fn drop(&mut self) {
        if let Some(task) = lock(&self.task).take() {
            task.abort();
        }
    }
}

impl Known {
    fn chart(&self) -> RwLockWriteGuard<'_, Chart> {
        self.chart.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// One watch, until it ends: how.
    async fn watch(&self, wanted: &mut watch::Receiver<BTreeSet<Arc<str>>>) -> End {
        let mut tables: Vec<String> = wanted.borrow_and_update().iter().map(|one| one.to_string()).collect();
        if tables.len() > TABLES_MAX {
            tables.clear();
        }
        let header = Some(Header { namespace: self.namespace.clone(), ..Header::default() });
        let mut service = service(self.data.next());
        let mut told = match service.watch_map(WatchMapRequest { header, tables, ends: false }).await {
            Ok(told) => told.into_inner(),
            Err(status) => return End::of(&status),
        };
        let mut is_of_use = false;
        loop {
            tokio::select! {
                biased;
                message = told.message() => match message {
                    Ok(Some(message)) => {
                        is_of_use = true;
                        self.chart().take(message);
                    }
                    Ok(None) => return End::Broke { is_of_use },
                    Err(status) if is_of_use && End::of(&status) != End::Never => {
                        return End::Broke { is_of_use };
                    }
                    Err(status) => return End::of(&status),
                },
                () = self.doubted.notified() => return End::Anew,
                changed = wanted.changed() => {
                    return if changed.is_ok() { End::Anew } else { End::Never };
                }
            }
        }
    }
}

/// How a watch ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Another one is wanted, at the next node; what was told holds meanwhile.
    Anew,
    /// It was lost. Had it told something?
    Broke { is_of_use: bool },
    /// This node has no maps, or does not want to tell.
    Never,
}

impl End {
    fn of(status: &Status) -> End {
        match status.code() {
            Code::Unimplemented | Code::InvalidArgument | Code::PermissionDenied => End::Never,
            _ => End::Broke { is_of_use: false },
        }
    }
}

/// Keeps the chart up until it is aborted.
async fn follow(known: Arc<Known>) {
    let (mut wanted, mut failures) = (known.tables.subscribe(), 0);
    loop {
        let end = known.watch(&mut wanted).await;
        if end == End::Anew {
            continue;
        }
        // What it says is good for a while, and nobody would say when it is not.
        known.chart().forget_all();
        failures = if end == (End::Broke { is_of_use: true }) { 0 } else { failures + 1 };
        let pause = if end == End::Never { LONG_PAUSE } else { PAUSE * (1 << failures.min(DOUBLINGS)) };
        runtime::pause(pause).await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How an attempt finds a node.
pub(crate) struct Way<'a> {
    connections: &'a Connections,
    /// A key that is concerned, and of which table.
    led: Option<(&'a Whereabouts, &'a Arc<str>, &'a Bytes)>,
}

impl<'a> Way<'a> {
    /// By any of these.
    pub fn any(connections: &'a Connections) -> Way<'a> {
        Way { connections, led: None }
    }

    /// By whoever leads this key's partition, while somebody is known to.
    pub fn to(
        connections: &'a Connections,
        map: Option<&'a Whereabouts>,
        table: &'a Arc<str>,
        key: Option<&'a Bytes>,
    ) -> Way<'a> {
        Way { connections, led: map.zip(key).map(|(map, key)| (map, table, key)) }
    }

    /// The connections.
    pub fn servers(&self) -> &Endpoints {
        self.connections.server()
    }

    /// A connection, and to whom, if that is whoever is known to lead.
    pub fn take(&self) -> (Channel, Option<Arc<str>>) {
        let led = self.led.and_then(|(map, table, key)| {
            let leader = map.leader(table, key)?;
            Some((map.connections(&leader)?.next(), Some(leader)))
        });
        led.unwrap_or_else(|| (self.connections.next(), None))
    }

    /// What an attempt came to at the one that was taken for the leader; true if another
    /// one can be asked at once.
    pub fn learn(&self, asked: &Arc<str>, error: &Error) -> bool {
        self.led.is_some_and(|(map, table, key)| map.learn(table, key, asked, error))
    }
}
