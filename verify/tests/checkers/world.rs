//! A table that keeps its word, under users whose requests overlap, are
//! refused, get lost on their way or lose their answers: it makes histories
//! that are valid by construction.

use env::Rng;
use env::rng::Stream;
use std::collections::BTreeMap;
use verify::check::{End, FinalRow, Last};
use verify::history::{Call, Epoch, History, OpId, Outcome, Recorder, Row};

/// How large a history is, and what is in it. Chances are of a hundred.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub ops: usize,
    pub keys: u64,
    pub partitions: u64,
    /// Requests under way at once.
    pub flights: usize,
    pub reads: u64,
    pub removes: u64,
    pub batches: u64,
    /// Of requests whose answer is lost, before or after they took effect.
    pub unknown: u64,
    pub refused: u64,
    /// Unknown removes as well, not unknown puts alone.
    pub unknown_removes: bool,
}

pub const MIXED: Shape = Shape {
    ops: 120,
    keys: 4,
    partitions: 2,
    flights: 5,
    reads: 40,
    removes: 15,
    batches: 20,
    unknown: 12,
    refused: 5,
    unknown_removes: true,
};

/// A request, or the part of it that lies in one partition.
struct Flight {
    items: Vec<(OpId, u32, Call)>,
    partition: u64,
    expected: Option<Epoch>,
    stage: Stage,
    /// The user has given up waiting.
    abandoned: bool,
}

#[derive(Clone)]
enum Stage {
    Sent,
    /// A read has looked up epoch and applied index, and not the rows yet.
    Looked(Epoch, u64),
    Done(Vec<Outcome>),
}

struct Partition {
    epoch: Epoch,
    last: u64,
    own: u64,
}

struct World {
    shape: Shape,
    dice: Stream,
    recorder: Recorder,
    partitions: BTreeMap<u64, Partition>,
    rows: BTreeMap<u32, Row>,
    flights: Vec<Flight>,
    begun: usize,
    value: u64,
}

/// A valid history and its end.
pub fn valid(seed: u64, shape: Shape) -> (History, End) {
    let partition = || Partition { epoch: Epoch::FIRST, last: 0, own: 0 };
    let mut world = World {
        shape,
        dice: Rng::from_seed(seed).stream("world"),
        recorder: Recorder::new(),
        partitions: (1..=shape.partitions).map(|id| (id, partition())).collect(),
        rows: BTreeMap::new(),
        flights: Vec::new(),
        begun: 0,
        value: 100,
    };
    while world.begun < shape.ops || !world.flights.is_empty() {
        world.step();
    }
    let end = world.end();
    (world.recorder.finish().expect("the world records well"), end)
}

impl World {
    fn step(&mut self) {
        let may_begin = self.begun < self.shape.ops && self.flights.len() < self.shape.flights;
        if self.flights.is_empty() || (may_begin && self.dice.chance(40)) {
            return self.begin();
        }
        if self.dice.chance(3) {
            self.disturb();
        }
        let at = self.dice.below(self.flights.len() as u64) as usize;
        if self.advance(at) {
            self.flights.swap_remove(at);
        }
    }

    /// The partition moves by itself.
    fn disturb(&mut self) {
        let id = 1 + self.dice.below(self.shape.partitions);
        let is_election = self.dice.chance(50);
        let partition = self.partitions.get_mut(&id).expect("a partition");
        if is_election {
            partition.epoch.term += 1;
        } else {
            partition.last += 1;
            partition.own += 1;
        }
    }

    fn begin(&mut self) {
        let user = self.dice.below(6) as u32;
        let is_read = self.dice.chance(self.shape.reads);
        let count = if self.dice.chance(self.shape.batches) { 2 + self.dice.below(3) } else { 1 };
        let items: Vec<(u32, Call)> = (0..count).map(|_| self.item(is_read)).collect();
        let ids = match items[..] {
            [(key, call)] => vec![self.recorder.begin(user, key, call)],
            _ => self.recorder.begin_batch(user, &items),
        };
        self.begun += items.len();
        let mut parts: BTreeMap<u64, Vec<(OpId, u32, Call)>> = BTreeMap::new();
        for (id, (key, call)) in ids.into_iter().zip(items) {
            parts.entry(1 + u64::from(key) % self.shape.partitions).or_default().push((id, key, call));
        }
        for (partition, items) in parts {
            let expected = self.dice.chance(10).then(|| self.partitions[&partition].epoch);
            for (id, ..) in items.iter().filter(|_| expected.is_some()) {
                self.recorder.expect_epoch(*id, expected.expect("an epoch"));
            }
            self.flights.push(Flight { items, partition, expected, stage: Stage::Sent, abandoned: false });
        }
    }

    fn item(&mut self, is_read: bool) -> (u32, Call) {
        let key = self.dice.below(self.shape.keys) as u32;
        let call = if is_read {
            Call::Get
        } else if self.dice.chance(self.shape.removes * 100 / (100 - self.shape.reads)) {
            Call::Remove
        } else {
            self.value += 1;
            Call::Put { value: self.value }
        };
        (key, call)
    }

    /// Moves a request along. True: it is over.
    fn advance(&mut self, at: usize) -> bool {
        self.give_up(at);
        let Flight { partition, expected, abandoned, .. } = self.flights[at];
        let epoch = self.partitions[&partition].epoch;
        let stage = match self.flights[at].stage.clone() {
            // Nobody waits, and it never arrives.
            Stage::Sent if abandoned && self.dice.chance(40) => return true,
            Stage::Sent => {
                let is_refused = expected.is_some_and(|expected| expected != epoch)
                    || (!abandoned && self.dice.chance(self.shape.refused));
                self.arrive(at, is_refused)
            }
            Stage::Looked(epoch, applied) => self.read(at, epoch, applied),
            Stage::Done(outcomes) => {
                self.answer(at, &outcomes);
                return true;
            }
        };
        self.flights[at].stage = stage;
        false
    }

    /// The user may stop waiting at any stage; sometimes he is told so.
    fn give_up(&mut self, at: usize) {
        let has_remove = self.flights[at].items.iter().any(|(_, _, call)| *call == Call::Remove);
        let may = !self.flights[at].abandoned && (self.shape.unknown_removes || !has_remove);
        if !(may && self.dice.chance(self.shape.unknown / 2)) {
            return;
        }
        self.flights[at].abandoned = true;
        if self.dice.chance(50) {
            for at in self.flights[at].items.iter().map(|(id, ..)| *id).collect::<Vec<_>>() {
                self.recorder.end(at, Outcome::Unknown);
            }
        }
    }

    fn arrive(&mut self, at: usize, is_refused: bool) -> Stage {
        let flight = &self.flights[at];
        if is_refused {
            return Stage::Done(vec![Outcome::Refused; flight.items.len()]);
        }
        let id = flight.partition;
        let partition = self.partitions.get_mut(&id).expect("a partition");
        if flight.items[0].2 == Call::Get {
            return Stage::Looked(partition.epoch, partition.last);
        }
        let mut outcomes = Vec::new();
        for (_, key, call) in &flight.items {
            partition.last += 1;
            let (epoch, index) = (partition.epoch, partition.last);
            let before = match call {
                Call::Put { value } => self.rows.insert(*key, Row { revision: index, value: *value }),
                _ => self.rows.remove(key),
            };
            outcomes.push(Outcome::Wrote { partition: id, epoch, index, found: before.is_some() });
        }
        Stage::Done(outcomes)
    }

    fn read(&mut self, at: usize, epoch: Epoch, applied: u64) -> Stage {
        let Flight { items, partition, .. } = &self.flights[at];
        let rows = items.iter().map(|(_, key, _)| self.rows.get(key).copied());
        let partition = *partition;
        Stage::Done(rows.map(|row| Outcome::Read { partition, epoch, applied, row }).collect())
    }

    fn answer(&mut self, at: usize, outcomes: &[Outcome]) {
        let flight = &self.flights[at];
        for ((id, ..), outcome) in flight.items.iter().zip(outcomes).filter(|_| !flight.abandoned) {
            self.recorder.end(*id, *outcome);
        }
    }

    fn end(&self) -> End {
        let place = |key: u32| 1 + u64::from(key) % self.shape.partitions;
        let row = |key| FinalRow { partition: place(key), row: self.rows.get(&key).copied() };
        End {
            last: self
                .partitions
                .iter()
                .map(|(id, partition)| (*id, Last { index: partition.last, own: partition.own }))
                .collect(),
            rows: (0..self.shape.keys as u32).map(|key| (key, row(key))).collect(),
        }
    }
}
