//! What the users of one table did and saw in a round, written down as it
//! happens.

use super::ask::Answer;
use super::content;
use super::tally::Tally;
use model::layout::point;
use model::{Epoch, Key};
use proto::control::Partition;
use proto::convert::epoch_from_wire;
use std::time::Duration;
use verify::history::{Call, OpId, Outcome, Recorder};

/// Shared by all users of a table.
#[derive(Debug, Default)]
pub struct Notes {
    recorder: Recorder,
    /// Which round: its keys are of nobody else.
    pub round: u64,
    next_value: u64,
    homes: Vec<Home>,
    strange: Vec<String>,
    tally: Tally,
}

/// A partition: its lowest point, and under whom it was last.
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
            let homes = self.homes.iter_mut().filter(|home| home.partition == partition);
            homes.for_each(|home| home.epoch = home.epoch.max(epoch));
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

    /// Who holds a key, and under whom. It stays there for the life of the table.
    pub fn place(&self, key: u32) -> Option<(u64, Epoch)> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proto::control::Range;
    use verify::history::Row;

    fn partition(id: u64, start: &[u8]) -> Partition {
        let range = Range { start: start.to_vec().into(), ..Range::default() };
        let epoch = Some(proto::convert::epoch_to_wire(Epoch::FIRST));
        Partition { id, range: Some(range), epoch, ..Partition::default() }
    }

    fn notes() -> Notes {
        let mut notes = Notes::default();
        notes.know(&[partition(2, &(u64::MAX / 2).to_be_bytes()), partition(1, b"")]);
        notes
    }

    #[test]
    fn a_key_lies_where_its_point_is() {
        let notes = notes();
        for key in 0..100 {
            let point = point(&Key::new(content::key(0, key)).expect("a key"));
            let expected = if point < u64::MAX / 2 { 1 } else { 2 };
            assert_eq!(notes.place(key), Some((expected, Epoch::FIRST)), "{key}");
        }
        assert_eq!(Notes::default().place(0), None);
    }

    #[test]
    fn answers_become_outcomes_and_a_round_forgets_them() {
        let mut notes = notes();
        let (partition, epoch) = notes.place(7).expect("it lies somewhere");
        let later = Epoch { term: epoch.term + 1, ..epoch };
        let row = Some(Row { revision: 3, value: 9 });
        let answers = [
            (Answer::Absent, Some(Outcome::Read { partition, epoch, applied: 0, row: None })),
            (
                Answer::Outcome(Outcome::Read { partition, epoch: later, applied: 3, row }),
                Some(Outcome::Read { partition, epoch: later, applied: 3, row }),
            ),
            (Answer::Absent, Some(Outcome::Read { partition, epoch: later, applied: 0, row: None })),
            (Answer::Strange(b"what?".to_vec().into()), Some(Outcome::Refused)),
            (Answer::Failed(2201, Outcome::Refused), Some(Outcome::Refused)),
            (Answer::Failed(2203, Outcome::Unknown), None),
        ];
        for (answer, expected) in answers {
            let id = notes.begin(0, &[(7, Call::Get)])[0];
            notes.end(id, (7, Call::Get), answer, Duration::ZERO);
            let op = notes.recorder.ops().last().expect("the one that was begun");
            assert_eq!(op.ended.is_some().then_some(op.outcome), expected);
        }
        let written = notes.turn();
        assert_eq!((written.strange.len(), written.tally.all(), notes.round), (1, 6, 1));
        assert!(notes.tally().refusals.is_empty() && notes.recorder.ops().is_empty());
    }
}
