//! One run, in a process of its own.
#![allow(clippy::disallowed_methods, reason = "a tool that starts itself again and reads files")]

use crate::world::{Habits, Outcome, Plan, run};
use std::fs;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A run that takes longer than this has got stuck.
const STUCK: Duration = Duration::from_secs(240);

/// Starts runs. Each is a process.
#[derive(Clone, Debug)]
pub struct Child {
    /// This program.
    pub program: PathBuf,
    /// Where plans lie on their way.
    pub scratch: PathBuf,
}

/// What became of a run.
#[derive(Debug)]
pub enum Ended {
    /// It was judged.
    Judged(Box<Outcome>),
    /// It was not: the process broke, or got stuck. The last it said.
    Broken(String),
}

impl Ended {
    /// What was wrong, in words.
    pub fn failures(&self) -> Vec<String> {
        match self {
            Ended::Judged(outcome) => outcome.failures.clone(),
            Ended::Broken(said) => vec![format!("the world broke: {said}")],
        }
    }

    /// The verdict, if there is one.
    pub fn outcome(&self) -> Option<&Outcome> {
        match self {
            Ended::Judged(outcome) => Some(outcome),
            Ended::Broken(_) => None,
        }
    }
}

impl Child {
    /// Runs a plan; with `stalls` the real clock stumbles meanwhile.
    pub fn run(&self, plan: &Plan, stalls: bool, serial: u64) -> Ended {
        match self.try_run(plan, stalls, serial) {
            Ok(ended) => ended,
            Err(error) => Ended::Broken(format!("it could not be started: {error}")),
        }
    }

    fn try_run(&self, plan: &Plan, stalls: bool, serial: u64) -> std::io::Result<Ended> {
        let file = self.scratch.join(format!("plan-{}-{}-{serial}.json", std::process::id(), plan.seed));
        fs::write(&file, serde_json::to_vec(plan)?)?;
        let mut command = Command::new(&self.program);
        command.arg("one").arg("--plan").arg(&file).env("RUST_BACKTRACE", "0");
        if stalls {
            command.arg("--stalls");
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        // Read while it runs: a pipe holds only so much.
        let out = reading(child.stdout.take());
        let err = reading(child.stderr.take());
        let began = Instant::now();
        let is_stuck = loop {
            if child.try_wait()?.is_some() {
                break false;
            }
            if began.elapsed() > STUCK {
                child.kill()?;
                child.wait()?;
                break true;
            }
            sleep(Duration::from_millis(2));
        };
        let (out, err) = (out.join().unwrap_or_default(), err.join().unwrap_or_default());
        // Nobody else has this name.
        let _ = fs::remove_file(&file);
        if let Ok(outcome) = serde_json::from_str(&out) {
            return Ok(Ended::Judged(Box::new(outcome)));
        }
        let said = if is_stuck { "it got stuck".to_owned() } else { err.chars().take(2_000).collect() };
        Ok(Ended::Broken(said))
    }
}

fn reading(from: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        // What cannot be read is missed below.
        let _ = from.map(|mut from| from.read_to_string(&mut text));
        text
    })
}

/// Runs a plan in this process; every event goes to `trace`, if it is named.
pub fn one(plan: &Plan, trace: Option<&Path>, stalls: bool) -> std::io::Result<Outcome> {
    let copy = trace.map(fs::File::create).transpose()?;
    let copy = copy.map(|file| Box::new(BufWriter::new(file)) as Box<dyn Write>);
    Ok(run(plan, Habits { copy, stalls }))
}
