//! A million rows in order, as the client loads them: packed, marked, each
//! message under a name of its own.

use super::figures::{Figure, mib};
use super::rows::{ROW_BYTES, Random, Rows};
use super::systems::{Statehouse, TABLE, Table, create_table};
use crate::Failure;
use client::Client;
use std::path::Path;
use std::time::Instant;

/// What a round loads.
const ROWS: usize = 1_000_000;

/// A server with a table to load into.
pub struct Empty(Statehouse);

impl Empty {
    /// Starts it.
    pub async fn start(binary: &Path, dir: &Path) -> Result<Empty, Failure> {
        let server = Statehouse::start(binary, dir).await?;
        create_table(&server.control, &Table::ROWS).await?;
        Ok(Empty(server))
    }

    /// Loads the rows of this round.
    pub async fn round(&self, round: u64, rows: &Rows) -> Result<Vec<Figure>, Failure> {
        let Empty(server) = self;
        let client = Client::builder(&server.data).build()?;
        let mut load = client.table(TABLE).load();
        let (mut random, first) = (Random::new(round), ROWS * round as usize);
        let start = Instant::now();
        for number in first..first + ROWS {
            let row = rows.numbered(number, &mut random);
            load.push(row.key, row.value).await?;
        }
        let mark = load.finish().await?;
        let seconds = start.elapsed().as_secs_f64();
        if mark.bytes != (ROWS * ROW_BYTES) as u64 {
            return Err(format!("{ROWS} rows were pushed, and {mark:?} is loaded").into());
        }
        let bytes = mib((ROWS * ROW_BYTES) as f64);
        Ok(vec![("ops_per_s", "1/s", ROWS as f64 / seconds), ("mb_per_s", "MiB/s", bytes / seconds)])
    }
}
