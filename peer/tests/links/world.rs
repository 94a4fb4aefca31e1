//! Nodes in one process, a network in memory, and time that passes when nobody
//! has anything to do.

use bytes::Bytes;
use env::Rng;
use env::net::{Accepted, Listener, Net, Promised, Stream};
use model::{ClusterId, DiskId, NodeId};
use peer::{Gate, Hears, Identity, Lane, Links, Patience, attend};
use std::collections::BTreeMap;
use std::future::{Future, pending};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, LocalSet};
use tokio::time::{Instant, sleep};

/// What a connection holds that nobody has read.
const PIPE_BYTES: usize = 64 << 10;

/// Runs a test on virtual time.
pub fn run(test: impl Future<Output = ()>) {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    LocalSet::new().block_on(&runtime, test);
}

/// So much time passes.
pub async fn pass(ms: u64) {
    sleep(Duration::from_millis(ms)).await;
}

/// A network: who listens where, and where nothing is answered.
#[derive(Clone, Default)]
pub struct Wires(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    listening: BTreeMap<String, mpsc::UnboundedSender<DuplexStream>>,
    silent: Vec<String>,
    attempts: u32,
}

impl Wires {
    /// Attempts to connect, by anybody, so far.
    pub fn attempts(&self) -> u32 {
        self.0.lock().expect("no panic").attempts
    }

    /// Whoever connects to this address hears nothing.
    pub fn silence(&self, address: &str) {
        self.0.lock().expect("no panic").silent.push(address.to_owned());
    }

    /// A connection of somebody who is no node.
    pub fn dial(&self, address: &str) -> io::Result<DuplexStream> {
        let mut state = self.0.lock().expect("no panic");
        state.attempts += 1;
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let listener = state.listening.get(address).filter(|one| !one.is_closed()).ok_or_else(refused)?;
        let (ours, theirs) = duplex(PIPE_BYTES);
        listener.send(theirs).map_err(|_| refused())?;
        Ok(ours)
    }
}

impl Net for Wires {
    fn listen(&self, at: SocketAddr) -> Promised<'_, Box<dyn Listener>> {
        let (put, take) = mpsc::unbounded_channel();
        self.0.lock().expect("no panic").listening.insert(at.to_string(), put);
        Box::pin(async move { Ok(Box::new(Ear(at, take)) as Box<dyn Listener>) })
    }

    fn connect<'a>(&'a self, to: &'a str) -> Promised<'a, Box<dyn Stream>> {
        Box::pin(async move {
            if self.0.lock().expect("no panic").silent.iter().any(|one| one == to) {
                pending::<()>().await;
            }
            Ok(Box::new(Wire(self.dial(to)?)) as Box<dyn Stream>)
        })
    }
}

struct Ear(SocketAddr, mpsc::UnboundedReceiver<DuplexStream>);

impl Listener for Ear {
    fn accept(&mut self) -> Promised<'_, (Box<dyn Accepted>, SocketAddr)> {
        Box::pin(async {
            match self.1.recv().await {
                Some(stream) => Ok((Box::new(Wire(stream)) as Box<dyn Accepted>, self.0)),
                None => pending().await,
            }
        })
    }

    fn address(&self) -> io::Result<SocketAddr> {
        Ok(self.0)
    }
}

struct Wire(DuplexStream);

impl Accepted for Wire {
    fn attend(self: Box<Self>) -> io::Result<Box<dyn Stream>> {
        Ok(self)
    }
}

impl Stream for Wire {
    fn peer(&self) -> Option<SocketAddr> {
        None
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// What a node has heard.
#[derive(Default)]
pub struct Heard {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    frames: Vec<(u64, Lane, Bytes)>,
    ways: Vec<String>,
    deaf: bool,
}

impl Heard {
    /// Frames since it was asked last: from whom, on which lane, what.
    pub fn frames(&self) -> Vec<(u64, Lane, Bytes)> {
        std::mem::take(&mut self.inner.lock().expect("no panic").frames)
    }

    /// What became of ways on the swift lane since it was asked last.
    pub fn ways(&self) -> Vec<String> {
        std::mem::take(&mut self.inner.lock().expect("no panic").ways)
    }

    /// It has no room, or has some again.
    pub fn set_deaf(&self, deaf: bool) {
        self.inner.lock().expect("no panic").deaf = deaf;
    }

    fn say(&self, lane: Lane, what: String) {
        if lane == Lane::Swift {
            self.inner.lock().expect("no panic").ways.push(what);
        }
    }
}

impl Hears for Heard {
    fn frame(&self, from: &Identity, lane: Lane, frame: Bytes) -> Result<(), Bytes> {
        let mut inner = self.inner.lock().expect("no panic");
        if inner.deaf {
            return Err(frame);
        }
        inner.frames.push((from.node.0, lane, frame));
        Ok(())
    }

    fn up(&self, node: NodeId, lane: Lane) {
        self.say(lane, format!("{node} up"));
    }

    fn down(&self, node: NodeId, lane: Lane, refused: bool) {
        self.say(lane, if refused { format!("{node} nobody") } else { format!("{node} down") });
    }
}

pub fn identity(node: u64, boot: u64) -> Identity {
    Identity { cluster: ClusterId(1), node: NodeId(node), disk: DiskId(u128::from(node) + 100), boot }
}

pub fn address(node: u64) -> String {
    format!("10.0.0.{node}:7402")
}

/// A node that speaks and listens.
pub struct Node {
    pub links: Links,
    pub heard: Arc<Heard>,
    pub gate: Arc<Gate>,
    ear: AbortHandle,
}

impl Node {
    /// Starts it; it knows the nodes 1, 2 and 3, each at its first start or later.
    pub async fn start(wires: &Wires, own: Identity) -> Node {
        let mut env = env::real::env().expect("the operating system has random numbers");
        env.net = Arc::new(wires.clone());
        env.rng = Rng::from_seed(own.node.0 + own.boot);
        let (gate, heard) = (Arc::new(Gate::new(own)), Arc::<Heard>::default());
        (1..4).for_each(|node| gate.know(NodeId(node), identity(node, 1).disk, 1));
        let at = address(own.node.0).parse().expect("an address");
        let listener = env.net.listen(at).await.expect("nobody else is there");
        let ear = attend(listener, gate.clone(), heard.clone(), Patience::default());
        let ear = tokio::task::spawn_local(ear).abort_handle();
        let links = Links::new(env, gate.clone(), heard.clone(), Patience::default());
        Node { links, heard, gate, ear }
    }

    pub fn link(&self, node: u64) {
        self.links.link(NodeId(node), &address(node));
    }

    pub fn send(&self, node: u64, lane: Lane, frame: impl Into<Bytes>) -> bool {
        self.links.send(NodeId(node), lane, frame.into())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.ear.abort();
    }
}

/// Virtual time, for measuring.
pub fn now() -> Instant {
    Instant::now()
}
