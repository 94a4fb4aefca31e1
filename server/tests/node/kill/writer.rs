//! A writer: sends changes of its own keys until the node is gone, and keeps a
//! ledger of what it was told.

use super::gate::Gate;
use super::ledger::{Change, Ending, Ledger};
use super::value;
use crate::talk::{self, Data};
use bytes::Bytes;
use env::rng::Stream;
use model::code;
use proto::Failure;
use proto::common::Receipt;
use proto::data::{Item, ItemResult, RemoveRequest, UpsertRequest, item_result};
use std::sync::Arc;

const KEYS: u64 = 64;

/// What a writer does.
#[derive(Clone, Copy, Debug)]
pub enum Habit {
    /// One row at a time.
    Single,
    /// Many rows at a time, some of them twice.
    Batch,
    /// Writes rows and removes them.
    Remove,
    /// Many requests at once, on one call.
    Stream,
}

impl Habit {
    pub const ALL: [Habit; 4] = [Habit::Single, Habit::Batch, Habit::Remove, Habit::Stream];
}

/// One writer of one table.
pub struct Writer {
    pub table: &'static str,
    pub habit: Habit,
    pub ledger: Ledger,
    pub random: Stream,
}

/// A request, as any of the calls can carry it.
pub enum Request {
    Upsert(UpsertRequest),
    Remove(RemoveRequest),
}

/// What came back, if something did.
pub type Answer = Result<(Vec<Receipt>, Vec<ItemResult>), Failure>;

impl Writer {
    pub fn new(table: &'static str, habit: Habit, random: Stream) -> Writer {
        let keys = (0..KEYS).map(|number| Bytes::from(format!("{habit:?}-{number:02}")));
        Writer { table, habit, ledger: Ledger::of_keys(keys), random }
    }

    /// Writes until the node is gone.
    pub async fn run(mut self, mut client: Data, gate: Arc<Gate>) -> Writer {
        if let Habit::Stream = self.habit {
            return super::stream::run(self, client, gate).await;
        }
        loop {
            let Some(changes) = self.choose() else { return self };
            let request = self.ledger.send(&changes);
            let answer = match self.request(&changes) {
                Request::Upsert(upsert) => client.upsert(upsert).await.map(|response| {
                    let response = response.into_inner();
                    (response.receipts, response.results)
                }),
                Request::Remove(remove) => client.remove(remove).await.map(|response| {
                    let response = response.into_inner();
                    (response.receipts, response.results)
                }),
            };
            if !self.take(request, &changes, answer.map_err(Failure::from), &gate) {
                return self;
            }
        }
    }

    /// Changes of keys for which nothing is under way, if there are such keys.
    pub fn choose(&mut self) -> Option<Vec<Change>> {
        let keys = self.ledger.keys();
        let idle: Vec<Bytes> = keys.into_iter().filter(|key| self.ledger.is_idle(key)).collect();
        if idle.is_empty() {
            return None;
        }
        let removes = matches!(self.habit, Habit::Remove | Habit::Stream) && self.random.chance(40);
        let most = match self.habit {
            Habit::Single => 1,
            Habit::Batch => 16,
            Habit::Remove | Habit::Stream => 4,
        };
        let mut changes = Vec::new();
        for _ in 0..=self.random.below(most) {
            let key = idle[self.random.below(idle.len() as u64) as usize].clone();
            changes.push(match removes {
                true => Change { key, version: None },
                false => self.ledger.upsert(key),
            });
        }
        if removes {
            // A second removal finds nothing: kept simple, because nobody could
            // tell one answer from the other.
            changes.sort_by(|a, b| a.key.cmp(&b.key));
            changes.dedup();
        }
        Some(changes)
    }

    /// The changes as a request: all of them set rows, or all remove some.
    pub fn request(&self, changes: &[Change]) -> Request {
        let table = self.table.to_owned();
        if changes.iter().all(|change| change.version.is_none()) {
            let keys = changes.iter().map(|change| change.key.clone()).collect();
            return Request::Remove(RemoveRequest {
                header: talk::NO_HEADER,
                table,
                keys,
                ..RemoveRequest::default()
            });
        }
        let item = |change: &Change| {
            let value = value::of(&change.key, change.version.expect("none removes"));
            Item { key: change.key.clone(), value, ..Item::default() }
        };
        let items = changes.iter().map(item).collect();
        Request::Upsert(UpsertRequest { header: talk::NO_HEADER, table, items, ..UpsertRequest::default() })
    }

    /// Notes an answer. Is the node still there?
    pub fn take(&mut self, request: u64, changes: &[Change], answer: Answer, gate: &Gate) -> bool {
        let (there, endings): (bool, Vec<Ending>) = match answer {
            Ok((receipts, results)) => {
                receipts.iter().for_each(|receipt| self.ledger.reach(receipt.partition, receipt.index));
                if results.len() != changes.len() {
                    self.ledger.wrongs.push(format!("{} results for {} items", results.len(), changes.len()));
                }
                (true, results.into_iter().map(|result| self.ending(result)).collect())
            }
            Err(failure) if failure.is(code::UNKNOWN_OUTCOME) => {
                (false, vec![Ending::Unknown; changes.len()])
            }
            Err(failure) => (true, vec![self.refusal(&failure); changes.len()]),
        };
        gate.pass(endings.iter().filter(|ending| matches!(ending, Ending::Applied { .. })).count());
        let keys = changes.iter().map(|change| change.key.clone());
        self.ledger.answer(request, &keys.zip(endings).collect::<Vec<_>>());
        there
    }

    fn ending(&mut self, result: ItemResult) -> Ending {
        match result.outcome {
            Some(item_result::Outcome::Applied(applied)) => {
                Ending::Applied { revision: applied.revision, not_found: applied.not_found }
            }
            Some(item_result::Outcome::Error(error)) => self.refusal(&Failure::from_wire(error)),
            None => {
                self.ledger.wrongs.push("an item without an outcome".to_owned());
                Ending::Unknown
            }
        }
    }

    fn refusal(&mut self, failure: &Failure) -> Ending {
        if failure.is(code::UNKNOWN_OUTCOME) {
            return Ending::Unknown;
        }
        let expected = [code::OVERLOADED, code::STOPPING, code::DEADLINE_EXCEEDED];
        if !expected.iter().any(|code| failure.is(*code)) {
            self.ledger.wrongs.push(format!("refused for no reason: {failure}"));
        }
        Ending::Refused
    }
}
