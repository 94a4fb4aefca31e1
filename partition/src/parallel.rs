//! Replay on several threads: partitions have nothing to do with one another,
//! so each thread brings its share of them up. The caller reads the log.

use crate::progress::Progress;
use crate::replay::{Machines, Replay, Share};
use crate::report::{ReplayError, ReplayReport};
use crossbeam_channel::{Receiver, Sender, bounded};
use env::{Env, Joiner};
use statestore::Store;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use wal::{ReadBatch, Reader, Recovery};

/// Batches read ahead of the slowest thread; they pin the segments they are in.
const READ_AHEAD: usize = 64;

/// What every thread shares.
#[derive(Clone)]
struct Plan {
    recovery: Arc<Recovery>,
    store: Arc<dyn Store>,
    machines: Arc<dyn Machines>,
    batch_bytes_max: usize,
    records_applied: Arc<AtomicU64>,
}

/// One thread, as the reader sees it.
struct Worker {
    batches: Sender<Arc<ReadBatch>>,
    result: Receiver<Result<ReplayReport, ReplayError>>,
    thread: Box<dyn Joiner>,
}

/// Brings every partition of `store` up to the log, on so many threads. The
/// gathered bytes are shared out among them.
pub fn replay_parallel(
    env: &Env,
    reader: &mut Reader,
    recovery: &Recovery,
    store: Arc<dyn Store>,
    machines: Arc<dyn Machines>,
    batch_bytes_max: usize,
    workers: usize,
    progress: &mut dyn FnMut(Progress),
) -> Result<ReplayReport, ReplayError> {
    let workers = workers.max(1);
    let plan = Plan {
        recovery: Arc::new(recovery.clone()),
        store,
        machines,
        batch_bytes_max: batch_bytes_max / workers,
        records_applied: Arc::default(),
    };
    let started: Result<Vec<Worker>, ReplayError> = (0..workers as u64)
        .map(|worker| plan.start(env, Share { worker, workers: workers as u64 }))
        .collect();
    let started = started?;
    let mut reading = Progress { bytes_total: recovery.bytes, ..Progress::default() };
    while let Some(batch) = reader.next_batch()? {
        reading.bytes_done += batch.bytes;
        let batch = Arc::new(batch);
        // A worker that is gone has its reason in its result.
        let gone = started.iter().any(|worker| worker.batches.send(batch.clone()).is_err());
        if gone {
            break;
        }
        reading.records_applied = plan.records_applied.load(Ordering::Relaxed);
        progress(reading);
    }
    let reports = started.into_iter().map(Worker::finish);
    reports.into_iter().try_fold(ReplayReport::default(), |all, one| Ok(all.plus(one?)))
}

impl Plan {
    fn start(&self, env: &Env, share: Share) -> Result<Worker, ReplayError> {
        let (batches, inbox) = bounded(READ_AHEAD);
        let (answer, result) = bounded(1);
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
        let mut replay =
            Replay::new(&self.recovery, &*self.store, &*self.machines, share, self.batch_bytes_max)?;
        let mut counted = 0;
        for batch in inbox {
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
