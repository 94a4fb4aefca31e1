//! Housekeeping: tells the log what stores hold, so that segments may go, and
//! flushes whoever keeps the log too long.

use super::complaints::Complaints;
use super::telling::purge;
use super::{ChangeError, Core, StartError, State, join};
use crate::shard::{Message, Order};
use coordinator::Gone;
use env::channel::RecvTimeoutError;
use env::sometimes;
use env::{Env, Joiner, Receiver, Sender};
use model::{Code, Index, PartitionId, code};
use statestore::Store;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use wal::{Append, Laggard};

/// How often a replica is told what its store has flushed.
const TOLD_TIMES: u32 = 3;
/// How often it looks.
const EVERY_MS: u64 = 500;

/// The thread. Dropping it ends it.
pub struct Housekeeper {
    stop: Option<Sender<()>>,
    thread: Option<Box<dyn Joiner>>,
}

impl Housekeeper {
    pub fn start(env: &Env, core: Arc<Core>) -> io::Result<Housekeeper> {
        let (stop, stopped): (Sender<()>, Receiver<()>) = env.channel(1);
        let clock = env.clock.clone();
        let run = move || {
            let mut complaints = Complaints::default();
            let next = || clock.mono().plus_ms(EVERY_MS);
            // At once, too: a node that does not live for long must not leave a
            // longer log behind each time.
            core.keep_house(&mut complaints);
            while stopped.recv_until(&*clock, next()) == Err(RecvTimeoutError::Timeout) {
                core.keep_house(&mut complaints);
            }
        };
        // Without it the log would grow until the disk is full.
        let thread = env.vital_thread("housekeeper", code::INTERNAL, run)?;
        Ok(Housekeeper { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Housekeeper {
    fn drop(&mut self) {
        self.stop = None;
        self.thread.take().into_iter().for_each(join);
    }
}

impl Core {
    pub(super) fn keep_house(&self, complaints: &mut Complaints) {
        let now = self.env.clock.mono();
        self.peers.sweep();
        complaints.hear(
            now,
            "the list on disk may not be the one in use",
            self.catch_up().map_err(|error| (error.code(), error.to_string())),
        );
        let laggards = self.laggards();
        let kept = laggards.as_ref().map_or(Ok(()), |ids| self.check_held(ids));
        complaints.hear(now, "the log is kept for partitions that are not held; erase them", kept);
        let flushed = laggards.and_then(|ids| self.flush_laggards(&ids));
        complaints.hear(now, "a laggard could not be flushed", flushed.map_err(told));
        complaints.hear(now, "the log could not be told what stores hold", self.purge().map_err(told));
    }

    /// What shards had to stop is published, what could not be done is tried again.
    fn catch_up(&self) -> Result<(), ChangeError> {
        let mut state = self.state();
        let sure = self.make_sure(&mut state);
        if !state.undone.is_empty() {
            let _ = self.reconcile(&mut state);
        } else if self.note_failures(&mut state) {
            self.publish(&state);
        }
        sure
    }

    /// A `Purge` for each partition whose store has flushed more, or word of it to its
    /// replica.
    fn purge(&self) -> Result<(), StartError> {
        let mut state = self.state();
        // One that is lost, or being made, has nothing to say.
        let flushed = state.held.keys().filter_map(|id| Some((*id, self.stores.flushed(*id).ok()?)));
        let due: Vec<(PartitionId, Index)> = flushed.filter(|(id, upto)| state.is_news(*id, *upto)).collect();
        let (agreed, own): (Vec<_>, Vec<_>) =
            due.into_iter().partition(|(id, _)| state.desired.is_agreed(*id));
        agreed.into_iter().for_each(|(id, upto)| self.tell_replica(&mut state, id, upto));
        if own.is_empty() {
            return Ok(());
        }
        let appends: Vec<Append> = own.iter().map(|(id, upto)| purge(*id, *upto)).collect();
        // Under the lock: a `Forget` in between would be undone by it.
        self.tell_log(&appends)?;
        state.purged.extend(own);
        Ok(())
    }

    /// Its replica knows what it may let go of, but not at every moment: it is told a few
    /// times. One that is not served needs all.
    fn tell_replica(&self, state: &mut State, id: PartitionId, upto: Index) {
        let is_held = self.exports_held.lock().unwrap_or_else(PoisonError::into_inner).contains(&id);
        if is_held || !state.handles.contains_key(&id) {
            return;
        }
        if self.inbox_of(id).try_send(Message::Order(Order::Flushed(id, upto))).is_err() {
            return;
        }
        let told = state.told.entry(id).or_default();
        *told = if told.0 == upto { (upto, told.1 + 1) } else { (upto, 1) };
        if told.1 >= TOLD_TIMES {
            state.told.remove(&id);
            state.purged.insert(id, upto);
        }
    }

    /// Beyond its bounds, the log is kept by whoever has not flushed for longest.
    fn laggards(&self) -> Result<Vec<PartitionId>, StartError> {
        let (told, answer) = self.env.channel::<(u64, u64, Vec<Laggard>)>(1);
        self.inlet.call(move |writer| {
            // Whoever asked may have given up.
            let _ = told.send((writer.bytes(), writer.replay_bytes(), writer.laggards()));
        })?;
        let Ok((bytes, replay_bytes, laggards)) = answer.recv() else { return Ok(Vec::new()) };
        self.log_bytes.store(bytes, Ordering::Relaxed);
        let is_long = bytes > self.limits.log_bytes_max || replay_bytes > self.limits.replay_bytes_max;
        let ids = laggards.into_iter().map(|laggard| laggard.partition);
        Ok(ids.filter(|_| is_long).collect())
    }

    /// Whom no store holds nobody can flush.
    fn check_held(&self, ids: &[PartitionId]) -> Result<(), (Code, String)> {
        let is_lost = |id: &&PartitionId| id.is_ordinary() && self.stores.holding(**id).is_err();
        let lost: Vec<String> = ids.iter().filter(is_lost).map(PartitionId::to_string).collect();
        if lost.is_empty() { Ok(()) } else { Err((code::STORE_DAMAGED, lost.join(", "))) }
    }

    fn flush_laggards(&self, ids: &[PartitionId]) -> Result<(), StartError> {
        if !ids.is_empty() {
            sometimes!("a laggard was flushed");
            self.stores.flush(ids)?;
        }
        Ok(())
    }
}

fn told(error: StartError) -> (Code, String) {
    (error.code(), error.to_string())
}

impl State {
    /// Is the log to hear that the partition's store has flushed so far?
    fn is_news(&self, id: PartitionId, flushed: Index) -> bool {
        // What is damaged is told by what the log and the stores say of each
        // other: that must stand until the damage is dealt with.
        let is_sound = self.held.get(&id).is_some_and(|held| held.refusal.is_none());
        // A tombstone is about to make the log forget it.
        let stays = self.desired.gone.get(&id) != Some(&Gone::Erased);
        // Of a cluster's partition that is not known here for now nobody can say whether
        // others rely on what the log has of it.
        let is_known = self.desired.nodes.is_empty() || self.desired.spec_of(id).is_some();
        is_sound
            && is_known
            && stays
            && self.desired.is_logged(id)
            && flushed > self.purged.get(&id).copied().unwrap_or_default()
    }
}
