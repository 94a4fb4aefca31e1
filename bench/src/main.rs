//! `statehouse-bench`: load, and comparison with others on the same machine.
//!
//! Medians over rounds, the other side in the same run, the same durability.
//! Tables for people, `--json FILE` for programs; the shape of the file is that
//! of `compare` in every later version: `machine`, `versions`, `rows`.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "measures the real world")]

mod compare;
mod fio;
mod log;
mod recorded;
mod recovery;
mod report;

/// The same as the server has, for the load and for the echo beside it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

use clap::{Parser, Subcommand};
use compare::{Compare, Load};
use report::Report;
use std::path::PathBuf;
use std::process::ExitCode;

/// Measures Statehouse.
#[derive(Parser)]
#[command(name = "statehouse-bench", version)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Statehouse beside others, doing the same work.
    Compare(Compare),
    /// The load of a scenario against a server that runs already.
    Load(Load),
    /// The server that does nothing, for `compare`.
    #[command(hide = true)]
    EchoServer {
        /// Where to write the address.
        #[arg(long)]
        ports_file: PathBuf,
    },
    /// The log's appends beside what `fio` gets from the same disk.
    Log {
        /// Seconds of each round.
        #[arg(long, default_value_t = 3)]
        seconds: u64,
        /// Rounds; the median counts.
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// Only this load: append-1, append-16, append-256 or append-1MiB.
        #[arg(long)]
        only: Option<String>,
        /// Where to write; the disk under it is what is measured.
        #[arg(long)]
        dir: Option<PathBuf>,
        /// Also write the figures here.
        #[arg(long)]
        json: Option<PathBuf>,
    },
    /// Start-up after a kill: a log of so much, replayed into RocksDB.
    Recovery {
        /// MiB of log.
        #[arg(long, default_value_t = 1024)]
        mib: u64,
        /// Rounds; the median counts.
        #[arg(long, default_value_t = 3)]
        rounds: usize,
        /// Where to write.
        #[arg(long)]
        dir: Option<PathBuf>,
        /// Also write the figures here.
        #[arg(long)]
        json: Option<PathBuf>,
    },
    /// Criterion's last figures beside the recorded ones.
    Recorded {
        /// Make the last figures the recorded ones.
        #[arg(long)]
        record: bool,
        /// The recorded figures.
        #[arg(long, default_value = "bench/recorded.json")]
        file: PathBuf,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> Result<(), Failure> {
    let (report, json): (Report, Option<PathBuf>) = match verb {
        Verb::Log { seconds, rounds, only, dir, json } => {
            (log::run(&scratch(dir)?, seconds, rounds, only.as_deref())?, json)
        }
        Verb::Recovery { mib, rounds, dir, json } => (recovery::run(&scratch(dir)?, mib, rounds)?, json),
        Verb::Compare(compare) => return compare.run(),
        Verb::Load(load) => return load.run(),
        Verb::EchoServer { ports_file } => return compare::serve_echo(&ports_file),
        Verb::Recorded { record, file } => return recorded::run(&file, record),
    };
    print!("{report}");
    if let Some(path) = json {
        std::fs::write(&path, serde_json::to_string_pretty(&report)?)?;
    }
    Ok(())
}

/// Whatever went wrong, in words.
type Failure = Box<dyn std::error::Error>;

/// A directory that goes when the run ends.
fn scratch(under: Option<PathBuf>) -> Result<tempfile::TempDir, Failure> {
    Ok(match under {
        Some(under) => tempfile::tempdir_in(under)?,
        None => tempfile::tempdir()?,
    })
}
