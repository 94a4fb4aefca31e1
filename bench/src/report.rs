//! What a run found: rows for programs, a table for people.

use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// The figures of one run.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// What it ran on.
    pub machine: String,
    /// What took part.
    pub versions: BTreeMap<String, String>,
    /// The figures.
    pub rows: Vec<Row>,
}

/// One figure, or the ratio of two.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Row {
    /// Measured.
    Figure {
        /// What was done.
        scenario: String,
        /// By whom.
        system: String,
        /// What was measured.
        metric: String,
        /// In what.
        unit: String,
        /// Over the rounds.
        median: f64,
        /// The least.
        min: f64,
        /// The most.
        max: f64,
    },
    /// Statehouse divided by another.
    Ratio {
        /// What was done.
        scenario: String,
        /// The other.
        ratio_to: String,
        /// Of what.
        metric: String,
        /// Above 1: Statehouse is higher.
        ratio: f64,
    },
}

impl Report {
    /// An empty report about this machine.
    pub fn new() -> Report {
        let versions = BTreeMap::from([("statehouse".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]);
        Report { machine: machine(), versions, rows: Vec::new() }
    }

    /// Adds a figure over rounds; returns its median.
    pub fn figure(&mut self, scenario: &str, system: &str, metric: &str, unit: &str, rounds: &[f64]) -> f64 {
        let mut sorted = rounds.to_vec();
        sorted.sort_by(f64::total_cmp);
        let median = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        self.rows.push(Row::Figure {
            scenario: scenario.to_owned(),
            system: system.to_owned(),
            metric: metric.to_owned(),
            unit: unit.to_owned(),
            median,
            min: sorted.first().copied().unwrap_or_default(),
            max: sorted.last().copied().unwrap_or_default(),
        });
        median
    }

    /// Adds a ratio.
    pub fn ratio(&mut self, scenario: &str, ratio_to: &str, metric: &str, ratio: f64) {
        let (scenario, ratio_to, metric) = (scenario.to_owned(), ratio_to.to_owned(), metric.to_owned());
        self.rows.push(Row::Ratio { scenario, ratio_to, metric, ratio });
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.machine)?;
        for row in &self.rows {
            match row {
                Row::Figure { scenario, system, metric, unit, median, min, max } => writeln!(
                    f,
                    "{scenario:<18} {system:<12} {metric:<14} {median:>12.1} {unit:<6} ({min:.1} to {max:.1})"
                )?,
                Row::Ratio { scenario, ratio_to, metric, ratio } => {
                    writeln!(f, "{scenario:<18} / {ratio_to:<10} {metric:<14} {ratio:>12.2}")?;
                }
            }
        }
        Ok(())
    }
}

fn machine() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models: Vec<&str> = text
        .lines()
        .filter_map(|line| {
            line.strip_prefix("model name").map(|rest| rest.trim_start_matches([' ', '\t', ':']))
        })
        .collect();
    format!("{} x {}", models.len(), models.first().unwrap_or(&"unknown"))
}
