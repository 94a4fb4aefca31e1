//! Recovery: rows are written, the server is killed, and the time counts from
//! its next start to the first answer.

use super::figures::{Figure, mib};
use super::load::Client;
use super::rows::{KEYS, ROW_BYTES, Random, Rows};
use super::scenario::{Scenario, Shape, System};
use super::systems::{Grpc, Running, Statehouse, Table, connect, create_table};
use crate::Failure;
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

/// What is written between the start and the kill.
const BYTES: usize = 1 << 30;
/// Rows that are read before recovery counts as done: of all partitions.
const READS: usize = 64;

/// One round, in a directory of its own.
pub async fn round(binary: &Path, dir: &Path, rows: &Rc<Rows>) -> Result<Vec<Figure>, Failure> {
    let server = Statehouse::start(binary, dir).await?;
    create_table(&server.control, &Table::ROWS).await?;
    let shape = Scenario::Recovery.shape(System::Statehouse);
    let running = Running::Unary(Grpc { data: server.data, processes: vec![server.process] });
    running.pour(shape, rows, BYTES / ROW_BYTES).await?;
    // A kill, and the process is gone when this returns.
    drop(running);

    let start = Instant::now();
    let server = Statehouse::start(binary, dir).await?;
    let one = Shape { connections: 1, in_flight: 1, items: 1 };
    let mut random = Random::new(1);
    for mut client in connect(&server.data, one, None).await? {
        for _ in 0..READS {
            client.read(rows.key(random.below(KEYS))).await?;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    Ok(vec![("seconds", "s", seconds), ("mb_per_s", "MiB/s", mib(BYTES as f64) / seconds)])
}
