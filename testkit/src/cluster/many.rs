//! Many seeds, each in a process of its own.
#![allow(clippy::disallowed_methods, reason = "a tool that runs processes side by side")]

use super::Outcome;
use crate::sim::Seeds;
use env::{Plant, Plants};
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

/// What is to be run.
pub struct Many {
    /// Which seeds.
    pub seeds: Seeds,
    /// How long users work in each, in simulated milliseconds.
    pub work_ms: u64,
    /// A known mistake, to be found.
    pub plant: Option<Plant>,
    /// How many at a time.
    pub jobs: usize,
    /// Of a single seed, every event goes there.
    pub trace: Option<PathBuf>,
}

impl Many {
    /// Runs them; true when all is well. The last line is a summary.
    pub fn run(&self) -> io::Result<bool> {
        if self.seeds.0.end - self.seeds.0.start == 1 {
            return self.one(self.seeds.0.start);
        }
        let (next, failed, began) = (AtomicU64::new(self.seeds.0.start), AtomicU64::new(0), Instant::now());
        let (ran, enough) = (AtomicU64::new(0), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.max(1) {
                scope.spawn(|| {
                    while !enough.load(Ordering::Relaxed) {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= self.seeds.0.end {
                            return;
                        }
                        let clean = self.child(seed);
                        ran.fetch_add(1, Ordering::Relaxed);
                        failed.fetch_add(u64::from(!clean), Ordering::Relaxed);
                        // A planted mistake is found once.
                        enough.fetch_or(!clean && self.plant.is_some(), Ordering::Relaxed);
                    }
                });
            }
        });
        let (ran, failed) = (ran.into_inner(), failed.into_inner());
        let minutes = began.elapsed().as_secs_f64() / 60.0;
        println!("seeds {ran} failures {failed} seeds/min {:.0}", ran as f64 / minutes.max(1e-9));
        Ok(failed == 0)
    }

    /// In this process, which is of no more use then.
    fn one(&self, seed: u64) -> io::Result<bool> {
        let copy = match &self.trace {
            None => None,
            Some(path) => Some(Box::new(std::fs::File::create(path)?) as Box<dyn io::Write>),
        };
        let plants = self.plant.map(Plants::of).unwrap_or_default();
        let outcome = super::run(seed, self.work_ms, plants, copy);
        println!("{}", serde_json::to_string(&outcome)?);
        say(&outcome);
        println!("seeds 1 failures {}", u64::from(!outcome.failures.is_empty()));
        Ok(outcome.failures.is_empty())
    }

    fn child(&self, seed: u64) -> bool {
        let seconds = (self.work_ms / 1000).to_string();
        let mut args = vec!["cluster".to_owned(), "--seeds".to_owned(), seed.to_string()];
        args.extend(["--seconds".to_owned(), seconds]);
        args.extend(self.plant.into_iter().flat_map(|plant| ["--plant".to_owned(), plant.to_string()]));
        let program = std::env::current_exe();
        let output = program.and_then(|program| {
            Command::new(program).args(&args).stdin(Stdio::null()).stderr(Stdio::inherit()).output()
        });
        match output {
            Ok(output) if output.status.success() => true,
            Ok(output) => {
                println!("seed {seed} fails: statehouse-sim {} ({})", args.join(" "), output.status);
                false
            }
            Err(error) => {
                println!("seed {seed} could not be run: {error}");
                false
            }
        }
    }
}

fn say(outcome: &Outcome) {
    for failure in outcome.failures.iter().take(10) {
        eprintln!("seed {}: {failure}", outcome.seed);
    }
}
