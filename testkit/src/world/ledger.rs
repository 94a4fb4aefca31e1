//! What users did and saw, written down for the checkers.

use super::trace;
use super::wire::Answer;
use super::witness::Applied;
use crate::world::user::key_bytes;
use model::{Epoch, Key, KeyRange, PartitionId, layout};
use std::collections::BTreeMap;
use verify::history::{Call, OpId, Outcome, Recorder};

/// Shared by all users of a world.
pub struct Ledger {
    recorder: Recorder,
    applied: Applied,
    next_value: u64,
    /// Who holds each key, as answers have said.
    places: BTreeMap<u32, (u64, Epoch)>,
    /// The latest that was heard of, by partition.
    epochs: BTreeMap<u64, Epoch>,
    strange: Vec<String>,
    counts: Counts,
}

/// How many operations ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Writes that took effect.
    pub written: u64,
    /// Reads that were answered.
    pub read: u64,
    /// Operations that certainly did nothing.
    pub refused: u64,
    /// Writes of unknown outcome.
    pub unknown: u64,
}

impl Ledger {
    /// Nothing has happened.
    pub fn new(applied: Applied) -> Ledger {
        Ledger {
            recorder: Recorder::new(),
            applied,
            next_value: 1,
            places: BTreeMap::new(),
            epochs: BTreeMap::new(),
            strange: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// A node says who holds which key. It stays so for the life of the table.
    pub fn know(&mut self, key: u32, partition: PartitionId, epoch: Epoch) {
        self.places.entry(key).or_insert((partition.0, epoch));
    }

    /// The same for all keys of a range of points, of so many.
    pub fn know_range(&mut self, keys: u32, id: PartitionId, range: &KeyRange, epoch: Epoch) {
        for key in 0..keys {
            let point = Key::new(key_bytes(key)).map(|key| layout::point(&key).to_be_bytes());
            if point.is_ok_and(|point| range.contains(&point)) {
                self.know(key, id, epoch);
            }
        }
    }

    /// Something that should not be.
    pub fn find_strange(&mut self, what: String) {
        self.strange.push(what);
    }

    /// A value that nobody has written.
    pub fn new_value(&mut self) -> u64 {
        self.next_value += 1;
        self.next_value - 1
    }

    /// Who holds a key, if that is known.
    pub fn partition_of(&self, key: u32) -> Option<PartitionId> {
        self.places.get(&key).map(|(partition, _)| PartitionId(*partition))
    }

    /// The epoch under which a key was last served, if that is known.
    pub fn epoch_of(&self, key: u32) -> Option<Epoch> {
        self.places.get(&key).map(|(_, epoch)| *epoch)
    }

    /// A user is about to ask.
    pub fn begin(&mut self, user: u32, items: &[(u32, Call)], expected: Option<Epoch>) -> Vec<OpId> {
        let ids = match items {
            [(key, call)] => vec![self.recorder.begin(user, *key, *call)],
            several => self.recorder.begin_batch(user, several),
        };
        if let Some(epoch) = expected {
            ids.iter().for_each(|id| self.recorder.expect_epoch(*id, epoch));
        }
        ids
    }

    /// A user has an answer, or knows that none will come.
    pub fn end(&mut self, id: OpId, key: u32, answer: Answer) {
        let outcome = match answer {
            Answer::Outcome(outcome) => outcome,
            Answer::Absent => self.absent(key).unwrap_or(Outcome::Refused),
            Answer::Strange(content) => {
                self.strange.push(format!("op {id}: key {key} holds {content:?}, which nobody wrote"));
                Outcome::Refused
            }
        };
        trace::here(format_args!("op {id} {outcome:?}"));
        let is_write = self.recorder.ops().get(id.index()).is_some_and(|op| op.call.is_write());
        match outcome {
            Outcome::Wrote { partition, epoch, index, .. } => {
                self.counts.written += 1;
                self.place(key, partition, epoch);
                self.applied.told(PartitionId(partition), index);
            }
            Outcome::Read { partition, epoch, row, .. } => {
                self.counts.read += 1;
                self.place(key, partition, epoch);
                row.iter().for_each(|row| self.applied.told(PartitionId(partition), row.revision));
                if let (Some(row), Outcome::Read { applied, .. }) = (row, outcome)
                    && row.revision > applied
                {
                    self.strange.push(format!(
                        "op {id}: the receipt {applied} does not cover revision {}",
                        row.revision
                    ));
                }
            }
            Outcome::Refused => self.counts.refused += 1,
            Outcome::Unknown => self.counts.unknown += u64::from(is_write),
        }
        // Nobody hears of what is unknown: it may take effect at any time.
        if outcome != Outcome::Unknown {
            self.recorder.end(id, outcome);
        }
    }

    fn place(&mut self, key: u32, partition: u64, epoch: Epoch) {
        self.places.insert(key, (partition, epoch));
        let latest = self.epochs.entry(partition).or_insert(epoch);
        *latest = epoch.max(*latest);
    }

    /// The answer that there is no such row, if it is known who gave it: whoever
    /// served the partition last, as far as anybody has heard.
    pub fn absent(&self, key: u32) -> Option<Outcome> {
        let (partition, epoch) = *self.places.get(&key)?;
        let epoch = self.epochs.get(&partition).copied().unwrap_or(epoch);
        Some(Outcome::Read { partition, epoch, applied: 0, row: None })
    }

    /// How many operations ended in which way so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Everything, for the checkers; and rows that nobody wrote.
    pub fn finish(&mut self) -> (Recorder, Vec<String>) {
        (std::mem::take(&mut self.recorder), std::mem::take(&mut self.strange))
    }
}
