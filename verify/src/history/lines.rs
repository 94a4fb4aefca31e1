//! A history as lines of JSON, one operation a line, so that it can be kept
//! and judged again. The names of the fields do not change.

use super::op::{Call, Op, Outcome, Row};
use super::{Epoch, History, Malformed};
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, Write};
use thiserror::Error;

/// Why lines are no history.
#[derive(Debug, Error)]
pub enum Unreadable {
    /// They could not be had.
    #[error("the lines cannot be read: {0}")]
    Io(#[from] io::Error),
    /// A line is no operation. Lines count from 1.
    #[error("line {line} is no operation: {what}")]
    Line {
        /// Which.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// Each line is an operation, and together they are no history.
    #[error("the lines are no history: {0}")]
    Malformed(#[from] Malformed),
}

/// A line: every operation is flat, and what does not apply is left out.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Line {
    user: u32,
    key: u32,
    call: Verb,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<u64>,
    begun: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    batch: Option<u64>,
    /// Generation and term.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected_epoch: Option<(u64, u64)>,
    outcome: Answer,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    partition: Option<u64>,
    /// Generation and term.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    epoch: Option<(u64, u64)>,
    /// Of a write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
    /// Of a write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    found: Option<bool>,
    /// Of a read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    applied: Option<u64>,
    /// Of a read that found a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    row: Option<Seen>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verb {
    Put,
    Remove,
    #[default]
    Get,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Wrote,
    Read,
    Refused,
    #[default]
    Unknown,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    revision: u64,
    value: u64,
}

impl History {
    /// Writes one line for each operation.
    pub fn write_lines(&self, to: &mut impl Write) -> io::Result<()> {
        for op in &self.ops {
            serde_json::to_writer(&mut *to, &Line::of(op))?;
            to.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Reads what `write_lines` has written. Empty lines are passed over.
    pub fn read_lines(from: impl BufRead) -> Result<History, Unreadable> {
        let mut ops = Vec::new();
        for (at, text) in from.lines().enumerate() {
            let text = text?;
            if text.trim().is_empty() {
                continue;
            }
            let bad = |what: String| Unreadable::Line { line: at + 1, what };
            let line: Line = serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
            ops.push(line.op().map_err(|missing| bad(format!("`{missing}` is missing")))?);
        }
        Ok(History::new(ops)?)
    }
}

impl Line {
    fn of(op: &Op) -> Line {
        let (call, value) = match op.call {
            Call::Put { value } => (Verb::Put, Some(value)),
            Call::Remove => (Verb::Remove, None),
            Call::Get => (Verb::Get, None),
        };
        let line = Line {
            user: op.user,
            key: op.key,
            call,
            value,
            begun: op.begun,
            ended: op.ended,
            batch: op.batch,
            expected_epoch: op.expected_epoch.map(pair),
            ..Line::default()
        };
        line.answered(&op.outcome)
    }

    fn answered(self, outcome: &Outcome) -> Line {
        match *outcome {
            Outcome::Wrote { partition, epoch, index, found } => Line {
                outcome: Answer::Wrote,
                partition: Some(partition),
                epoch: Some(pair(epoch)),
                index: Some(index),
                found: Some(found),
                ..self
            },
            Outcome::Read { partition, epoch, applied, row } => Line {
                outcome: Answer::Read,
                partition: Some(partition),
                epoch: Some(pair(epoch)),
                applied: Some(applied),
                row: row.map(|Row { revision, value }| Seen { revision, value }),
                ..self
            },
            Outcome::Refused => Line { outcome: Answer::Refused, ..self },
            Outcome::Unknown => Line { outcome: Answer::Unknown, ..self },
        }
    }

    /// The operation, or the name of a field that it lacks.
    fn op(&self) -> Result<Op, &'static str> {
        let call = match self.call {
            Verb::Put => Call::Put { value: self.value.ok_or("value")? },
            Verb::Remove => Call::Remove,
            Verb::Get => Call::Get,
        };
        Ok(Op {
            user: self.user,
            key: self.key,
            call,
            begun: self.begun,
            ended: self.ended,
            outcome: self.outcome()?,
            batch: self.batch,
            expected_epoch: self.expected_epoch.map(epoch),
        })
    }

    fn outcome(&self) -> Result<Outcome, &'static str> {
        let partition = self.partition.ok_or("partition");
        let under = self.epoch.map(epoch).ok_or("epoch");
        Ok(match self.outcome {
            Answer::Wrote => Outcome::Wrote {
                partition: partition?,
                epoch: under?,
                index: self.index.ok_or("index")?,
                found: self.found.ok_or("found")?,
            },
            Answer::Read => Outcome::Read {
                partition: partition?,
                epoch: under?,
                applied: self.applied.ok_or("applied")?,
                row: self.row.map(|Seen { revision, value }| Row { revision, value }),
            },
            Answer::Refused => Outcome::Refused,
            Answer::Unknown => Outcome::Unknown,
        })
    }
}

fn pair(epoch: Epoch) -> (u64, u64) {
    (epoch.generation, epoch.term)
}

fn epoch((generation, term): (u64, u64)) -> Epoch {
    Epoch { generation, term }
}
