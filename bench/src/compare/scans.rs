//! A scan of everything: rows are written once, and each round reads all of
//! them in one call. What the server holds at most meanwhile is measured too: it
//! must not grow with what is read.

use super::figures::{Figure, mib};
use super::load::Client;
use super::rows::{ROW_BYTES, Random, Rows};
use super::scenario::{Scenario, System};
use super::systems::{Statehouse, Table, connect, create_table, scanned};
use crate::Failure;
use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;
use tokio::task::JoinSet;

/// What is written before.
const BYTES: usize = 1 << 30;

/// A server with all rows.
pub struct Filled(Statehouse);

impl Filled {
    /// Starts it and writes them.
    pub async fn start(binary: &Path, dir: &Path, rows: &Rc<Rows>) -> Result<Filled, Failure> {
        let server = Statehouse::start(binary, dir).await?;
        create_table(&server.control, &Table::ROWS).await?;
        let shape = Scenario::Scan.shape(System::Statehouse);
        let (next, total) = (Rc::new(Cell::new(0)), BYTES / ROW_BYTES);
        let mut tasks = JoinSet::new();
        for (number, mut client) in connect(&server.data, shape, None).await?.into_iter().enumerate() {
            let (next, rows, mut random) = (next.clone(), rows.clone(), Random::new(number as u64));
            tasks.spawn_local(async move {
                while next.get() < total {
                    let from = next.get();
                    let upto = (from + shape.items).min(total);
                    next.set(upto);
                    let batch = (from..upto).map(|number| rows.numbered(number, &mut random)).collect();
                    client.write_batch(batch).await?;
                }
                Ok::<(), Failure>(())
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        Ok(Filled(server))
    }

    /// Reads all of them.
    pub async fn round(&self) -> Result<Vec<Figure>, Failure> {
        let Filled(server) = self;
        server.process.forget_peak()?;
        let before = server.process.peak_rss_bytes()?;
        let start = Instant::now();
        let bytes = scanned(&server.data).await?;
        let seconds = start.elapsed().as_secs_f64();
        let expected = BYTES / ROW_BYTES * ROW_BYTES;
        if bytes != expected {
            return Err(format!("{expected} bytes were written and {bytes} read").into());
        }
        let peak = server.process.peak_rss_bytes()?;
        Ok(vec![
            ("mb_per_s", "MiB/s", mib(bytes as f64) / seconds),
            ("peak_rss_mb", "MiB", mib(peak as f64)),
            ("rss_rise_mb", "MiB", mib(peak.saturating_sub(before) as f64)),
        ])
    }
}
