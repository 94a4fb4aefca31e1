//! The load: one task for each call under way, all on the caller's thread, so
//! that the generator takes one core at most and no locks.

use super::histogram::Histogram;
use super::rows::{Item, KEYS, Random, Rows};
use super::scenario::{Shape, Work};
use crate::Failure;
use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Who keeps one call under way. An answer that is not the expected one is a
/// failure, and ends the run.
pub trait Client: 'static {
    /// Writes a row; returns when it is durable.
    async fn write(&mut self, row: Item) -> Result<(), Failure>;
    /// Reads a row that is there.
    async fn read(&mut self, key: Bytes) -> Result<(), Failure>;
    /// Writes rows of distinct keys; returns when all are durable.
    async fn write_batch(&mut self, rows: Vec<Item>) -> Result<(), Failure>;
    /// Adds 1 to the one counter, so often, within a limit that is far away; returns
    /// when that is durable.
    async fn add(&mut self, times: usize) -> Result<(), Failure>;
}

/// What to do, and for how long.
pub struct Job {
    /// The calls.
    pub work: Work,
    /// The load's shape.
    pub shape: Shape,
    /// Before anything is counted.
    pub warm_up: Duration,
    /// What is counted.
    pub length: Duration,
    /// Decides which keys.
    pub seed: u64,
}

/// What came of it.
pub struct Measured {
    /// One sample for each call that was answered in time.
    pub latencies: Histogram,
    /// Rows of a call.
    pub items: usize,
    /// How long was counted.
    pub seconds: f64,
    /// What the server's process used in that time.
    pub cpu_s: f64,
}

impl Measured {
    /// Rows a second.
    pub fn items_per_s(&self) -> f64 {
        (self.latencies.count() * self.items as u64) as f64 / self.seconds
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    WarmUp,
    Counted,
    Over,
}

/// What the tasks share.
struct Bed {
    rows: Rc<Rows>,
    phase: Cell<Phase>,
    latencies: RefCell<Histogram>,
}

/// Keeps every client busy for the job's length. `cpu` tells what the server
/// has used so far.
pub async fn drive<C: Client>(
    clients: Vec<C>,
    job: &Job,
    rows: &Rc<Rows>,
    cpu: impl Fn() -> Result<f64, Failure>,
) -> Result<Measured, Failure> {
    let latencies = RefCell::new(Histogram::new());
    let bed = Rc::new(Bed { rows: rows.clone(), phase: Cell::new(Phase::WarmUp), latencies });
    let mut tasks = JoinSet::new();
    for (number, client) in clients.into_iter().enumerate() {
        let random = Random::new(job.seed << 16 | number as u64);
        tasks.spawn_local(keep_busy(client, job.work, job.shape.items, random, bed.clone()));
    }
    pass(&mut tasks, job.warm_up).await?;
    let (cpu_before, start) = (cpu()?, Instant::now());
    bed.phase.set(Phase::Counted);
    pass(&mut tasks, job.length).await?;
    bed.phase.set(Phase::Over);
    let (seconds, cpu_s) = (start.elapsed().as_secs_f64(), cpu()? - cpu_before);
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    let latencies = bed.latencies.replace(Histogram::new());
    Ok(Measured { latencies, items: job.shape.items, seconds, cpu_s })
}

/// Lets time pass; a task that ends before is a failure.
async fn pass(tasks: &mut JoinSet<Result<(), Failure>>, length: Duration) -> Result<(), Failure> {
    tokio::select! {
        () = tokio::time::sleep(length) => Ok(()),
        Some(ended) = tasks.join_next() => {
            ended??;
            Err("a client stopped before the time was over".into())
        }
    }
}

async fn keep_busy<C: Client>(
    mut client: C,
    work: Work,
    items: usize,
    mut random: Random,
    bed: Rc<Bed>,
) -> Result<(), Failure> {
    let mut before = Instant::now();
    while bed.phase.get() != Phase::Over {
        let number = random.below(KEYS);
        match work {
            Work::Write => client.write(bed.rows.row(number, &mut random)).await?,
            Work::Read => client.read(bed.rows.key(number)).await?,
            Work::WriteBatch => client.write_batch(bed.rows.cycle(number, items, &mut random)).await?,
            Work::Add => client.add(items).await?,
        }
        let now = Instant::now();
        if bed.phase.get() == Phase::Counted {
            bed.latencies.borrow_mut().add(now - before);
        }
        before = now;
    }
    Ok(())
}

/// Writes so many rows, each key in turn, in batches of the shape's size.
pub async fn pour<C: Client>(
    clients: Vec<C>,
    shape: Shape,
    rows: &Rc<Rows>,
    total: usize,
) -> Result<(), Failure> {
    let next = Rc::new(Cell::new(0));
    let mut tasks = JoinSet::new();
    for (number, mut client) in clients.into_iter().enumerate() {
        let (next, rows, mut random) = (next.clone(), rows.clone(), Random::new(number as u64));
        tasks.spawn_local(async move {
            while next.get() < total {
                let from = next.get();
                let count = shape.items.min(total - from);
                next.set(from + count);
                client.write_batch(rows.cycle(from, count, &mut random)).await?;
            }
            Ok::<(), Failure>(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}
