//! What the checkers said of all rounds so far.

use super::crowd::Round;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use verify::check::{self, Enough, Verdict};
use verify::history::History;

/// So many sentences are told; all are counted.
const TOLD_MAX: usize = 20;
/// So many histories are kept: a node that is wrong for days fills no disk.
const FILES_MAX: usize = 10;

/// What has to have happened in a round for its history to mean anything.
const ENOUGH: Enough = Enough {
    puts_min: 1,
    removes_found_min: 1,
    reads_found_min: 1,
    absent_min: 1,
    unknown_writes_min: 0,
    failed_percent_max: 100,
};

/// Of all rounds.
#[derive(Clone, Debug, Default)]
pub struct Verdicts {
    /// Rounds that were judged.
    pub rounds: u64,
    /// Rounds whose search was too large: no pass, and no accusation.
    pub undecided: u64,
    /// What is wrong, in words; the first of it.
    pub told: Vec<String>,
    /// Where the histories are in which something is wrong.
    pub files: Vec<PathBuf>,
    /// How often each promise was broken, by its short name.
    rules: BTreeMap<&'static str, u64>,
}

impl Verdicts {
    /// Judges a round; if it is not clean, writes its history to a file below
    /// `dir`, with the rows that were found at the end.
    pub fn judge(&mut self, table: &str, round: Round, dir: &Path) -> io::Result<()> {
        let Round { number, written, end } = round;
        let before = self.broken() + self.undecided;
        for strange in &written.strange {
            self.tell("strange", strange.clone());
        }
        match written.recorder.finish() {
            Ok(history) => {
                self.all(&history, &end);
                if self.broken() + self.undecided > before {
                    self.keep(&history.closed_by(&end), dir, &format!("{table}-round-{number}.jsonl"))?;
                }
            }
            Err(mistake) => {
                self.rounds += 1;
                self.tell("malformed", format!("what was recorded is no history: {mistake}"));
            }
        }
        Ok(())
    }

    /// Holds a history and what was found at its end against all checkers.
    pub fn all(&mut self, history: &History, end: &check::End) {
        self.rounds += 1;
        let report = check::all(history, end);
        let vacuous = check::vacuous(history, &ENOUGH);
        for violations in [&report.violations, &vacuous] {
            for violation in &violations.told {
                self.tell(violation.rule, violation.to_string());
            }
            *self.rules.entry("untold").or_default() += (violations.found - violations.told.len()) as u64;
        }
        match &report.verdict {
            Verdict::Linearizable => {}
            verdict @ Verdict::NotLinearizable(_) => self.tell("linearizable", verdict.to_string()),
            verdict @ Verdict::TimedOut { .. } => {
                self.undecided += 1;
                self.say(verdict.to_string());
            }
        }
    }

    fn keep(&mut self, history: &History, dir: &Path, name: &str) -> io::Result<()> {
        if self.files.len() >= FILES_MAX {
            return Ok(());
        }
        let mut lines = Vec::new();
        history.write_lines(&mut lines)?;
        self.files.push(super::scratch::keep(dir, name, &lines)?);
        Ok(())
    }

    /// Something is wrong.
    pub fn tell(&mut self, rule: &'static str, what: String) {
        *self.rules.entry(rule).or_default() += 1;
        self.say(what);
    }

    fn say(&mut self, what: String) {
        if self.told.len() < TOLD_MAX {
            self.told.push(what);
        }
    }

    /// How often a promise was broken.
    pub fn broken(&self) -> u64 {
        self.rules.values().sum()
    }

    /// How often one of these was.
    pub fn of(&self, rules: &[&str]) -> u64 {
        rules.iter().filter_map(|rule| self.rules.get(rule)).sum()
    }

    /// Something was judged, all of it was decided, and nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.rounds > 0 && self.undecided == 0 && self.broken() == 0
    }
}
