//! Findings: what the doctor concludes, each with what is safe and what to do.

mod directory;
mod log;
mod partitions;

use super::examine::Found;
use super::standing::{Standing, standings};
use crate::failure::Failure;
use model::{Code, PartitionId};
use serde::Serialize;

pub(super) use directory::flaws;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Level {
    /// As it should be, or harmless.
    Pass,
    /// Worth knowing; nothing is refused for it.
    Warn,
    /// Something is lost or will be refused.
    Fail,
}

impl Level {
    pub fn name(self) -> &'static str {
        match self {
            Level::Pass => "PASS",
            Level::Warn => "WARN",
            Level::Fail => "FAIL",
        }
    }
}

/// One conclusion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub level: Level,
    /// What kind it is; never changes, for programs.
    pub name: &'static str,
    /// The error that a server would report, if it would.
    pub code: Option<String>,
    /// Whom it is about, if it is about one partition.
    pub partition: Option<u64>,
    pub what: String,
    pub safe: String,
    pub next: String,
}

const NOTHING_TO_DO: &str = "Nothing to do.";

impl Finding {
    fn pass(name: &'static str, what: impl Into<String>, safe: &str) -> Finding {
        let (what, safe, next) = (what.into(), safe.into(), NOTHING_TO_DO.into());
        Finding { level: Level::Pass, name, code: None, partition: None, what, safe, next }
    }

    fn coded(level: Level, name: &'static str, code: Code, what: impl Into<String>) -> Finding {
        Finding {
            level,
            name,
            code: Some(code.to_string()),
            partition: None,
            what: what.into(),
            safe: code.safe.into(),
            next: code.next.into(),
        }
    }

    fn warn(name: &'static str, what: impl Into<String>, safe: &str, next: &str) -> Finding {
        let (what, safe, next) = (what.into(), safe.into(), next.into());
        Finding { level: Level::Warn, name, code: None, partition: None, what, safe, next }
    }

    fn failed(name: &'static str, failure: &Failure) -> Finding {
        Finding::coded(Level::Fail, name, failure.code, failure.what.clone())
    }

    fn about(self, partition: PartitionId) -> Finding {
        Finding { partition: Some(partition.0), ..self }
    }

    fn but_next(self, next: impl Into<String>) -> Finding {
        Finding { next: next.into(), ..self }
    }
}

/// A number of things in words; `one` is what one of them is called.
fn some(count: u64, one: &str) -> String {
    match (count, one) {
        (1, one) => format!("1 {one}"),
        (count, "batch") => format!("{count} batches"),
        (count, one) => format!("{count} {one}s"),
    }
}

/// Where each partition stands, as far as the log could be judged.
pub(super) fn standings_of(found: &Found) -> Vec<Standing> {
    let Some(log) = &found.log else { return Vec::new() };
    let damages = log.survey.as_ref().map(wal::inspect::outstanding).unwrap_or_default();
    standings(&found.stores.held, &log.climbs, &damages)
}

/// Everything that can be concluded, in the order of the path of a start:
/// directory, log, stores and partitions.
pub(super) fn findings(found: &Found, standings: &[Standing]) -> Vec<Finding> {
    let mut all = directory::findings(found);
    all.extend(log::findings(found));
    all.extend(partitions::findings(found, standings));
    all
}
