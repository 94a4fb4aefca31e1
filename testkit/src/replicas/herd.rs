//! Many seeds, on all cores.
#![allow(clippy::disallowed_methods, reason = "a tool that measures itself and writes files")]

use super::world::{Verdict, run};
use crate::sim::Seeds;
use env::Plant;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

/// Seeds to be run.
pub struct Herd {
    /// Which.
    pub seeds: Seeds,
    /// A known mistake: the first seed that finds it is the last.
    pub plant: Option<Plant>,
    /// How long leaders propose, in simulated time.
    pub work_ms: u64,
    /// Where the events of a single seed go.
    pub trace: Option<PathBuf>,
}

#[derive(Default)]
struct Sums {
    seeds: u64,
    failures: u64,
    acked: u64,
    read: u64,
    led: u64,
    taken: u64,
}

impl Herd {
    /// Runs them; true when what was asked for holds. The last line says what it
    /// came to.
    pub fn run(self) -> io::Result<bool> {
        let began = Instant::now();
        let sums = match &self.trace {
            Some(path) => {
                let copy: Box<dyn Write> = Box::new(BufWriter::new(File::create(path)?));
                let seed = self.seeds.0.start;
                let mut sums = Sums::default();
                let verdict = run(seed, self.work_ms, self.plant, Some(copy));
                self.take(&mut sums, seed, verdict);
                sums
            }
            None => self.all(),
        };
        let minutes = began.elapsed().as_secs_f64() / 60.0;
        let Sums { seeds, failures, acked, read, led, taken } = sums;
        let pace = seeds as f64 / minutes.max(1e-9);
        println!(
            "seeds {seeds} failures {failures} seeds/min {pace:.0} records {acked} reads {read} elections {led} exports {taken}"
        );
        // A mistake that is planted is to be found.
        Ok((failures > 0) == self.plant.is_some() && seeds > 0)
    }

    fn all(&self) -> Sums {
        let next = AtomicU64::new(self.seeds.0.start);
        let stop = AtomicBool::new(false);
        let (tell, told) = mpsc::channel();
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let mut sums = Sums::default();
        thread::scope(|scope| {
            for _ in 0..cores {
                let (tell, next, stop) = (tell.clone(), &next, &stop);
                scope.spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        let is_wanted = seed < self.seeds.0.end;
                        if !is_wanted || tell.send((seed, run(seed, self.work_ms, self.plant, None))).is_err()
                        {
                            return;
                        }
                    }
                });
            }
            drop(tell);
            for (seed, verdict) in told {
                self.take(&mut sums, seed, verdict);
                if self.plant.is_some() && sums.failures > 0 {
                    stop.store(true, Ordering::Relaxed);
                }
            }
        });
        sums
    }

    fn take(&self, sums: &mut Sums, seed: u64, verdict: Verdict) {
        sums.seeds += 1;
        sums.acked += verdict.acked;
        sums.read += verdict.read;
        sums.led += verdict.led;
        sums.taken += verdict.taken;
        if verdict.failures.is_empty() {
            return;
        }
        sums.failures += 1;
        for failure in &verdict.failures {
            println!("seed {seed}: {failure}");
        }
        let plant = self.plant.map(|plant| format!(" --plant {plant}")).unwrap_or_default();
        let seconds = self.work_ms / 1000;
        println!(
            "repeat with: statehouse-sim replicas --seeds {seed}..{} --seconds {seconds}{plant} --trace FILE",
            seed + 1
        );
    }
}
