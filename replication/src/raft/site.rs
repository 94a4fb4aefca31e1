//! What the parts of one replica share: its history, where it puts what it wants
//! done, and who waits for answers of peers.

use super::calls::Calls;
use super::journal::{Journal, Underway};
use super::message::{Envelope, Message};
use super::outbox::{Event, Flush, Outbox};
use super::recover::Recovered;
use env::Plants;
use model::{NodeId, PartitionId, ReplicaId};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{oneshot, watch};
use wal::Append;

/// A replica's own.
pub(crate) struct Site {
    pub partition: PartitionId,
    pub replica: ReplicaId,
    pub plants: Plants,
    journal: Mutex<Journal>,
    outbox: Arc<Outbox>,
    /// Rises when more is durable.
    settled: watch::Sender<u64>,
    calls: Mutex<Calls>,
    /// Is told when the library has given the proposal that it was handed its place.
    accepted: Mutex<Option<oneshot::Sender<()>>>,
}

impl Site {
    pub fn new(replica: ReplicaId, plants: Plants, recovered: Recovered, outbox: Arc<Outbox>) -> Arc<Site> {
        Arc::new(Site {
            partition: recovered.partition,
            replica,
            plants,
            journal: Mutex::new(recovered.journal),
            outbox,
            settled: watch::Sender::new(0),
            calls: Mutex::default(),
            accepted: Mutex::default(),
        })
    }

    pub fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For the log, and who waits for it.
    pub fn log(&self, appends: Vec<Append>, flush: Option<Flush>) {
        self.outbox.put(|out| {
            out.appends.extend(appends);
            out.flushes.extend(flush);
        });
    }

    /// For a peer.
    pub fn send(&self, node: NodeId, to: ReplicaId, message: Message) {
        let envelope = Envelope { node, partition: self.partition, from: self.replica, to, message };
        self.outbox.put(|out| out.messages.push(envelope));
    }

    /// For the partition.
    pub fn tell(&self, event: Event) {
        self.outbox.put(|out| out.events.push((self.partition, event)));
    }

    /// More is durable.
    pub fn settle(&self, underway: Underway) {
        self.journal().settle(underway);
        self.settled.send_modify(|times| *times += 1);
    }

    /// Waits until an entry is on this node's disk.
    pub async fn durable(&self, position: u64) {
        let mut settled = self.settled.subscribe();
        while !self.journal().is_durable(position) {
            if settled.changed().await.is_err() {
                return;
            }
        }
    }

    /// The next proposal that gets its place is told of.
    pub fn expect_place(&self) -> oneshot::Receiver<()> {
        let (tell, told) = oneshot::channel();
        *self.accepted() = Some(tell);
        told
    }

    /// A proposal has its place.
    pub fn place(&self) {
        if let Some(waits) = self.accepted().take() {
            let _ = waits.send(());
        }
    }

    fn accepted(&self) -> MutexGuard<'_, Option<oneshot::Sender<()>>> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
