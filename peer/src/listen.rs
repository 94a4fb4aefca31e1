//! Taking in what other nodes say.
#![allow(clippy::disallowed_methods, reason = "tasks and timers of the runtime, which simulation drives too")]

use crate::gate::Gate;
use crate::hello::{HELLO_BYTES, Hello, Refusal};
use crate::links::Hears;
use crate::{Identity, Lane, Patience, frame};
use bytes::{Bytes, BytesMut};
use env::{Accepted, Listener, Stream};
use model::NodeId;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

/// Connections that have not said who they are.
const STRANGERS_MAX: usize = 256;
/// What had no room is offered again after so long.
const OFFERED_AGAIN: Duration = Duration::from_millis(1);

/// Who listens for links.
#[derive(Clone)]
struct Ear {
    gate: Arc<Gate>,
    hears: Arc<dyn Hears>,
    patience: Patience,
    /// Each node speaks over one connection a lane: a newer one ends the older.
    speaking: Arc<Mutex<BTreeMap<(NodeId, Lane), AbortHandle>>>,
}

/// Listens until it is dropped.
pub async fn attend(
    mut listener: Box<dyn Listener>,
    gate: Arc<Gate>,
    hears: Arc<dyn Hears>,
    patience: Patience,
) {
    let ear = Ear { gate, hears, patience, speaking: Arc::default() };
    let mut strangers = JoinSet::new();
    let mut speakers = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if strangers.len() < STRANGERS_MAX => match accepted {
                Ok((accepted, _)) => drop(strangers.spawn(ear.clone().ask(accepted))),
                // No descriptors, perhaps: there will be some.
                Err(_) => sleep(Duration::from_millis(10)).await,
            },
            Some(asked) = strangers.join_next() => {
                if let Ok(Some((from, lane, stream))) = asked {
                    let task = speakers.spawn(ear.clone().listen_to(from, lane, stream));
                    ear.note(from.node, lane, task);
                }
            }
            Some(_) = speakers.join_next() => {}
        }
    }
}

impl Ear {
    fn note(&self, node: NodeId, lane: Lane, task: AbortHandle) {
        let mut speaking = self.speaking.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = speaking.insert((node, lane), task) {
            before.abort();
        }
    }

    /// Asks a connection who it is, and says whether it may speak.
    async fn ask(self, accepted: Box<dyn Accepted>) -> Option<(Identity, Lane, Box<dyn Stream>)> {
        let asked = async {
            let mut stream = accepted.attend()?;
            let mut bytes = [0; HELLO_BYTES];
            stream.read_exact(&mut bytes).await?;
            let hello = Hello::decode(&bytes);
            let admitted = hello.and_then(|hello| self.gate.admit(&hello).map(|lane| (hello.from, lane)));
            let verdict = admitted.as_ref().err().map_or(0, |refusal| *refusal as u8);
            stream.write_all(&[verdict]).await?;
            stream.flush().await?;
            Ok::<_, io::Error>((admitted, stream))
        };
        match timeout(self.patience.connect, asked).await {
            Ok(Ok((Ok((from, lane)), stream))) => Some((from, lane, stream)),
            Ok(Ok((Err(refusal), _))) => {
                log(refusal);
                None
            }
            _ => None,
        }
    }

    async fn listen_to(self, from: Identity, lane: Lane, stream: Box<dyn Stream>) {
        let why = self.hear(&from, lane, stream).await.err();
        tracing::debug!(node = %from.node, ?lane, ?why, "a node speaks no more");
    }

    async fn hear(&self, from: &Identity, lane: Lane, mut stream: Box<dyn Stream>) -> io::Result<()> {
        let mut buffer = BytesMut::with_capacity(64 << 10);
        loop {
            while let Some(frame) = frame::take(&mut buffer)? {
                if !frame.is_empty() {
                    self.offer(from, lane, frame).await?;
                }
            }
            let read = timeout(self.patience.silence, stream.read_buf(&mut buffer)).await;
            if read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?? == 0 {
                return Ok(());
            }
        }
    }

    /// Offers a frame until it is taken. A process that has begun again since is
    /// not listened to any more.
    async fn offer(&self, from: &Identity, lane: Lane, mut frame: Bytes) -> io::Result<()> {
        loop {
            if !self.gate.is_latest(from) {
                return Err(io::Error::other("it has begun again, or does not belong here any more"));
            }
            match self.hears.frame(from, lane, frame) {
                Ok(()) => return Ok(()),
                Err(refused) => frame = refused,
            }
            sleep(OFFERED_AGAIN).await;
        }
    }
}

fn log(refusal: Refusal) {
    tracing::warn!("a connection was refused: {refusal}");
}
