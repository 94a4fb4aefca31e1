//! What the parts of one replica share: its history, where it puts what it wants
//! done, and who waits for answers of peers.

use super::arrival::Arrival;
use super::calls::Calls;
use super::journal::{Journal, Underway};
use super::kind::LogId;
use super::message::{Envelope, Message};
use super::outbox::{Event, Flush, Outbox};
use super::promise::Base;
use super::recover::Recovered;
use env::{Plant, Plants};
use model::{Index, NodeId, PartitionId, Record, RecordKind, ReplicaId};
use std::sync::atomic::{AtomicBool, Ordering};
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
    closed: AtomicBool,
    /// What an export of what the store has flushed would rest on.
    flushed: Mutex<Option<Base>>,
    /// An export that is fetched or takes the store's place.
    arrival: Mutex<Arrival>,
    /// Promises that a mistake holds back.
    late: Mutex<Vec<Append>>,
    /// Is told when the library has given the proposal that it was handed its place.
    accepted: Mutex<Option<Awaited>>,
}

/// Who waits for the place of a record: its term, its first command.
type Awaited = ((u64, Index), oneshot::Sender<()>);

impl Site {
    pub fn new(replica: ReplicaId, plants: Plants, recovered: Recovered, outbox: Arc<Outbox>) -> Arc<Site> {
        Arc::new(Site {
            partition: recovered.0.partition,
            replica,
            plants,
            journal: Mutex::new(recovered.0),
            outbox,
            settled: watch::Sender::new(0),
            calls: Mutex::default(),
            closed: AtomicBool::new(false),
            flushed: Mutex::default(),
            arrival: Mutex::default(),
            late: Mutex::default(),
            accepted: Mutex::default(),
        })
    }

    pub fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It ends: what it says from now on is nobody's.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// Has it ended?
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// For the log, and who waits for it.
    pub fn log(&self, appends: Vec<Append>, flush: Option<Flush>) {
        if self.is_closed() {
            return;
        }
        self.outbox.put(|out| {
            out.appends.extend(appends);
            if self.plants.has(Plant::VoteAfterLog) {
                out.appends.append(&mut self.late.lock().unwrap_or_else(PoisonError::into_inner));
            }
            out.flushes.extend(flush);
        });
    }

    /// The mistake: for the log, behind what comes next.
    pub fn hold_back(&self, append: Append) {
        self.late.lock().unwrap_or_else(PoisonError::into_inner).push(append);
    }

    /// For a peer.
    pub fn send(&self, node: NodeId, to: ReplicaId, message: Message) {
        if self.is_closed() {
            return;
        }
        let envelope = Envelope { node, partition: self.partition, from: self.replica, to, message };
        self.outbox.put(|out| out.messages.push(envelope));
    }

    /// For the partition.
    pub fn tell(&self, event: Event) {
        if self.is_closed() {
            return;
        }
        self.outbox.put(|out| out.events.push((self.partition, event)));
    }

    /// The store has flushed up to this command. Returns the entry up to which that is.
    pub fn flush(&self, index: Index) -> Option<LogId> {
        let base = self.journal().base_at(index)?;
        let upto = base.purged;
        *self.flushed.lock().unwrap_or_else(PoisonError::into_inner) = Some(base);
        upto
    }

    /// What an export would rest on that was taken when the store was flushed last.
    pub fn flushed(&self) -> Base {
        let flushed = self.flushed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let base = self.journal().base.clone();
        flushed.filter(|flushed| flushed.purged > base.purged).unwrap_or(base)
    }

    /// An export that is fetched or takes the store's place.
    pub fn arrival(&self) -> MutexGuard<'_, Arrival> {
        self.arrival.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// More is durable.
    pub fn settle(&self, underway: Underway) {
        self.journal().settle(underway);
        self.settled.send_modify(|times| *times += 1);
    }

    /// Waits until an entry is on this node's disk.
    pub async fn durable(&self, position: u64) {
        if self.journal().is_durable(position) {
            return;
        }
        let mut settled = self.settled.subscribe();
        while !self.journal().is_durable(position) {
            if settled.changed().await.is_err() {
                return;
            }
        }
    }

    /// Is told when this proposal has its place.
    pub fn expect_place(&self, record: &Record) -> oneshot::Receiver<()> {
        let (tell, told) = oneshot::channel();
        *self.accepted() = Some((name(record), tell));
        told
    }

    /// These have their places.
    pub fn place(&self, appends: &[Append]) {
        let mut accepted = self.accepted();
        let is_awaited = |(awaited, _): &mut Awaited| {
            appends.iter().any(|one| !is_told(one.record.kind) && name(&one.record) == *awaited)
        };
        if let Some((_, waits)) = accepted.take_if(is_awaited) {
            let _ = waits.send(());
        }
    }

    fn accepted(&self) -> MutexGuard<'_, Option<Awaited>> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn name(record: &Record) -> (u64, Index) {
    (record.epoch.term, record.first_index)
}

/// Kinds that nobody proposes: what a replica says of itself.
fn is_told(kind: RecordKind) -> bool {
    kind.is_promise() || matches!(kind, RecordKind::Blank | RecordKind::Membership | RecordKind::Purge)
}
