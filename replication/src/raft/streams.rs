//! Streams of appends that peers send to a replica.

use super::answer::entries;
use super::calls::WINDOW;
use super::kind::Kind;
use super::machine::Machine;
use super::message::{Append, Appended, Message};
use super::runtime::Executor;
use super::site::Site;
use futures_util::{StreamExt, stream};
use model::{NodeId, ReplicaId};
use openraft::Raft;
use openraft::raft::{AppendEntriesRequest, StreamAppendError, StreamAppendResult};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::mpsc;

/// One for each peer: a peer that begins another has given up the one before.
#[derive(Default)]
pub(crate) struct Streams(BTreeMap<ReplicaId, Inflow>);

struct Inflow {
    stream: u64,
    next: u64,
    into: mpsc::Sender<AppendEntriesRequest<Kind>>,
}

/// Who sent it, and where an answer goes.
#[derive(Clone, Copy)]
pub(crate) struct Sender {
    pub node: NodeId,
    pub replica: ReplicaId,
    pub stream: u64,
}

impl Streams {
    /// Takes in an append. One that does not follow the one before it, or is one too
    /// many, breaks its stream, and the sender is told so.
    pub fn take(
        &mut self,
        executor: &Executor,
        site: &Arc<Site>,
        handle: &Raft<Kind, Machine>,
        (sender, serial): (Sender, u64),
        append: Append,
    ) {
        if serial == 0 && self.0.get(&sender.replica).is_none_or(|known| known.stream != sender.stream) {
            let (into, inflow) = mpsc::channel(4 * WINDOW);
            executor.spawn(run(site.clone(), handle.clone(), sender, inflow));
            self.0.insert(sender.replica, Inflow { stream: sender.stream, next: 0, into });
        }
        let known = self.0.get_mut(&sender.replica).filter(|known| known.stream == sender.stream);
        let Some(inflow) = known else { return broken(site, sender, serial) };
        if serial < inflow.next {
            // It came twice.
            return;
        }
        let follows = serial == inflow.next;
        inflow.next = serial + 1;
        if !follows || inflow.into.try_send(entries(append)).is_err() {
            self.0.remove(&sender.replica);
            broken(site, sender, serial);
        }
    }
}

fn broken(site: &Site, sender: Sender, serial: u64) {
    site.send(sender.node, sender.replica, Message::Appended(sender.stream, serial, Appended::Broken));
}

async fn run(
    site: Arc<Site>,
    handle: Raft<Kind, Machine>,
    sender: Sender,
    inflow: mpsc::Receiver<AppendEntriesRequest<Kind>>,
) {
    let requests =
        stream::unfold(inflow, |mut inflow| async { inflow.recv().await.map(|one| (one, inflow)) });
    let mut results = Box::pin(handle.stream_append(requests));
    let mut serial = 0;
    while let Some(result) = results.next().await {
        let appended = result.map_or(Appended::Broken, outcome);
        site.send(sender.node, sender.replica, Message::Appended(sender.stream, serial, appended));
        serial += 1;
    }
}

pub(crate) fn outcome(result: StreamAppendResult<Kind>) -> Appended {
    match result {
        Ok(upto) => Appended::Upto(upto),
        Err(StreamAppendError::Conflict(at)) => Appended::Conflict(at),
        Err(StreamAppendError::HigherVote(ballot)) => Appended::Higher(ballot),
    }
}
