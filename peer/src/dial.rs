//! Keeping up the way to one node on one lane.
#![allow(clippy::disallowed_methods, reason = "tasks and timers of the runtime, which simulation drives too")]

use crate::gate::Gate;
use crate::hello::{Hello, Refusal};
use crate::links::Hears;
use crate::queue::Queue;
use crate::{Lane, Patience, frame};
use bytes::BytesMut;
use env::{Env, Stream};
use model::NodeId;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, split};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

/// What is gathered for one write.
const WRITE_BYTES: usize = 256 << 10;

/// Whom to reach, and how.
pub(crate) struct Way {
    pub env: Env,
    pub gate: Arc<Gate>,
    pub hears: Arc<dyn Hears>,
    pub patience: Patience,
    pub node: NodeId,
    pub lane: Lane,
    pub at: watch::Receiver<String>,
    pub queue: Arc<Queue>,
}

/// Why a connection was none, or is none any more.
enum Lost {
    /// Nobody is at the address.
    Nobody,
    /// Somebody is, and does not want us.
    Refused(Refusal),
    Other(io::Error),
}

impl From<io::Error> for Lost {
    fn from(error: io::Error) -> Lost {
        if error.kind() == io::ErrorKind::ConnectionRefused { Lost::Nobody } else { Lost::Other(error) }
    }
}

/// Keeps it up until it is aborted.
pub(crate) fn start(way: Way) -> AbortHandle {
    tokio::spawn(way.keep_up()).abort_handle()
}

impl Way {
    async fn keep_up(mut self) {
        let label = format!("link {} {:?}", self.node, self.lane);
        let mut draws = self.env.rng.stream(&label);
        let (first, most) = self.patience.again;
        let mut pause = first;
        let mut told: Option<Refusal> = None;
        loop {
            let lost = match self.connect().await {
                Ok(stream) => {
                    (pause, told) = (first, None);
                    self.queue.open();
                    self.hears.up(self.node, self.lane);
                    let lost = self.carry(stream).await;
                    self.queue.close();
                    lost
                }
                Err(lost) => lost,
            };
            self.say(&lost, &mut told);
            self.hears.down(self.node, self.lane, matches!(lost, Lost::Nobody));
            // Those who were cut off at once do not all come back at once.
            let wait = pause / 2 + pause.mul_f64(draws.below(1000) as f64 / 1000.0) / 2;
            tokio::select! {
                () = sleep(wait) => {}
                // It may be elsewhere.
                _ = self.at.changed() => {}
            }
            pause = (pause * 2).min(most);
        }
    }

    /// What stays the same is said once.
    fn say(&self, lost: &Lost, told: &mut Option<Refusal>) {
        match lost {
            Lost::Refused(refusal) if told.replace(*refusal) != Some(*refusal) => {
                tracing::warn!(node = %self.node, "the node refuses this one: {refusal}");
            }
            Lost::Other(error) => {
                tracing::debug!(node = %self.node, lane = ?self.lane, %error, "a link is lost")
            }
            _ => {}
        }
    }

    async fn connect(&mut self) -> Result<Box<dyn Stream>, Lost> {
        let at = self.at.borrow_and_update().clone();
        let hello = Hello { from: self.gate.own(), to: self.node, lane: self.lane };
        let reach = async {
            let mut stream = self.env.net.connect(&at).await?;
            stream.write_all(&hello.encode()).await?;
            stream.flush().await?;
            let mut verdict = [0];
            stream.read_exact(&mut verdict).await?;
            match verdict[0] {
                0 => Ok(stream),
                byte => Err(Lost::Refused(Refusal::from_byte(byte).unwrap_or(Refusal::Version))),
            }
        };
        timeout(self.patience.connect, reach).await.unwrap_or_else(|_| Err(Lost::Other(late())))
    }

    /// Carries frames until the connection is lost.
    async fn carry(&self, stream: Box<dyn Stream>) -> Lost {
        let (mut from, mut into) = split(stream);
        let mut out = BytesMut::new();
        let mut over = [0];
        loop {
            let frames = tokio::select! {
                frames = self.queue.take() => frames,
                () = sleep(self.patience.beat) => vec![bytes::Bytes::new()],
                // The other end never says anything: it has closed.
                ended = from.read(&mut over) => {
                    return ended.err().unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into()).into();
                }
            };
            for one in frames {
                frame::put(&mut out, &one);
                if out.len() >= WRITE_BYTES
                    && let Err(error) = write(&mut into, &mut out, self.patience.stall).await
                {
                    return error.into();
                }
            }
            if let Err(error) = write(&mut into, &mut out, self.patience.stall).await {
                return error.into();
            }
        }
    }
}

/// Writes all of it, as long as some of it is taken in time.
async fn write(
    into: &mut (impl AsyncWriteExt + Unpin),
    out: &mut BytesMut,
    stall: Duration,
) -> io::Result<()> {
    while !out.is_empty() {
        if timeout(stall, into.write_buf(out)).await.map_err(|_| late())?? == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
    }
    timeout(stall, into.flush()).await.map_err(|_| late())?
}

fn late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "it took too long")
}
