//! Replay on several threads: partitions have nothing to do with one another,
//! so each thread brings its share of them up. The caller reads the log.

use crate::progress::Progress;
use crate::replay::{Replay, Rest, Rulebook, Share};
use crate::report::{ReplayError, ReplayReport};
use env::{Env, Joiner, Plant, Receiver, Sender};
use pipeline::Rig;
use statestore::Store;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use wal::{ReadBatch, Reader, Recovery};

/// Batches read ahead of the slowest thread; they pin the segments they are in.
const READ_AHEAD: usize = 64;
/// A store that works something off is asked again after so long.
const REST_MS: u64 = 5;

/// A replay that several threads share.
pub struct ParallelReplay {
    /// What is brought up.
    pub store: Arc<dyn Store>,
    /// By what.
    pub rules: Arc<dyn Rulebook>,
    /// What all threads together gather for their store batches.
    pub batch_bytes_max: usize,
    /// How many threads; each takes the partitions whose id leaves its remainder.
    pub workers: usize,
    /// What only the simulated world sets.
    pub rig: Rig,
}

/// What every thread has.
#[derive(Clone)]
struct Plan {
    recovery: Arc<Recovery>,
    store: Arc<dyn Store>,
    rules: Arc<dyn Rulebook>,
    batch_bytes_max: usize,
    records_applied: Arc<AtomicU64>,
    rest: Rest,
    rig: Rig,
}

/// One thread, as the reader sees it.
struct Worker {
    batches: Sender<Arc<ReadBatch>>,
    result: Receiver<Result<ReplayReport, ReplayError>>,
    thread: Box<dyn Joiner>,
}

impl ParallelReplay {
    /// Brings every partition of the store up to the log. `shown` is shown each batch
    /// of it, too.
    pub fn run(
        &self,
        env: &Env,
        reader: &mut Reader,
        recovery: &Recovery,
        shown: &mut dyn FnMut(&ReadBatch),
        progress: &mut dyn FnMut(Progress),
    ) -> Result<ReplayReport, ReplayError> {
        let workers = self.workers.max(1) as u64;
        let plan = Plan {
            recovery: Arc::new(recovery.clone()),
            store: self.store.clone(),
            rules: self.rules.clone(),
            batch_bytes_max: self.batch_bytes_max / self.workers.max(1),
            records_applied: Arc::default(),
            rest: Arc::new({
                let env = env.clone();
                move || env.pause_ms(REST_MS)
            }),
            rig: self.rig.clone(),
        };
        let started: Result<Vec<Worker>, ReplayError> =
            (0..workers).map(|worker| plan.start(env, Share { worker, workers })).collect();
        let started = started?;
        let read = plan.feed(&started, reader, recovery, shown, progress);
        // Every thread is waited for, whatever one of them says.
        let reports: Vec<_> = started.into_iter().map(Worker::finish).collect();
        read?;
        reports.into_iter().try_fold(ReplayReport::default(), |all, one| Ok(all.plus(one?)))
    }
}

impl Plan {
    /// Hands every batch to every thread, until the log or a thread ends.
    fn feed(
        &self,
        workers: &[Worker],
        reader: &mut Reader,
        recovery: &Recovery,
        shown: &mut dyn FnMut(&ReadBatch),
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), ReplayError> {
        let mut reading = Progress { bytes_total: recovery.bytes, ..Progress::default() };
        let mut ahead = VecDeque::new();
        // Planted: the last batch is read and not looked at.
        let left_over = usize::from(self.rig.plants.has(Plant::StaleAfterRestart));
        while let Some(batch) = reader.next_batch()? {
            ahead.push_back(batch);
            if ahead.len() <= left_over {
                continue;
            }
            let Some(batch) = ahead.pop_front() else { break };
            reading.bytes_done += batch.bytes;
            shown(&batch);
            let batch = Arc::new(batch);
            // A thread that is gone has its reason in its result.
            if workers.iter().any(|worker| worker.batches.send(batch.clone()).is_err()) {
                break;
            }
            reading.records_applied = self.records_applied.load(Ordering::Relaxed);
            progress(reading);
        }
        Ok(())
    }

    fn start(&self, env: &Env, share: Share) -> Result<Worker, ReplayError> {
        let (batches, inbox) = env.channel(READ_AHEAD);
        let (answer, result) = env.channel(1);
        let plan = self.clone();
        let body = move || {
            // The reader waits for this answer, so it is there to take it.
            let _ = answer.send(plan.run(share, &inbox));
        };
        let thread = env.spawn.thread(&format!("replay-{}", share.worker), Box::new(body));
        let thread = thread.map_err(|error| ReplayError::Thread(format!("could not be started: {error}")))?;
        Ok(Worker { batches, result, thread })
    }

    fn run(&self, share: Share, inbox: &Receiver<Arc<ReadBatch>>) -> Result<ReplayReport, ReplayError> {
        let (store, rules) = (&*self.store, &*self.rules);
        let replay =
            Replay::new(&self.recovery, store, rules, share, self.batch_bytes_max, self.rest.clone())?;
        let mut replay = replay.rigged(&self.rig);
        let mut counted = 0;
        for batch in inbox.iter() {
            replay.take_batch(&batch)?;
            let applied = replay.records_applied();
            self.records_applied.fetch_add(applied - counted, Ordering::Relaxed);
            counted = applied;
        }
        replay.finish()
    }
}

impl Worker {
    fn finish(self) -> Result<ReplayReport, ReplayError> {
        drop(self.batches);
        let joined = self.thread.join();
        let result = self.result.try_recv();
        match (joined, result) {
            (Ok(()), Ok(result)) => result,
            _ => Err(ReplayError::Thread("ended early".to_owned())),
        }
    }
}
