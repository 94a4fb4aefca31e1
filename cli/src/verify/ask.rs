//! One request through the client, and what its answer means to a history.

use super::content;
use bytes::Bytes;
use client::{Error, Receipt, Row as Found, Table};
use model::code;
use proto::data::Item;
use verify::history::{Outcome, Row};

/// One request.
#[derive(Clone, Debug)]
pub enum Ask {
    /// Set rows.
    Put(Vec<(Bytes, Bytes)>),
    /// Remove rows.
    Remove(Vec<Bytes>),
    /// Read rows.
    Get(Vec<Bytes>),
}

/// What came of one item.
#[derive(Clone, Debug)]
pub enum Answer {
    /// As a history writes it down.
    Outcome(Outcome),
    /// There is no such row; the client does not say who says so.
    Absent,
    /// A row whose content no user wrote.
    Strange(Bytes),
    /// No, or no answer: the code's number, and what that means.
    Failed(u16, Outcome),
}

impl Ask {
    /// Asks: one answer for each item.
    pub async fn of(self, table: &Table) -> Vec<Answer> {
        match self {
            Ask::Put(rows) => put(table, rows).await,
            Ask::Remove(keys) => remove(table, keys).await,
            Ask::Get(keys) => get(table, keys).await,
        }
    }
}

// A single item is asked for by the call that takes one: both ways are tried.

async fn put(table: &Table, mut rows: Vec<(Bytes, Bytes)>) -> Vec<Answer> {
    let written = if rows.len() == 1
        && let Some((key, value)) = rows.pop()
    {
        vec![table.put(key, value).await]
    } else {
        table.upsert(rows.into_iter().map(|(key, value)| Item { key, value, ..Item::default() })).await
    };
    let answer = |one: client::Written| wrote(&one.receipt, one.revision, true);
    written.into_iter().map(|one| one.map_or_else(|error| failed(&error), answer)).collect()
}

async fn remove(table: &Table, mut keys: Vec<Bytes>) -> Vec<Answer> {
    let removed = if keys.len() == 1
        && let Some(key) = keys.pop()
    {
        vec![table.remove(key).await]
    } else {
        table.remove_many(keys).await
    };
    let answer = |one: client::Removed| wrote(&one.receipt, one.revision, one.found);
    removed.into_iter().map(|one| one.map_or_else(|error| failed(&error), answer)).collect()
}

async fn get(table: &Table, mut keys: Vec<Bytes>) -> Vec<Answer> {
    let rows = if keys.len() == 1
        && let Some(key) = keys.pop()
    {
        vec![table.get(key).await]
    } else {
        table.get_many(keys).await
    };
    let answer = |row: Option<Found>| row.map_or(Answer::Absent, |row| seen(&row));
    // A read that was not answered did nothing: nothing is unknown about it.
    let unread = |error: Error| Answer::Failed(error.number(), Outcome::Refused);
    rows.into_iter().map(|row| row.map_or_else(unread, answer)).collect()
}

fn wrote(receipt: &Receipt, index: u64, found: bool) -> Answer {
    Answer::Outcome(Outcome::Wrote { partition: receipt.partition.0, epoch: receipt.epoch, index, found })
}

fn seen(row: &Found) -> Answer {
    let Some(value) = content::value(&row.value) else { return Answer::Strange(row.value.clone()) };
    let (partition, epoch, applied) = (row.receipt.partition.0, row.receipt.epoch, row.receipt.index);
    let row = Some(Row { revision: row.revision, value });
    Answer::Outcome(Outcome::Read { partition, epoch, applied, row })
}

fn failed(error: &Error) -> Answer {
    let outcome = if error.is(code::UNKNOWN_OUTCOME) { Outcome::Unknown } else { Outcome::Refused };
    Answer::Failed(error.number(), outcome)
}
