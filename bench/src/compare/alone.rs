//! The load without a comparison, against a server that runs already: for a
//! profiler on the other side.

use super::figures::metrics;
use super::load::Job;
use super::on_one_thread;
use super::rows::{KEYS, Rows};
use super::scenario::{Scenario, System, Work};
use super::systems::{Grpc, Running, Table, create_table};
use crate::Failure;
use std::rc::Rc;
use std::time::Duration;

/// What to load, and how.
#[derive(clap::Args)]
pub struct Load {
    /// Where the server takes calls to tables.
    #[arg(long, default_value = "127.0.0.1:7400")]
    endpoint: String,
    /// Where it takes calls of control; the table `bench` is made if need be.
    #[arg(long, default_value = "127.0.0.1:7401")]
    control_endpoint: String,
    /// The load.
    #[arg(long, default_value = "write-256")]
    scenario: Scenario,
    /// How long is measured.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// One bidirectional call for each connection.
    #[arg(long)]
    stream: bool,
    /// The table's store, if it is made: rocksdb or memory.
    #[arg(long, default_value = "rocksdb")]
    store: String,
    /// The table's replication, if it is made: none or raft(3).
    #[arg(long, default_value = "none")]
    replication: String,
}

impl Load {
    /// Runs it, and prints what it came to.
    pub fn run(self) -> Result<(), Failure> {
        if matches!(self.scenario, Scenario::Load | Scenario::Scan | Scenario::Recovery) {
            return Err("it needs a server of its own: use `compare`".into());
        }
        on_one_thread(self.measure())
    }

    async fn measure(self) -> Result<(), Failure> {
        let (store, machine, replication) = (&*self.store, self.scenario.machine(), &*self.replication);
        create_table(&self.control_endpoint, &Table { store, machine, replication }).await?;
        let grpc = Grpc { data: self.endpoint, processes: Vec::new() };
        let (system, running) = match self.stream {
            true => (System::StatehouseStream, Running::Stream(grpc)),
            false => (System::Statehouse, Running::Unary(grpc)),
        };
        let (rows, work) = (Rc::new(Rows::new()), self.scenario.work());
        if work == Work::Read {
            running.pour(Scenario::WriteBatch.shape(system), &rows, KEYS).await?;
        }
        let (warm_up, length) = (Duration::from_secs(1), Duration::from_secs(self.seconds));
        let job = Job { work, shape: self.scenario.shape(system), warm_up, length, seed: 1 };
        let measured = running.drive(&job, &rows).await?;
        for (metric, unit, figure) in metrics(self.scenario, &measured) {
            // The server's process is not ours to look at.
            if metric != "cpu_s" {
                println!("{:<12} {metric:<10} {figure:>12.1} {unit}", self.scenario.name());
            }
        }
        Ok(())
    }
}
