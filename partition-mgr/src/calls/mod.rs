//! Requests for partitions that another node leads: there and back.
//!
//! ```text
//! router ─► Calls::send ─► lane `Calls` ─► hear ─► mailbox ─► shard
//!   desk ◄─ outlet ◄────── hear ◄─ lane ◄─ Homeward ◄─ answers ◄┘
//! ```
//!
//! Who is asked there is answered in any case: with what became of it, or, where the
//! way was lost or time is over, with that nobody knows.

mod homeward;
mod wire;

pub use wire::Tidings;
pub(crate) use wire::{Word, word};

use crate::shard::Message;
use bytes::Bytes;
use env::{Clock, Mono, sometimes};
use homeward::Homeward;
use model::{NodeId, PartitionId};
use partition::{Mailbox, Outlet, Unaccepted};
use pipeline::{Answer, Refusal, Request, Timings};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use wire::{Call, Frame};

/// The way to a node: false when a frame is lost at once.
pub(crate) trait Way: Send + Sync {
    fn send(&self, node: NodeId, frame: Bytes) -> bool;
}

/// Who waits for an answer of another node.
struct Away {
    node: NodeId,
    outlet: Arc<dyn Outlet>,
    token: u64,
    sent: Mono,
    until: Mono,
    partition: PartitionId,
    count: u32,
}

/// Requests that are with other nodes, and the mailboxes for theirs.
pub(crate) struct Calls {
    clock: Arc<dyn Clock>,
    way: Arc<dyn Way>,
    next: AtomicU64,
    away: Mutex<BTreeMap<u64, Away>>,
    mailboxes: RwLock<BTreeMap<PartitionId, Mailbox<Message>>>,
    homes: Mutex<BTreeMap<NodeId, Arc<Homeward>>>,
}

/// Nobody is waited for longer, whatever the deadline is.
const AWAY_MS: u64 = 60_000;
/// Beyond its deadline, an answer may take so long to come back.
const GRACE_MS: u64 = 400;

impl Calls {
    /// None under way. `first` tells its calls from those of an earlier life.
    pub fn new(clock: Arc<dyn Clock>, way: Arc<dyn Way>, first: u64) -> Calls {
        Calls {
            clock,
            way,
            next: AtomicU64::new(first),
            away: Mutex::default(),
            mailboxes: RwLock::default(),
            homes: Mutex::default(),
        }
    }

    /// These are served here.
    pub fn serve(&self, mailboxes: BTreeMap<PartitionId, Mailbox<Message>>) {
        *self.mailboxes.write().unwrap_or_else(PoisonError::into_inner) = mailboxes;
    }

    /// Asks a node. The outlet gets the answer, once.
    pub fn send(
        &self,
        node: NodeId,
        partition: PartitionId,
        request: Request<()>,
        (outlet, token): (Arc<dyn Outlet>, u64),
    ) -> Result<(), Unaccepted> {
        let (serial, sent) = (self.next.fetch_add(1, Ordering::Relaxed), self.clock.mono());
        let longest = sent.plus_ms(AWAY_MS);
        let (until, count) = (request.deadline.unwrap_or(longest).min(longest), request.count);
        let away = Away { node, outlet, token, sent, until, partition, count };
        let frame = wire::call(Call { serial, partition, request }, sent);
        self.away().insert(serial, away);
        if self.way.send(node, frame) {
            sometimes!("a request went to another node");
            return Ok(());
        }
        // Where it was taken for lost meanwhile, it has been answered.
        if self.away().remove(&serial).is_some() { Err(Unaccepted::Gone) } else { Ok(()) }
    }

    /// A node asks, or answers. What there is no room for is refused. What else it says
    /// comes back.
    pub fn hear(&self, from: NodeId, frame: Bytes) -> Vec<Word> {
        let Some(Frame { calls, outcomes, words }) = wire::decode(frame) else {
            tracing::warn!(node = %from, "a request of a node cannot be read");
            return Vec::new();
        };
        calls.into_iter().for_each(|call| self.take_call(from, call));
        outcomes.into_iter().for_each(|(serial, answer)| self.take_answer(from, serial, answer));
        words
    }

    /// The way to a node is lost, and what was on it.
    pub fn lose(&self, node: NodeId) {
        let lost = |away: &Away| away.node == node;
        self.give_up(lost, "the way to the node that leads the partition was lost");
    }

    /// Lets go of those whose time is over.
    pub fn sweep(&self) {
        let now = self.clock.mono();
        let late = |away: &Away| now >= away.until.plus_ms(GRACE_MS);
        self.give_up(late, "the node that leads the partition did not answer in time");
    }

    fn give_up(&self, is_lost: impl Fn(&Away) -> bool, why: &str) {
        let lost: Vec<Away> = {
            let mut away = self.away();
            let serials: Vec<u64> =
                away.iter().filter(|(_, one)| is_lost(one)).map(|(serial, _)| *serial).collect();
            serials.into_iter().filter_map(|serial| away.remove(&serial)).collect()
        };
        for Away { outlet, token, .. } in lost {
            sometimes!("an answer of another node was lost");
            outlet.deliver(&mut vec![(token, Err(Refusal::Unknown(why.to_owned())))]);
        }
    }

    fn take_call(&self, from: NodeId, Call { serial, partition, request }: Call) {
        let now = self.clock.mono();
        let remaining = request.deadline.map(|ms| now.plus_ms(ms.0));
        let request = Request { arrived: now, deadline: remaining, ..request };
        let home = self.home(from);
        let mailbox = self.mailboxes.read().unwrap_or_else(PoisonError::into_inner).get(&partition).cloned();
        let refused = match mailbox.map(|mailbox| mailbox.offer(request, home.clone(), serial)) {
            Some(Ok(())) => return,
            Some(Err(Unaccepted::Overloaded)) => Refusal::Overloaded,
            Some(Err(Unaccepted::Gone)) | None => Refusal::Elsewhere { leader: None },
        };
        home.deliver(&mut vec![(serial, Err(refused))]);
    }

    fn take_answer(&self, from: NodeId, serial: u64, mut answer: Answer) {
        let away = {
            let mut all = self.away();
            let is_of = all.get(&serial).is_some_and(|away| away.node == from);
            if is_of { all.remove(&serial) } else { None }
        };
        let Some(Away { outlet, token, sent, partition, count, .. }) = away else { return };
        if answer.as_ref().is_ok_and(|done| (done.partition, done.count) != (partition, count)) {
            answer = Err(Refusal::Unknown("the answer of another node is to another request".to_owned()));
        }
        if let Ok(done) = &mut answer {
            // Its own clock says nothing here.
            let now = self.clock.mono();
            done.timings = Timings { arrived: sent, dispatched: sent, logged: now, applied: now };
        }
        outlet.deliver(&mut vec![(token, answer)]);
    }

    fn home(&self, node: NodeId) -> Arc<Homeward> {
        let mut homes = self.homes.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Homeward { node, way: self.way.clone() });
        homes.entry(node).or_insert_with(new).clone()
    }

    fn away(&self) -> MutexGuard<'_, BTreeMap<u64, Away>> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
