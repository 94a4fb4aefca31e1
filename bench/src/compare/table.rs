//! The report as a table: a line for each scenario and metric, a column for
//! each system, and beside each other's figure what Statehouse's is of it.

use super::scenario::System;
use crate::report::{Report, Row};
use clap::ValueEnum;
use std::fmt;

/// A report to be read by people.
pub struct Table<'a>(pub &'a Report);

/// What a line is about.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key<'a> {
    scenario: &'a str,
    metric: &'a str,
    unit: &'a str,
}

impl<'a> Table<'a> {
    fn figures(&self) -> impl Iterator<Item = (Key<'a>, &'a str, f64)> {
        self.0.rows.iter().filter_map(|row| match row {
            Row::Figure { scenario, system, metric, unit, median, .. } => {
                Some((Key { scenario, metric, unit }, system.as_str(), *median))
            }
            Row::Ratio { .. } => None,
        })
    }

    fn ratio(&self, key: Key<'_>, system: &str) -> Option<f64> {
        self.0.rows.iter().find_map(|row| match row {
            Row::Ratio { scenario, ratio_to, metric, ratio }
                if (scenario.as_str(), ratio_to.as_str(), metric.as_str())
                    == (key.scenario, system, key.metric) =>
            {
                Some(*ratio)
            }
            _ => None,
        })
    }

    fn cell(&self, key: Key<'_>, system: &str) -> String {
        let figure = self.figures().find(|(at, by, _)| *at == key && *by == system);
        match (figure, self.ratio(key, system)) {
            (None, _) => String::new(),
            (Some((_, _, figure)), None) => number(figure),
            (Some((_, _, figure)), Some(ratio)) => format!("{} ({ratio:.2})", number(figure)),
        }
    }
}

/// Three digits that count, or all before the point.
fn number(figure: f64) -> String {
    match figure {
        figure if figure >= 100.0 => format!("{figure:.0}"),
        figure if figure >= 10.0 => format!("{figure:.1}"),
        figure => format!("{figure:.2}"),
    }
}

fn line(f: &mut fmt::Formatter<'_>, key: Key<'_>, cells: impl Iterator<Item = String>) -> fmt::Result {
    let mut line = format!("{:<12} {:<10} {:<6}", key.scenario, key.metric, key.unit);
    for cell in cells {
        line.push_str(&format!(" {cell:>18}"));
    }
    writeln!(f, "{}", line.trim_end())
}

/// Without what has been seen before; the order stays.
fn distinct<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for one in all {
        if !seen.contains(&one) {
            seen.push(one);
        }
    }
    seen
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.0.machine)?;
        for (system, version) in &self.0.versions {
            writeln!(f, "{system}: {version}")?;
        }
        // Some take part in a few scenarios only; the order is the same always.
        let taking_part = distinct(self.figures().map(|(_, system, _)| system));
        let all = System::value_variants().iter().map(|system| system.name());
        let systems: Vec<&str> = all.filter(|system| taking_part.contains(system)).collect();
        writeln!(f)?;
        let head = Key { scenario: "scenario", metric: "metric", unit: "unit" };
        line(f, head, systems.iter().map(|system| (*system).to_owned()))?;
        for key in distinct(self.figures().map(|(key, _, _)| key)) {
            line(f, key, systems.iter().map(|system| self.cell(key, system)))?;
        }
        writeln!(f, "\nMedians over rounds; in parentheses: statehouse divided by it.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn figures_and_ratios_stand_side_by_side() {
        let mut report = Report { machine: "1 x test".to_owned(), ..Report::default() };
        report.versions.insert("etcd".to_owned(), "3".to_owned());
        report.figure("write-1", "etcd", "p50_us", "us", &[242.0]);
        report.figure("write-1", "statehouse", "p50_us", "us", &[50.0, 60.5, 70.0]);
        report.figure("recovery", "statehouse", "seconds", "s", &[6.123]);
        report.ratio("write-1", "etcd", "p50_us", 0.25);
        expect![[r#"
            1 x test
            etcd: 3

            scenario     metric     unit           statehouse               etcd
            write-1      p50_us     us                   60.5         242 (0.25)
            recovery     seconds    s                    6.12

            Medians over rounds; in parentheses: statehouse divided by it.
        "#]]
        .assert_eq(&Table(&report).to_string());
    }
}
