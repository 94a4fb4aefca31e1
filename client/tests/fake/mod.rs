//! A server in this process: rows in a map, faults on request. What it does
//! when nothing is planned is what the real one does.
#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::disallowed_methods, reason = "sockets and tasks of a test")]

mod clear;
mod control;
mod data;
mod follow;
mod machines;
pub mod proxy;
mod rows;
mod scan;

pub use follow::History;
pub use rows::Rows;

use machines::Machines;
use proto::Failure;
use proto::control::control_server::ControlServer;
use proto::data::WatchResponse;
use proto::data::data_server::DataServer;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

/// What goes wrong.
#[derive(Default)]
pub struct Plan {
    /// Each of the next calls, or messages of a stream, is refused with one.
    pub refusals: VecDeque<Failure>,
    /// Items of these keys are refused.
    pub items: BTreeMap<Vec<u8>, Failure>,
    /// No call is answered.
    pub silent: bool,
    /// Streams are refused.
    pub no_streams: Option<Failure>,
    /// Streams end with an error when so many messages were applied in all;
    /// the last of these is not answered.
    pub cut_after: Option<usize>,
    /// A scan ends with this error when it has shown so many rows.
    pub cut_scan: VecDeque<(usize, Failure)>,
    /// The next removal of a range is done, and its answer lost.
    pub lose_removal: bool,
    /// A watch or a tail ends with this error after so many messages; without a
    /// plan, it ends in order when all is told.
    pub cut_follow: VecDeque<(usize, Failure)>,
    /// The next watch tells this, too.
    pub told_besides: Vec<WatchResponse>,
    /// Streams answer pairs of messages in the wrong order, and each twice.
    pub muddle: bool,
}

/// What the server was asked.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub namespace: String,
    pub deadline_ms: u32,
    pub grpc_timeout: Option<String>,
    pub items: usize,
    /// Client and sequence of an operation.
    pub op: Option<(Vec<u8>, u64)>,
    pub answered_upto: u64,
    /// Of a scan: behind which key, and its limits.
    pub after: Vec<u8>,
    pub limits: (u64, u64),
    /// Of a watch or a tail: from where.
    pub from: Vec<(u64, u64)>,
    /// And who told up to there.
    pub boots: Vec<u64>,
    pub initial_state: bool,
}

/// A running server; it ends with the runtime.
#[derive(Clone)]
pub struct Fake {
    pub data: SocketAddr,
    pub control: SocketAddr,
    world: Arc<World>,
}

#[derive(Default)]
pub struct World {
    rows: Mutex<Rows>,
    history: Mutex<History>,
    machines: Mutex<Machines>,
    plan: Mutex<Plan>,
    asked: Mutex<Vec<Asked>>,
    /// How many streams are open.
    streams: watch::Sender<usize>,
    /// For tasks that outlive the call that starts them.
    myself: Weak<World>,
}

impl Fake {
    /// Starts one with a table `kv`.
    pub async fn start() -> Fake {
        let world = Arc::new_cyclic(|myself| World { myself: myself.clone(), ..World::default() });
        world.rows().create("", "kv");
        let (data_at, control_at) = (listen().await, listen().await);
        let data = data_at.local_addr().expect("an address");
        let control = control_at.local_addr().expect("an address");
        let serve = Server::builder()
            .add_service(DataServer::from_arc(world.clone()))
            .serve_with_incoming(TcpIncoming::from(data_at));
        tokio::spawn(serve);
        let serve = Server::builder()
            .add_service(ControlServer::from_arc(world.clone()))
            .serve_with_incoming(TcpIncoming::from(control_at));
        tokio::spawn(serve);
        Fake { data, control, world }
    }

    pub fn builder(&self) -> client::Builder {
        self.builder_at(self.data)
    }

    pub fn builder_at(&self, data: SocketAddr) -> client::Builder {
        client::Client::builder(data.to_string()).control(self.control.to_string()).connections(1)
    }

    pub fn plan(&self) -> MutexGuard<'_, Plan> {
        self.world.plan()
    }

    pub fn rows(&self) -> MutexGuard<'_, Rows> {
        self.world.rows()
    }

    pub fn history(&self) -> MutexGuard<'_, History> {
        self.world.history()
    }

    /// Returns when so many streams are open.
    pub async fn streams(&self, count: usize) {
        let mut streams = self.world.streams.subscribe();
        streams.wait_for(|open| *open == count).await.expect("the server is there");
    }

    /// Returns when so many calls or messages have come in since the last look.
    pub async fn heard(&self, count: usize) {
        while self.world.asked.lock().expect("no panic").len() < count {
            tokio::task::yield_now().await;
        }
    }

    /// What it was asked since this was last called.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.world.asked.lock().expect("no panic"))
    }
}

impl World {
    fn myself(&self) -> Arc<World> {
        self.myself.upgrade().expect("a call is under way, so the server is there")
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().expect("no panic")
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().expect("no panic")
    }

    fn machines(&self) -> MutexGuard<'_, Machines> {
        self.machines.lock().expect("no panic")
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().expect("no panic")
    }

    /// Notes a call and refuses it if that is planned.
    fn admit(&self, asked: Asked) -> Result<(), Failure> {
        self.asked.lock().expect("no panic").push(asked);
        self.plan().refusals.pop_front().map_or(Ok(()), Err)
    }

    fn refuses(&self, key: &[u8]) -> Option<Failure> {
        self.plan().items.get(key).cloned()
    }
}

async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a free port")
}

/// An address where nobody listens, for as long as the socket is kept.
pub fn nobody() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let address = socket.local_addr().expect("an address");
    (socket, address)
}
