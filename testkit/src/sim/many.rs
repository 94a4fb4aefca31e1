//! Many seeds, on all cores.
#![allow(clippy::disallowed_methods, reason = "a tool that runs processes side by side and writes files")]

use super::child::{Child, Ended};
use super::coverage::Coverage;
use super::shrink::shrink;
use crate::disk::Enumeration;
use crate::world::{Outcome, Plan};
use env::{Plant, Plants};
use std::io::{IsTerminal, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// One seed in so many runs twice.
const TWICE_EVERY: u64 = 20;
/// Steps of a disk's script.
const DISK_OPS: usize = 40;

/// `A..B`: from A to before B; or a single seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeds(pub Range<u64>);

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Seeds, String> {
        let number = |text: &str| text.parse::<u64>().map_err(|_| format!("`{text}` is no seed"));
        let range = match text.split_once("..") {
            Some((from, to)) => number(from)?..number(to)?,
            None => number(text)?..number(text)?.saturating_add(1),
        };
        if range.is_empty() { Err("no seeds: write A..B, B is not run".to_owned()) } else { Ok(Seeds(range)) }
    }
}

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Many {
    /// Which seeds.
    pub seeds: Seeds,
    /// How long users work in each, in simulated milliseconds.
    pub work_ms: u64,
    /// No new seed is begun after so long.
    pub at_most: Option<Duration>,
    /// A known mistake, to be found.
    pub plant: Option<Plant>,
    /// Where plans of failures go.
    pub out: PathBuf,
    /// How many at a time.
    pub jobs: usize,
    /// Fail when something that should be met never was.
    pub wants_coverage: bool,
}

/// What came of it.
#[derive(Default)]
struct Tally {
    runs: u64,
    failed: Vec<u64>,
    coverage: Coverage,
}

struct Shared<'a> {
    many: &'a Many,
    child: Child,
    next: AtomicU64,
    enough: AtomicBool,
    began: Instant,
    tally: Mutex<Tally>,
}

impl Many {
    /// Runs them; true when all is well. The last line is a summary.
    pub fn run(&self) -> std::io::Result<bool> {
        make(&self.out)?;
        let child = Child { program: std::env::current_exe()?, scratch: self.out.clone() };
        let shared = Shared {
            many: self,
            child,
            next: AtomicU64::new(self.seeds.0.start),
            enough: AtomicBool::new(false),
            began: Instant::now(),
            tally: Mutex::default(),
        };
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.max(1) {
                scope.spawn(|| shared.work());
            }
        });
        Ok(shared.report())
    }

    fn plan(&self, seed: u64) -> Option<Plan> {
        match self.plant {
            Some(plant) => crate::world::directed(plant, seed),
            None => Some(Plan::of_seed(seed, self.work_ms)),
        }
    }
}

/// What one seed came to.
struct Verdict {
    failures: Vec<String>,
    outcome: Option<Outcome>,
    /// The command that repeats it, as far as it differs.
    again: String,
}

impl Shared<'_> {
    fn work(&self) {
        let late = |began: Instant| self.many.at_most.is_some_and(|most| began.elapsed() >= most);
        while !self.enough.load(Ordering::Relaxed) && !late(self.began) {
            let seed = self.next.fetch_add(1, Ordering::Relaxed);
            if seed >= self.many.seeds.0.end {
                return;
            }
            self.one(seed);
        }
    }

    fn one(&self, seed: u64) {
        let plan = self.many.plan(seed);
        let Verdict { failures, outcome, again } = match &plan {
            Some(plan) => self.world(plan),
            None => self.disk(seed),
        };
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.runs += 1;
        outcome.iter().for_each(|outcome| tally.coverage.add(outcome));
        self.progress(tally.runs, tally.failed.len());
        if failures.is_empty() {
            return;
        }
        tally.failed.push(seed);
        let is_first = tally.failed.len() == 1;
        drop(tally);
        // A world that broke has noticed nothing.
        if self.many.plant.is_some() && (outcome.is_some() || plan.is_none()) {
            self.enough.store(true, Ordering::Relaxed);
        }
        println!("seed {seed} fails:");
        failures.iter().take(10).for_each(|failure| println!("  {failure}"));
        println!("repeat with: statehouse-sim {again}");
        plan.iter().for_each(|plan| self.tell(plan, is_first));
    }

    fn world(&self, plan: &Plan) -> Verdict {
        let seed = plan.seed;
        let ended = self.child.run(plan, false, 0);
        let mut failures = ended.failures();
        let plant = self.many.plant.map(|plant| format!(" --plant {plant}"));
        if failures.is_empty() && seed.is_multiple_of(TWICE_EVERY) && plant.is_none() {
            failures.extend(difference(&ended, &self.child.run(plan, true, 1)));
        }
        let how = plant.unwrap_or_else(|| format!(" --seconds {}", self.many.work_ms / 1000));
        let again = format!("run --seeds {seed}..{}{how}", seed + 1);
        Verdict { failures, outcome: ended.outcome().cloned(), again }
    }

    /// The crashes of one disk, where a world is no help.
    fn disk(&self, seed: u64) -> Verdict {
        let plants = self.many.plant.map(Plants::of).unwrap_or_default();
        let tally = Enumeration { ops: DISK_OPS, seed, plants, failures_enough: 1 }.run();
        let failures = if tally.is_clean() { Vec::new() } else { tally.examples };
        let plant = self.many.plant.map(|plant| format!(" --plant {plant}")).unwrap_or_default();
        Verdict { failures, outcome: None, again: format!("disk --ops {DISK_OPS} --seed {seed}{plant}") }
    }

    fn progress(&self, runs: u64, failed: usize) {
        let mut to = std::io::stderr();
        if to.is_terminal() {
            let minutes = self.began.elapsed().as_secs_f64() / 60.0;
            let pace = runs as f64 / minutes.max(0.01);
            // Nobody depends on it.
            let _ = write!(to, "\rseeds {runs} failures {failed} seeds/min {pace:.0} ");
        }
    }

    /// How to see a failure again when seeds mean something else.
    fn tell(&self, plan: &Plan, is_first: bool) {
        let file = self.many.out.join(format!("seed-{}.json", plan.seed));
        match keep(plan, &file) {
            Ok(()) => println!("or with:     statehouse-sim run --replay {}", file.display()),
            Err(error) => println!("its plan could not be kept: {error}"),
        }
        if is_first && self.many.plant.is_none() {
            self.tell_least(plan, &file);
        }
    }

    fn tell_least(&self, plan: &Plan, file: &Path) {
        let mut serial = 100;
        let least = shrink(plan, |fewer| {
            serial += 1;
            !self.child.run(fewer, false, serial).failures().is_empty()
        });
        let file = file.with_extension("least.json");
        if keep(&least, &file).is_ok() {
            let (before, after) = (plan.faults.len(), least.faults.len());
            println!("{after} of its {before} faults do: statehouse-sim run --replay {}", file.display());
        }
    }

    fn report(self) -> bool {
        let tally = self.tally.into_inner().unwrap_or_else(PoisonError::into_inner);
        let minutes = self.began.elapsed().as_secs_f64() / 60.0;
        if std::io::stderr().is_terminal() {
            eprintln!();
        }
        if self.many.plant.is_none() {
            print!("{}", tally.coverage);
        }
        let missing = if self.many.wants_coverage { tally.coverage.missing() } else { Vec::new() };
        missing.iter().for_each(|name| println!("never met: {name}"));
        let (runs, failed) = (tally.runs, tally.failed.len());
        println!("seeds {runs} failures {failed} seeds/min {:.0}", runs as f64 / minutes.max(0.001));
        failed == 0 && missing.is_empty()
    }
}

/// Runs the plan in a file once more, as it stands there.
pub fn replay(file: &Path, out: &Path) -> std::io::Result<bool> {
    let plan = Plan::read(file)?;
    make(out)?;
    let child = Child { program: std::env::current_exe()?, scratch: out.to_owned() };
    let failures = child.run(&plan, false, 0).failures();
    failures.iter().for_each(|failure| println!("  {failure}"));
    println!("seeds 1 failures {} seeds/min 0", usize::from(!failures.is_empty()));
    Ok(failures.is_empty())
}

fn make(out: &Path) -> std::io::Result<()> {
    let what = |error| std::io::Error::other(format!("plans cannot be kept in {}: {error}", out.display()));
    std::fs::create_dir_all(out).map_err(what)
}

fn keep(plan: &Plan, file: &Path) -> std::io::Result<()> {
    std::fs::write(file, serde_json::to_vec_pretty(plan)?)
}

/// Two runs of one plan differ in nothing.
fn difference(first: &Ended, second: &Ended) -> Option<String> {
    let sum = |ended: &Ended| ended.outcome().map(|outcome| (outcome.trace.clone(), outcome.events));
    let (first, second) = (sum(first), sum(second));
    (first != second).then(|| format!("not the same twice: {first:?}, and with a stumbling clock {second:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_read() {
        assert_eq!("3..7".parse(), Ok(Seeds(3..7)));
        assert_eq!("3".parse(), Ok(Seeds(3..4)));
        for text in ["", "7..3", "3..3", "a..4", "3..", "-1..4"] {
            assert!(text.parse::<Seeds>().is_err(), "{text}");
        }
    }
}
