//! `statehouse-sim`: the simulation from a command line.
//!
//! Exit 0 means that what was asked for holds. A failure exits 1 and prints the
//! command that repeats it; the last line is always a summary.

use clap::{Parser, Subcommand};
use env::{Plant, Plants};
use std::process::ExitCode;
use testkit::disk::{Enumeration, Tally};

/// A failing run stops here, for each way of running the log.
const FAILURES_ENOUGH: u64 = 20;

/// Simulates Statehouse on disks that lose, tear, reorder, rot and lie.
#[derive(Parser)]
#[command(name = "statehouse-sim", version)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
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
    /// Name the mistakes that can be planted, one a line.
    Plants,
    /// Run one seed in this process, and print what it came to as JSON.
    One {
        /// Decides everything.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How long users work, in simulated seconds.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// Write every event to this file.
        #[arg(long)]
        trace: Option<std::path::PathBuf>,
        /// Make the real clock stumble.
        #[arg(long)]
        stalls: bool,
    },
}

fn plant(name: &str) -> Result<Plant, String> {
    let found = Plant::ALL.iter().copied().find(|plant| plant.name() == name);
    found.ok_or_else(|| "no such plant; `statehouse-sim plants` names them".to_owned())
}

fn main() -> ExitCode {
    match Arguments::parse().verb {
        Verb::Plants => {
            for plant in Plant::ALL {
                println!("{plant}");
            }
            ExitCode::SUCCESS
        }
        Verb::One { seed, seconds, trace, stalls } => {
            let plan = testkit::world::Plan::of_seed(seed, seconds * 1000);
            #[allow(clippy::disallowed_methods)]
            let copy = trace.map(|path| {
                Box::new(std::io::BufWriter::new(std::fs::File::create(path).expect("a file")))
                    as Box<dyn std::io::Write>
            });
            let outcome = testkit::world::run(&plan, testkit::world::Habits { copy, stalls });
            println!("{}", serde_json::to_string_pretty(&outcome).expect("plain data"));
            if outcome.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Verb::Disk { ops, seed, plant } => {
            let plants = plant.map(Plants::of).unwrap_or_default();
            let enumeration = Enumeration { ops, seed, plants, failures_enough: FAILURES_ENOUGH };
            report(&enumeration.run(), ops, seed, plant)
        }
    }
}

fn report(tally: &Tally, ops: usize, seed: u64, plant: Option<Plant>) -> ExitCode {
    for example in &tally.examples {
        println!("{example}");
    }
    if !tally.is_clean() {
        let plant = plant.map(|plant| format!(" --plant {plant}")).unwrap_or_default();
        println!("repeat with: statehouse-sim disk --ops {ops} --seed {seed}{plant}");
    }
    println!("images {} lost {} phantom {}", tally.images, tally.lost, tally.phantom);
    if tally.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
