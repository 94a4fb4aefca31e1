//! What the rounds came to, until they become the rows of a report.

use super::load::Measured;
use super::rows::ROW_BYTES;
use super::scenario::{Scenario, System, Work};
use crate::report::Report;

/// Figures by scenario, system and metric, in the order in which they came.
#[derive(Default)]
pub struct Figures {
    series: Vec<Series>,
}

/// One metric of one system, a figure for each round.
struct Series {
    scenario: Scenario,
    system: System,
    metric: &'static str,
    unit: &'static str,
    rounds: Vec<f64>,
}

/// A metric, its unit, its figure.
pub type Figure = (&'static str, &'static str, f64);

/// A measured interval in the metrics of its scenario.
pub fn metrics(scenario: Scenario, measured: &Measured) -> Vec<Figure> {
    let rate = ("ops_per_s", "1/s", measured.items_per_s());
    if scenario.work() == Work::WriteBatch {
        return vec![rate, ("mb_per_s", "MiB/s", mib(measured.items_per_s() * ROW_BYTES as f64))];
    }
    let p50 = ("p50_us", "us", measured.latencies.quantile_us(0.5));
    let p99 = ("p99_us", "us", measured.latencies.quantile_us(0.99));
    match scenario {
        Scenario::Write1 | Scenario::Read1 => vec![p50, p99, rate],
        _ => vec![rate, p50, p99, ("cpu_s", "s", measured.cpu_s)],
    }
}

/// Bytes in MiB.
pub fn mib(bytes: f64) -> f64 {
    bytes / f64::from(1 << 20)
}

impl Figures {
    /// Takes the figures of one system's turn.
    pub fn add(&mut self, scenario: Scenario, system: System, figures: &[Figure]) {
        for (metric, unit, figure) in figures {
            let known = |series: &&mut Series| {
                (series.scenario, series.system, series.metric) == (scenario, system, *metric)
            };
            match self.series.iter_mut().find(known) {
                Some(series) => series.rounds.push(*figure),
                None => {
                    let rounds = vec![*figure];
                    self.series.push(Series { scenario, system, metric, unit, rounds });
                }
            }
        }
    }

    /// Medians, and Statehouse, one node or three, divided by everyone else. A ratio is the median of
    /// the rounds' ratios: in one round both had the same disk.
    pub fn report(&self, report: &mut Report) {
        for series in &self.series {
            let (scenario, system) = (series.scenario.name(), series.system.name());
            report.figure(scenario, system, series.metric, series.unit, &series.rounds);
        }
        let is_ours = |series: &Series| matches!(series.system, System::Statehouse | System::Statehouse3);
        for other in self.series.iter().filter(|series| !is_ours(series)) {
            let same = |series: &&Series| {
                is_ours(series) && (series.scenario, series.metric) == (other.scenario, other.metric)
            };
            let Some(ours) = self.series.iter().find(same) else { continue };
            let mut ratios: Vec<f64> = ours.rounds.iter().zip(&other.rounds).map(|(a, b)| a / b).collect();
            // Both 0: nothing was used, and nothing can be said.
            ratios.retain(|ratio| ratio.is_finite());
            ratios.sort_by(f64::total_cmp);
            if let Some(ratio) = ratios.get(ratios.len() / 2) {
                report.ratio(other.scenario.name(), other.system.name(), other.metric, *ratio);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Row;

    #[test]
    fn ratios_are_taken_round_by_round() {
        let mut figures = Figures::default();
        // The disk is ten times faster in the second round; the medians alone
        // would say 300 / 100.
        for (ours, theirs) in [(30.0, 100.0), (300.0, 1000.0), (310.0, 10.0)] {
            figures.add(Scenario::Write1, System::Statehouse, &[("ops_per_s", "1/s", ours)]);
            figures.add(Scenario::Write1, System::Etcd, &[("ops_per_s", "1/s", theirs)]);
        }
        figures.add(Scenario::Read1, System::Etcd, &[("ops_per_s", "1/s", 5.0)]);
        let mut report = Report::default();
        figures.report(&mut report);
        let figure = |row: &Row| match row {
            Row::Figure { scenario, system, median, min, max, .. } => {
                format!("{scenario} {system} {median} ({min} to {max})")
            }
            Row::Ratio { scenario, ratio_to, ratio, .. } => format!("{scenario} / {ratio_to} {ratio}"),
        };
        let rows: Vec<String> = report.rows.iter().map(figure).collect();
        let expected = [
            "write-1 statehouse 300 (30 to 310)",
            "write-1 etcd 100 (10 to 1000)",
            "read-1 etcd 5 (5 to 5)",
            "write-1 / etcd 0.3",
        ];
        assert_eq!(rows, expected);
    }
}
