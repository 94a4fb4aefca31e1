//! `statehouse-sim`: the simulation from a command line.
//!
//! Exit 0 means that what was asked for holds. A failure exits 1 and prints the
//! command that repeats it; the last line is always a summary.

use clap::{Parser, Subcommand};
use env::{Plant, Plants};
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use testkit::cluster;
use testkit::disk::{Enumeration, Tally};
use testkit::replicas::Herd;
use testkit::sim::{Many, Seeds, one, replay};
use testkit::world::Plan;

/// A failing run stops here, for each way of running the log.
const FAILURES_ENOUGH: u64 = 20;

/// Simulates Statehouse: nodes, users, networks and disks that fail.
#[derive(Parser)]
#[command(name = "statehouse-sim", version)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run worlds: one for each seed, on all cores.
    Run(Worlds),
    /// Enumerate every crash of one node's disk.
    Disk {
        /// How many steps the script has.
        #[arg(long, default_value_t = 40)]
        ops: usize,
        /// Decides the script and the sampled images.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Switch a known mistake on: the run must then fail.
        #[arg(long, value_parser = plant)]
        plant: Option<Plant>,
    },
    /// Run replicas, their logs and the ways between them, without nodes and users.
    Replicas {
        /// Which seeds: A..B, where B is not run.
        #[arg(long, default_value = "1..1001")]
        seeds: Seeds,
        /// Switch a known mistake on: one of them must fail, and is the last.
        #[arg(long, value_parser = plant)]
        plant: Option<Plant>,
        /// How long leaders propose, in simulated seconds.
        #[arg(long, default_value_t = 30)]
        seconds: u64,
        /// Write every event of the last seed to this file.
        #[arg(long)]
        trace: Option<PathBuf>,
    },
    /// Run three nodes that agree on a table, their links and their users.
    Cluster {
        /// Which seeds: A..B, where B is not run. A single one runs in this process, and
        /// prints what it came to as JSON.
        #[arg(long, default_value = "1..101")]
        seeds: Seeds,
        /// Switch a known mistake on: one of them must fail, and is the last.
        #[arg(long, value_parser = plant)]
        plant: Option<Plant>,
        /// How long users work, in simulated seconds.
        #[arg(long, default_value_t = 30)]
        seconds: u64,
        /// Runs at a time; one for each core unless told.
        #[arg(long)]
        jobs: Option<usize>,
        /// Write every event of a single seed to this file.
        #[arg(long)]
        trace: Option<PathBuf>,
    },
    /// Name the mistakes that can be planted, one a line.
    Plants,
    /// Print what a seed will do, as a plan that `run --replay` takes.
    Plan(Which),
    /// Run one world in this process, and print what it came to as JSON.
    One {
        #[command(flatten)]
        which: Which,
        /// The plan, instead of a seed's.
        #[arg(long)]
        plan: Option<PathBuf>,
        /// Write every event to this file.
        #[arg(long)]
        trace: Option<PathBuf>,
        /// Make the real clock stumble.
        #[arg(long)]
        stalls: bool,
    },
}

#[derive(clap::Args)]
struct Which {
    /// Decides everything.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Of this mistake's directed run.
    #[arg(long, value_parser = plant)]
    plant: Option<Plant>,
    /// How long users work, in simulated seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

#[derive(clap::Args)]
struct Worlds {
    /// Which seeds: A..B, where B is not run.
    #[arg(long, default_value = "1..101", conflicts_with = "replay")]
    seeds: Seeds,
    /// Begin no seed after so many minutes.
    #[arg(long)]
    minutes: Option<f64>,
    /// Switch a known mistake on, in worlds that are made for it: one of them
    /// must fail, and is the last.
    #[arg(long, value_parser = plant)]
    plant: Option<Plant>,
    /// Run the plan in this file, once.
    #[arg(long)]
    replay: Option<PathBuf>,
    /// How long users work, in simulated seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Worlds at a time; one for each core unless told.
    #[arg(long)]
    jobs: Option<usize>,
    /// Where plans of failing seeds are kept; a directory for temporary files
    /// unless told.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Fail when a rare thing that should be met never was.
    #[arg(long)]
    coverage: bool,
}

fn plant(name: &str) -> Result<Plant, String> {
    let found = Plant::ALL.iter().copied().find(|plant| plant.name() == name);
    found.ok_or_else(|| "no such plant; `statehouse-sim plants` names them".to_owned())
}

fn main() -> ExitCode {
    let done = match Arguments::parse().verb {
        Verb::Plants => {
            Plant::ALL.iter().for_each(|plant| println!("{plant}"));
            Ok(true)
        }
        Verb::Run(worlds) => worlds.run(),
        Verb::One { which, plan, trace, stalls } => which.plan(plan).and_then(|plan| {
            let outcome = one(&plan, trace.as_deref(), stalls)?;
            println!("{}", serde_json::to_string_pretty(&outcome)?);
            Ok(outcome.failures.is_empty())
        }),
        Verb::Plan(which) => which.plan(None).and_then(|plan| {
            println!("{}", serde_json::to_string_pretty(&plan)?);
            Ok(true)
        }),
        Verb::Disk { ops, seed, plant } => Ok(disk(ops, seed, plant)),
        Verb::Cluster { seeds, plant, seconds, jobs, trace } => {
            let cores = || std::thread::available_parallelism().map_or(1, usize::from);
            let jobs = jobs.unwrap_or_else(cores);
            cluster::Many { seeds, work_ms: seconds * 1000, plant, jobs, trace }.run()
        }
        Verb::Replicas { seeds, plant, seconds, trace } => {
            Herd { seeds, plant, work_ms: seconds * 1000, trace }.run()
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("statehouse-sim: {error}");
            ExitCode::from(2)
        }
    }
}

impl Worlds {
    fn run(self) -> io::Result<bool> {
        let out = self.out.unwrap_or_else(|| {
            // Of its own: others may run at the same time.
            std::env::temp_dir().join(format!("statehouse-sim-{}", std::process::id()))
        });
        if let Some(file) = self.replay {
            return replay(&file, &out);
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let many = Many {
            seeds: self.seeds,
            work_ms: self.seconds * 1000,
            at_most: self.minutes.map(|minutes| Duration::from_secs_f64(minutes.max(0.0) * 60.0)),
            plant: self.plant,
            out,
            jobs: self.jobs.unwrap_or(cores),
            wants_coverage: self.coverage,
        };
        many.run()
    }
}

impl Which {
    /// The plan in the file, if one is named.
    fn plan(&self, file: Option<PathBuf>) -> io::Result<Plan> {
        match (file, self.plant) {
            (Some(file), _) => Plan::read(&file),
            (None, Some(plant)) => testkit::world::directed(plant, self.seed).ok_or_else(|| {
                io::Error::other(format!("no world shows {plant}: `statehouse-sim disk` does"))
            }),
            (None, None) => Ok(Plan::of_seed(self.seed, self.seconds * 1000)),
        }
    }
}

fn disk(ops: usize, seed: u64, plant: Option<Plant>) -> bool {
    let plants = plant.map(Plants::of).unwrap_or_default();
    let tally = Enumeration { ops, seed, plants, failures_enough: FAILURES_ENOUGH }.run();
    report(&tally, ops, seed, plant);
    tally.is_clean()
}

fn report(tally: &Tally, ops: usize, seed: u64, plant: Option<Plant>) {
    for example in &tally.examples {
        println!("{example}");
    }
    if !tally.is_clean() {
        let plant = plant.map(|plant| format!(" --plant {plant}")).unwrap_or_default();
        println!("repeat with: statehouse-sim disk --ops {ops} --seed {seed}{plant}");
    }
    println!("images {} lost {} phantom {}", tally.images, tally.lost, tally.phantom);
}
