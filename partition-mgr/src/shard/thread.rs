//! A shard's thread: drains the inbox, makes a round of it, hands the rest on.

use super::message::{Effects, LogJob, LogOutcome, Message, Report, StoreJob};
use super::round::Shard;
use crate::meters::Meters;
use env::channel::RecvTimeoutError;
use env::{Clock, Env, Fatal, Joiner, Plants, Receiver, Sender};
use model::{Limits, code};
use replication::raft::{Envelope, Groups};
use std::io;
use std::sync::Arc;
use wal::{LogError, Submission};

/// The way into a shard.
pub type Inbox = Sender<Message>;

/// Takes what replicas here say to replicas on other nodes. Must not block: what it
/// has no room for is lost, and asked again.
pub trait Post: Send + Sync {
    /// In this order for each node.
    fn send(&self, messages: Vec<Envelope>);
}

/// There are no other nodes.
pub struct Nowhere;

impl Post for Nowhere {
    fn send(&self, _: Vec<Envelope>) {}
}

/// Room in an inbox that requests leave to everybody else, so that neither the
/// log's thread nor the manager ever waits for a shard that waits for them.
pub const SLACK: usize = 1024;

/// A shard with its threads running. Dropping it ends them; the manager closes
/// the partitions first.
pub struct ShardThread {
    /// The way in.
    pub inbox: Inbox,
    threads: Vec<Box<dyn Joiner>>,
}

impl ShardThread {
    /// Starts shard `number`. `reports` must not block.
    pub fn start(
        env: &Env,
        number: usize,
        limits: &Limits,
        log: wal::Inlet,
        meters: &Meters,
        (post, plants): (Arc<dyn Post>, Plants),
        reports: impl Fn(Report) + Send + 'static,
    ) -> io::Result<ShardThread> {
        let draws = env.rng.stream(&format!("replicas of shard {number}"));
        let groups = Groups::new(env.clock.clone(), draws, plants, limits);
        let (inbox, messages) = env.channel(limits.shard_inbox_max + SLACK);
        // No more batches than partitions are under way, and few have journals.
        let (store_jobs, journal) = env.channel::<StoreJob>(SLACK);
        let back = inbox.clone();
        let driver = Driver {
            shard: Shard::new(number as u64, limits, groups),
            messages,
            inbox: inbox.clone(),
            log,
            meters: meters.clone(),
            store_jobs,
            reports: Box::new(reports),
            post,
            clock: env.clock.clone(),
            fatal: env.fatal.clone(),
        };
        let threads = vec![
            env.vital_thread(&format!("shard-{number}"), code::INTERNAL, move || driver.run())?,
            env.vital_thread(&format!("journal-{number}"), code::INTERNAL, move || {
                write_journals(&journal, &back);
            })?,
        ];
        Ok(ShardThread { inbox, threads })
    }
}

impl Drop for ShardThread {
    fn drop(&mut self) {
        let _ = self.inbox.send(Message::Stop);
        for thread in self.threads.drain(..) {
            // A panic there has ended the process.
            let _ = thread.join();
        }
    }
}

/// Batches of stores that sync their own journal: this thread waits for them.
fn write_journals(jobs: &Receiver<StoreJob>, back: &Inbox) {
    for job in jobs.iter() {
        if back.send(Message::Stored(job.run())).is_err() {
            return;
        }
    }
}

struct Driver {
    shard: Shard,
    messages: Receiver<Message>,
    inbox: Inbox,
    log: wal::Inlet,
    meters: Meters,
    store_jobs: Sender<StoreJob>,
    reports: Box<dyn Fn(Report) + Send>,
    post: Arc<dyn Post>,
    clock: Arc<dyn Clock>,
    fatal: Arc<dyn Fatal>,
}

impl Driver {
    fn run(mut self) {
        let mut messages = Vec::new();
        while self.gather(&mut messages) {
            self.meters.rounds.inc();
            self.meters.round_messages.observe(messages.len() as f64);
            let effects = self.shard.take_in(&*self.clock, &mut messages);
            self.perform(effects);
            let effects = self.shard.move_on(&*self.clock);
            self.perform(effects);
        }
    }

    /// Everything that is there; waits for something when there is nothing to
    /// do. False when the shard is to end.
    fn gather(&self, messages: &mut Vec<Message>) -> bool {
        if !self.shard.is_behind() {
            match self.wait() {
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return false,
                Ok(message) => messages.push(message),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        for message in self.messages.try_iter().take(SLACK) {
            match message {
                Message::Stop => return false,
                message => messages.push(message),
            }
        }
        true
    }

    fn wait(&self) -> Result<Message, RecvTimeoutError> {
        match self.shard.wakes_at() {
            None => self.messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(at) => self.messages.recv_until(&*self.clock, at),
        }
    }

    fn perform(&self, effects: Effects) {
        for job in effects.log {
            self.submit(job);
        }
        for job in effects.stores {
            // Its thread ends only after this one.
            let _ = self.store_jobs.send(job);
        }
        if !effects.messages.is_empty() {
            self.post.send(effects.messages);
        }
        effects.reports.into_iter().for_each(&self.reports);
    }

    fn submit(&self, LogJob { ticket, appends, urgency, link }: LogJob) {
        self.meters.submissions.inc();
        let (inbox, clock) = (self.inbox.clone(), self.clock.clone());
        let (took, began) = (self.meters.log_seconds.clone(), clock.mono());
        let answer = move |synced: Result<_, Arc<LogError>>| {
            // Whatever else goes wrong with a log ends the process; one that is
            // closed has written nothing.
            let outcome = if synced.is_ok() { LogOutcome::Durable } else { LogOutcome::Full };
            took.observe(clock.mono().0.saturating_sub(began.0) as f64 / 1e9);
            let _ = inbox.send(Message::Log(ticket, outcome));
        };
        let packet = self.log.frame(&appends).unwrap_or_else(|error| {
            self.fatal.fatal(&format!("{} a record was not bounded as it should be: {error}", error.code()))
        });
        if let Err(error) =
            self.log.submit(Submission { packet, urgency, chain: link, answer: Box::new(answer) })
        {
            self.fatal.fatal(&format!("{} {error}", error.code()));
        }
    }
}
