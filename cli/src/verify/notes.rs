//! What the users of one table did and saw in a round, written down as it
//! happens.

use super::ask::Answer;
use super::content;
use super::tally::Tally;
use model::layout::point;
use model::{Epoch, Key};
use proto::control::Partition;
use proto::convert::epoch_from_wire;
use std::collections::BTreeMap;
use std::time::Duration;
use verify::history::{Call, OpId, Outcome, Recorder};

/// Shared by all users of a table.
#[derive(Debug, Default)]
pub struct Notes {
    recorder: Recorder,
    /// Which round: its keys are of nobody else.
    pub round: u64,
    next_value: u64,
    /// Who holds each key of this round, as answers have said.
    places: BTreeMap<u32, (u64, Epoch)>,
    homes: Vec<Home>,
    strange: Vec<String>,
    tally: Tally,
}

/// A partition: its lowest point, and under whom it is.
#[derive(Clone, Copy, Debug)]
struct Home {
    start: u64,
    partition: u64,
    epoch: Epoch,
}

/// A round that is over, before it is judged.
#[derive(Debug)]
pub struct Written {
    /// Everything that happened.
    pub recorder: Recorder,
    /// Rows that no user wrote.
    pub strange: Vec<String>,
    /// What happened, in numbers.
    pub tally: Tally,
}

impl Notes {
    /// The partitions of the table, which is a hashed one. A client that hears
    /// of no row does not hear who says so.
    pub fn know(&mut self, partitions: &[Partition]) {
        let home = |one: &Partition| Home {
            start: start_of(one),
            partition: one.id,
            epoch: epoch_from_wire(one.epoch.unwrap_or_default()),
        };
        self.homes = partitions.iter().map(home).collect();
        self.homes.sort_unstable_by_key(|home| home.start);
    }

    /// A value that nobody has written.
    pub fn new_value(&mut self) -> u64 {
        self.next_value += 1;
        self.next_value
    }

    /// A user is about to ask.
    pub fn begin(&mut self, user: u32, items: &[(u32, Call)]) -> Vec<OpId> {
        match items {
            [(key, call)] => vec![self.recorder.begin(user, *key, *call)],
            several => self.recorder.begin_batch(user, several),
        }
    }

    /// A user has an answer, or knows that none will come.
    pub fn end(&mut self, id: OpId, (key, call): (u32, Call), answer: Answer, took: Duration) {
        let outcome = match answer {
            Answer::Outcome(outcome) => outcome,
            Answer::Absent => match self.place(key) {
                Some((partition, epoch)) => Outcome::Read { partition, epoch, applied: 0, row: None },
                None => Outcome::Refused,
            },
            Answer::Strange(bytes) => {
                self.add_strange(key, &bytes);
                Outcome::Refused
            }
            Answer::Failed(number, outcome) => {
                *self.tally.refusals.entry(number).or_default() += 1;
                outcome
            }
        };
        if let Outcome::Wrote { partition, epoch, .. } | Outcome::Read { partition, epoch, .. } = outcome {
            self.places.insert(key, (partition, epoch));
        }
        self.tally.count(call, outcome, took);
        // Nobody hears of what is unknown: it may take effect at any time.
        if outcome != Outcome::Unknown {
            self.recorder.end(id, outcome);
        }
    }

    /// A key holds what no user wrote.
    pub fn add_strange(&mut self, key: u32, bytes: &[u8]) {
        let first = &bytes[..bytes.len().min(32)];
        self.strange.push(format!("key {key} holds {} bytes that no user wrote: {first:?}", bytes.len()));
    }

    /// Who holds a key, and under whom.
    pub fn place(&self, key: u32) -> Option<(u64, Epoch)> {
        self.places.get(&key).copied().or_else(|| self.home(key))
    }

    fn home(&self, key: u32) -> Option<(u64, Epoch)> {
        let point = point(&Key::new(content::key(self.round, key)).ok()?);
        let behind = self.homes.partition_point(|home| home.start <= point);
        let home = self.homes.get(behind.checked_sub(1)?)?;
        Some((home.partition, home.epoch))
    }

    /// What has happened in this round so far, in numbers.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The round is over; the next one has begun.
    pub fn turn(&mut self) -> Written {
        self.round += 1;
        self.places.clear();
        Written {
            recorder: std::mem::take(&mut self.recorder),
            strange: std::mem::take(&mut self.strange),
            tally: std::mem::take(&mut self.tally),
        }
    }
}

/// Points are 8 bytes; the first range has no start.
fn start_of(partition: &Partition) -> u64 {
    let start = partition.range.as_ref().map(|range| &range.start[..]).unwrap_or_default();
    start.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}
