//! What `verify` is told.

use crate::server::{Output, duration};
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) const EXAMPLES: &str = "\
Examples:
  statehouse verify --minutes 10
      A node of its own in a scratch directory, killed every few seconds.
  statehouse verify --minutes 10 --endpoint db1.example.net:7400
      A server that is there, in a table of its own, which is removed at the
      end. Nothing is killed.
  statehouse verify --judge verify-1f2e-round-3.jsonl
      A history that an earlier run has kept.

Exit codes:
  0  all that was seen is as it was promised
  1  a promise was broken, nothing happened, or the verdict is open
  2  the command line makes no sense
  3  not available: no node, or nobody at the endpoint";

#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    /// How long users work.
    #[arg(long, value_name = "M", default_value_t = 1.0)]
    pub minutes: f64,

    /// How many users.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub users: u32,

    /// How many keys they share. Each round has its own.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub keys: u32,

    /// End after so many rounds.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub rounds: Option<u64>,

    /// A round ends, and is judged, after so many operations, or half a minute.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 100_000,
        value_parser = clap::value_parser!(u64).range(1..=1_000_000)
    )]
    pub ops: u64,

    /// A node of its own is killed about so often, and at each round's end.
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = duration)]
    pub kill_every: Duration,

    /// Where the table keeps its rows.
    #[arg(long, value_parser = ["rocksdb", "memory"], default_value = "rocksdb")]
    pub store: String,

    /// Which log makes its changes durable. Without one, a kill breaks promises
    /// that were never made: the checkers must find that.
    #[arg(long, value_parser = ["local", "store", "none"], default_value = "local")]
    pub log: String,

    /// Where histories in which something is wrong are written; the system's
    /// temporary directory unless told.
    #[arg(long, value_name = "DIR")]
    pub histories: Option<PathBuf>,

    /// Run nothing; judge this history.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["minutes", "rounds"])]
    pub judge: Option<PathBuf>,

    /// The data address of a server that is there; a node of its own unless told.
    #[arg(
        long,
        env = "STATEHOUSE_ENDPOINT",
        hide_env_values = true,
        value_name = "HOST:PORT",
        help_heading = "Server"
    )]
    pub endpoint: Option<String>,

    /// The server's control address; the endpoint's host, one port up, unless told.
    #[arg(
        long,
        env = "STATEHOUSE_CONTROL_ENDPOINT",
        hide_env_values = true,
        value_name = "HOST:PORT",
        help_heading = "Server"
    )]
    pub control_endpoint: Option<String>,

    /// How to print.
    #[arg(short, long, value_enum, default_value_t = Output::Table, help_heading = "Server")]
    pub output: Output,
}

impl VerifyArgs {
    /// How long users work.
    pub fn time(&self) -> Result<Duration, String> {
        let seconds = Duration::try_from_secs_f64(self.minutes * 60.0);
        let refused = |_| format!("{} minutes are no time", self.minutes);
        seconds.map_err(refused).and_then(|time| match time {
            Duration::ZERO => Err("no time at all is too little".to_owned()),
            time => Ok(time),
        })
    }

    /// Where histories go.
    pub fn histories(&self) -> PathBuf {
        self.histories.clone().unwrap_or_else(std::env::temp_dir)
    }
}
