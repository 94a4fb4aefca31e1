//! What calls return, and the way there from messages.

use crate::error::Error;
use bytes::Bytes;
use model::{Index, code};
use proto::convert::{Receipt, receipt_from_wire};
use proto::{Failure, common, data};
use std::time::{Duration, SystemTime};

/// A row was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// The index of the command: the row's revision.
    pub revision: Index,
    /// Where that stands in history, and what it is worth.
    pub receipt: Receipt,
}

/// A row was removed, or was not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removed {
    /// There was such a row.
    pub found: bool,
    /// The index of the command.
    pub revision: Index,
    /// Where that stands in history, and what it is worth.
    pub receipt: Receipt,
}

/// A row was changed as asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// False for a remove that found no such row.
    pub found: bool,
    /// The index of the command: a set row's revision.
    pub revision: Index,
    /// Where that stands in history, and what it is worth.
    pub receipt: Receipt,
}

/// A row as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The index of the command that wrote it.
    pub revision: Index,
    /// Its content: a slice of the answer, which stays while this does.
    pub value: Bytes,
    /// When it expires, by its partition's clock.
    pub expires: Option<SystemTime>,
    /// Up to where the read looked.
    pub receipt: Receipt,
}

/// Of a time on the wire.
pub(crate) fn expires(expires_ms: u64) -> Option<SystemTime> {
    let since = Some(expires_ms).filter(|ms| *ms > 0).map(Duration::from_millis);
    since.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since))
}

/// What became of each item, in the order in which they were sent.
pub(crate) fn written(answer: data::UpsertResponse) -> impl ExactSizeIterator<Item = Result<Written, Error>> {
    let data::UpsertResponse { receipts, results } = answer;
    results.into_iter().map(move |result| {
        let applied = applied(result)?;
        Ok(Written { revision: applied.revision, receipt: receipt(&receipts, applied.receipt)? })
    })
}

/// What became of each key, in the order in which they were sent.
pub(crate) fn removed(answer: data::RemoveResponse) -> impl ExactSizeIterator<Item = Result<Removed, Error>> {
    let data::RemoveResponse { receipts, results, .. } = answer;
    results.into_iter().map(move |result| {
        let applied = applied(result)?;
        let receipt = receipt(&receipts, applied.receipt)?;
        Ok(Removed { found: !applied.not_found, revision: applied.revision, receipt })
    })
}

/// What became of each change, in the order in which they were sent.
pub(crate) fn changed(answer: data::UpsertResponse) -> impl ExactSizeIterator<Item = Result<Changed, Error>> {
    let data::UpsertResponse { receipts, results } = answer;
    results.into_iter().map(move |result| change(&receipts, result))
}

/// What became of an operation; none if it never will be done.
pub(crate) fn outcome(answer: data::OutcomeResponse) -> Result<Option<Changed>, Error> {
    if !answer.known {
        return Ok(None);
    }
    let result = answer.result.ok_or_else(|| senseless("an outcome that says nothing"))?;
    change(&Vec::from_iter(answer.receipt), result).map(Some)
}

fn change(receipts: &[common::Receipt], result: data::ItemResult) -> Result<Changed, Error> {
    let applied = applied(result)?;
    let receipt = receipt(receipts, applied.receipt)?;
    Ok(Changed { found: !applied.not_found, revision: applied.revision, receipt })
}

/// What was read of each key, in the order in which they were sent.
pub(crate) fn rows(answer: data::GetResponse) -> impl ExactSizeIterator<Item = Result<Option<Row>, Error>> {
    let data::GetResponse { receipts, results } = answer;
    results.into_iter().map(move |result| match result.outcome {
        Some(data::row_result::Outcome::Row(row)) if row.found => {
            let receipt = receipt(&receipts, row.receipt)?;
            let expires = expires(row.expires_ms);
            Ok(Some(Row { revision: row.revision, value: row.value, expires, receipt }))
        }
        Some(data::row_result::Outcome::Row(_)) => Ok(None),
        Some(data::row_result::Outcome::Error(error)) => Err(error.into()),
        None => Err(senseless("an item without an outcome")),
    })
}

/// The one answer to a request of one item.
pub(crate) fn only<T>(mut answers: impl ExactSizeIterator<Item = Result<T, Error>>) -> Result<T, Error> {
    match (answers.len(), answers.next()) {
        (1, Some(answer)) => answer,
        (count, _) => Err(senseless(&format!("{count} answers to one item"))),
    }
}

/// As many answers as there were items, or none that could be mistaken for
/// that of another.
pub(crate) fn all<T>(
    answers: impl ExactSizeIterator<Item = Result<T, Error>>,
    items: usize,
) -> Result<Vec<Result<T, Error>>, Error> {
    if answers.len() == items {
        Ok(answers.collect())
    } else {
        Err(senseless(&format!("{} answers to {items} items", answers.len())))
    }
}

/// The same for a write under one name. Where the client's id is refused with
/// all items, or it is not known what became of one, the whole is to be sent
/// again: what is done is answered as it was.
pub(crate) fn all_or_again<T>(
    answers: impl ExactSizeIterator<Item = Result<T, Error>>,
    items: usize,
) -> Result<Vec<Result<T, Error>>, Error> {
    let mut results = all(answers, items)?;
    let is = |result: &Result<T, Error>, of: fn(&Error) -> bool| result.as_ref().is_err_and(of);
    let unknown = results.iter().position(|one| is(one, |error| error.is(code::UNKNOWN_OUTCOME)));
    let refused = results.iter().all(|one| is(one, Error::refuses_client)).then_some(0);
    match unknown.or(refused).filter(|at| *at < results.len()).map(|at| results.swap_remove(at)) {
        Some(Err(error)) => Err(error),
        _ => Ok(results),
    }
}

/// The server said what makes no sense: what it did is not known.
pub(crate) fn senseless(what: &str) -> Error {
    Error::new(code::UNKNOWN_OUTCOME, format!("the server's answer makes no sense: {what}"))
}

/// A question was answered as only another machine answers.
pub(crate) fn asked_another_machine() -> Error {
    Error::new(code::OTHER_MACHINE, "the table's machine is another")
}

/// The server said what only another machine says.
pub(crate) fn of_another_machine() -> Error {
    senseless("it is in the words of another machine")
}

fn applied(result: data::ItemResult) -> Result<data::Applied, Error> {
    match result.outcome {
        Some(data::item_result::Outcome::Applied(applied)) => Ok(applied),
        Some(data::item_result::Outcome::Error(error)) => Err(error.into()),
        None => Err(senseless("an item without an outcome")),
    }
}

pub(crate) fn receipt(receipts: &[common::Receipt], at: u32) -> Result<Receipt, Error> {
    let receipt = receipts.get(at as usize).ok_or_else(|| senseless("a receipt is missing"))?;
    receipt_from_wire(receipt).map_err(|Failure { message, .. }| senseless(&message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use data::item_result::Outcome;

    fn receipts(durability: i32) -> Vec<common::Receipt> {
        vec![common::Receipt { partition: 3, index: 9, durability, ..Default::default() }]
    }

    fn upsert(durability: i32, outcomes: Vec<Option<Outcome>>) -> data::UpsertResponse {
        let results = outcomes.into_iter().map(|outcome| data::ItemResult { outcome }).collect();
        data::UpsertResponse { receipts: receipts(durability), results }
    }

    fn at(receipt: u32) -> Option<Outcome> {
        Some(Outcome::Applied(data::Applied { receipt, revision: 8, not_found: false }))
    }

    #[test]
    fn an_answer_that_makes_no_sense_is_an_unknown_outcome() {
        let rows = [
            (upsert(3, vec![at(0)]), None),
            (upsert(3, vec![at(1)]), Some("a receipt is missing")),
            (upsert(0, vec![at(0)]), Some("without durability")),
            (upsert(99, vec![at(0)]), Some("durability 99")),
            (upsert(3, vec![None]), Some("without an outcome")),
            (upsert(3, vec![]), Some("0 answers to one item")),
            (upsert(3, vec![at(0), at(0)]), Some("2 answers to one item")),
        ];
        for (answer, expected) in rows {
            let found = only(written(answer.clone()));
            match expected {
                None => assert_eq!(found.map(|written| written.revision), Ok(8)),
                Some(why) => {
                    let error = found.expect_err(why);
                    assert!(error.is(code::UNKNOWN_OUTCOME) && error.message().contains(why), "{error}");
                }
            }
        }
        assert!(all(written(upsert(3, vec![at(0), at(0)])), 3).is_err());
    }

    #[test]
    fn an_error_in_an_items_place_is_that_items() {
        let refused = Failure::new(code::OVERLOADED, "full").to_wire();
        let answer = upsert(3, vec![at(0), Some(Outcome::Error(refused))]);
        let found = all(written(answer), 2).expect("two answers");
        assert!(found[0].is_ok());
        assert!(found[1].as_ref().is_err_and(|error| error.is(code::OVERLOADED) && error.is_retryable()));
    }
}
