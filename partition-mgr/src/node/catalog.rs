//! The catalog: the cluster's desired state in a table of its own, as this node
//! reaches it. It is read from the replica here, if there is one, and changed through
//! whoever leads its group.

use super::Core;
use crate::directory::Handle;
use bytes::Bytes;
use coordinator::{Desired, Unreadable, read_rows};
use env::{Mono, Sender, sometimes};
use machine::{KvCommand, KvReply};
use model::command::{Command, encode_commands};
use model::keyspace::{DATA_END, data_bound};
use model::{Code, KeyRange, NodeId, OpId, PartitionId, ReplicaId, code};
use partition::{Leader, Outlet, Unaccepted};
use pipeline::retries::Answered;
use pipeline::{Answer, Done, Refusal, Reply, Request};
use replication::raft::Members;
use statestore::{StoreError, Walk};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Somebody who was asked has so long before another one is.
const ANSWER_MS: u64 = 1_000;
/// Between two tries, and before somebody is asked whom another one has named.
const AGAIN_MS: u64 = 20;
const TOLD_MS: u64 = 1;

/// Why the catalog did not take a command, or could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// Nobody who keeps it could be asked in time.
    #[error("nobody who keeps the catalog has answered in time: {0}")]
    Away(String),
    /// Whoever leads it has not said whether it took the command.
    #[error("whoever leads the catalog has not said in time whether the change is made: {0}")]
    Unknown(String),
    /// Whoever leads it does not take the command.
    #[error("the catalog does not take the change: {}", .0.title)]
    Refused(Code),
    /// Its rows are none of ours.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// Its store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CatalogError {
    /// Its code.
    pub fn code(&self) -> Code {
        match self {
            CatalogError::Away(_) => code::CATALOG_AWAY,
            CatalogError::Unknown(_) => code::UNKNOWN_OUTCOME,
            CatalogError::Refused(code) => *code,
            CatalogError::Unreadable(_) => code::DESIRED_DAMAGED,
            CatalogError::Store(error) => error.code(),
        }
    }
}

/// Where the catalog is, as this node knows.
struct Whereabouts {
    id: PartitionId,
    /// The replica here.
    here: Option<Handle>,
    /// Nodes that keep it.
    nodes: Vec<NodeId>,
}

/// Takes one answer.
struct Waiting(Sender<Answer>);

impl Outlet for Waiting {
    fn deliver(&self, answers: &mut Vec<(u64, Answer)>) {
        for (_, answer) in answers.drain(..) {
            // Whoever asked may have given up.
            let _ = self.0.try_send(answer);
        }
    }
}

impl Core {
    /// The catalog as the replica here shows it, if there is one and it shows anything.
    /// It may be behind; it never goes back.
    pub(super) fn read_catalog(&self) -> Result<Option<Desired>, CatalogError> {
        let Some(Whereabouts { here: Some(here), .. }) = self.whereabouts() else { return Ok(None) };
        let all = KeyRange::new(data_bound(&[]), Some(Bytes::from_static(&DATA_END)));
        let all = all.expect("data keys lie below their end");
        let mut rows = Vec::new();
        here.store.cursor(here.id, &all, Walk::SHORT)?.visit(&mut |key, row| {
            rows.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(row)));
            ControlFlow::Continue(())
        })?;
        Ok(read_rows(rows.into_iter())?)
    }

    /// Up to where the replica here has applied what the catalog's group agreed on.
    pub(super) fn catalog_applied(&self) -> Option<model::Index> {
        let here = self.whereabouts()?.here?;
        here.published.is_serving().then(|| here.published.applied())
    }

    /// Does the replica here lead the catalog, as far as it knows?
    pub(super) fn leads_catalog(&self) -> bool {
        let here = self.whereabouts().and_then(|whereabouts| whereabouts.here);
        here.is_some_and(|here| here.leads().is_ok())
    }

    /// Replicas that vote in its group, as far as is known here.
    pub(super) fn catalog_voters(&self) -> BTreeSet<ReplicaId> {
        let id = self.whereabouts().map(|whereabouts| whereabouts.id);
        let settled = self.reports.settled();
        id.and_then(|id| settled.get(&id)).map(Members::who_votes).unwrap_or_default()
    }

    /// Nodes that keep the catalog.
    pub(super) fn keepers(&self) -> Vec<NodeId> {
        self.whereabouts().map(|whereabouts| whereabouts.nodes).unwrap_or_default()
    }

    /// Has the catalog's group take a command, once, however often it has to be asked.
    pub(super) fn ask_catalog(
        &self,
        op: OpId,
        command: &KvCommand,
        until: Mono,
    ) -> Result<KvReply, CatalogError> {
        let command = Command { op: Some(op), ..Command::plain(command.encode()) };
        let payload = encode_commands(std::slice::from_ref(&command));
        // Not the same first each time: what is said to one may be answered by none.
        let mut turn = (self.env.clock.mono().0 / 1_000_000) as usize;
        let (mut told, mut may_be_done) = (None, false);
        let mut why = "nobody leads it".to_owned();
        while self.env.clock.mono() < until && !self.ends.load(Ordering::Acquire) {
            let Some(whereabouts) = self.whereabouts() else { break };
            match self.ask_once(&whereabouts, told.take(), turn, payload.clone(), until) {
                Some(Ok(done)) => return reply_of(&done),
                Some(Err(Refusal::Elsewhere { leader: Some(node) })) if node != self.data_dir.node() => {
                    told = Some(node);
                }
                Some(Err(refusal)) => {
                    may_be_done |= matches!(refusal, Refusal::Unknown(_));
                    why = refusal.to_string();
                }
                None => {}
            }
            turn += 1;
            self.env.pause_ms(if told.is_some() { TOLD_MS } else { AGAIN_MS });
        }
        sometimes!("the catalog could not be asked in time");
        Err(if may_be_done { CatalogError::Unknown(why) } else { CatalogError::Away(why) })
    }

    /// Asks whoever leads it, as far as is known; none where nobody could be asked.
    fn ask_once(
        &self,
        whereabouts: &Whereabouts,
        told: Option<NodeId>,
        turn: usize,
        payload: Bytes,
        until: Mono,
    ) -> Option<Answer> {
        let now = self.env.clock.mono();
        let deadline = now.plus_ms(ANSWER_MS).min(until);
        let request = request_of(payload, now, deadline);
        let (answer, answered) = self.env.channel(1);
        let outlet: Arc<dyn Outlet> = Arc::new(Waiting(answer));
        let leader = whereabouts.here.as_ref().map(|here| (here, here.published.leader()));
        let sent = match (told, leader) {
            (Some(node), _) | (None, Some((_, Leader::On(node)))) => {
                self.peers.forward(node, whereabouts.id, request, (outlet, 0))
            }
            (None, Some((here, Leader::Here))) => here.mailbox.offer(request, outlet, 0),
            // Perhaps it is this one alone that does not know.
            (None, Some((_, Leader::Unknown)) | None) => {
                let own = self.data_dir.node();
                let others: Vec<_> = whereabouts.nodes.iter().filter(|node| **node != own).collect();
                let node = others.get(turn % others.len().max(1))?;
                self.peers.forward(**node, whereabouts.id, request, (outlet, 0))
            }
        };
        match sent {
            Ok(()) => {
                let late = || Refusal::Unknown("no answer came in time".to_owned());
                // A shard answers in time; the way back takes its time, too.
                let answer = answered.recv_until(&*self.env.clock, deadline.plus_ms(ANSWER_MS));
                Some(answer.unwrap_or_else(|_| Err(late())))
            }
            Err(Unaccepted::Overloaded) => Some(Err(Refusal::Overloaded)),
            Err(Unaccepted::Gone) => None,
        }
    }

    fn whereabouts(&self) -> Option<Whereabouts> {
        let state = self.state();
        let id = state.desired.catalog_partition()?;
        let nodes = state.desired.partitions.get(&id).map(coordinator::PartitionSpec::nodes);
        Some(Whereabouts { id, here: state.handles.get(&id).cloned(), nodes: nodes.unwrap_or_default() })
    }
}

/// One command, whatever it is worth.
fn request_of(payload: Bytes, arrived: Mono, deadline: Mono) -> Request<()> {
    let (count, rows) = (1, 1);
    let (expected_epoch, min_durability, makes_room, token) = (None, None, false, ());
    let deadline = Some(deadline);
    Request { payload, count, rows, arrived, deadline, expected_epoch, min_durability, makes_room, token }
}

/// One command, one reply. What it was answered for the second time it was for the first.
fn reply_of(done: &Done) -> Result<KvReply, CatalogError> {
    match done.reply(0) {
        Reply::Now(reply) | Reply::Before(Answered { reply: Some(reply), .. }) => Ok(KvReply::decode(&reply)),
        // Only what is short is remembered, and a refusal is.
        Reply::Before(Answered { reply: None, .. }) => Ok(KvReply::Done),
        Reply::Refused(code) => Err(CatalogError::Refused(code)),
    }
}
