//! The links of a node to all others.

use crate::dial::{self, Way};
use crate::queue::Queue;
use crate::{Gate, Identity, Lane, Patience};
use bytes::Bytes;
use env::Env;
use model::NodeId;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// Who hears what comes over links. It must not wait.
pub trait Hears: Send + Sync {
    /// A node says something. Handed back when there is no room for it: it is
    /// offered again, and the node sends no more on that lane meanwhile.
    fn frame(&self, from: &Identity, lane: Lane, frame: Bytes) -> Result<(), Bytes>;

    /// What is sent to a node on this lane leaves from now on.
    fn up(&self, node: NodeId, lane: Lane);

    /// The way to a node is lost, and with it what was on it. `refused`: there is
    /// nobody at its address, as when its process has ended.
    fn down(&self, node: NodeId, lane: Lane, refused: bool);
}

/// Links to other nodes, kept up until they are dropped.
pub struct Links {
    env: Env,
    gate: Arc<Gate>,
    hears: Arc<dyn Hears>,
    patience: Patience,
    peers: Mutex<BTreeMap<NodeId, Peer>>,
}

struct Peer {
    address: watch::Sender<String>,
    queues: [Arc<Queue>; Lane::ALL.len()],
    dialing: Vec<AbortHandle>,
}

impl Links {
    /// Without a peer.
    pub fn new(env: Env, gate: Arc<Gate>, hears: Arc<dyn Hears>, patience: Patience) -> Links {
        Links { env, gate, hears, patience, peers: Mutex::default() }
    }

    /// A node is at this address, `host:port`. To be called on the runtime that
    /// serves links.
    pub fn link(&self, node: NodeId, address: &str) {
        let mut peers = self.peers();
        if let Some(peer) = peers.get(&node) {
            let moved = |known: &mut String| {
                let moves = known != address;
                address.clone_into(known);
                moves
            };
            peer.address.send_if_modified(moved);
            return;
        }
        let (told, at) = watch::channel(address.to_owned());
        let queues = Lane::ALL.map(|lane| Arc::new(Queue::new(lane.queue_bytes_max())));
        let way = |lane: Lane| Way {
            env: self.env.clone(),
            gate: self.gate.clone(),
            hears: self.hears.clone(),
            patience: self.patience,
            node,
            lane,
            at: at.clone(),
            queue: queues[lane as usize].clone(),
        };
        let dialing = Lane::ALL.map(|lane| dial::start(way(lane))).into();
        peers.insert(node, Peer { address: told, queues, dialing });
    }

    /// A node is no peer any more.
    pub fn unlink(&self, node: NodeId) {
        if let Some(peer) = self.peers().remove(&node) {
            peer.dialing.iter().for_each(AbortHandle::abort);
        }
    }

    /// Sends a frame. False when the way is lost, or too much waits on it: then it
    /// is as if it had been lost on the way.
    pub fn send(&self, node: NodeId, lane: Lane, frame: Bytes) -> bool {
        let queue = self.peers().get(&node).map(|peer| peer.queues[lane as usize].clone());
        queue.is_some_and(|queue| queue.put(frame))
    }

    fn peers(&self) -> MutexGuard<'_, BTreeMap<NodeId, Peer>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        for peer in self.peers().values() {
            peer.dialing.iter().for_each(AbortHandle::abort);
        }
    }
}
