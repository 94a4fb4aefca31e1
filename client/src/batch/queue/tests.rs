//! The queue on its own: every call is told once, whatever happens.

use super::*;
use crate::ops::Operations;
use crate::runtime;
use env::Rng;
use env::rng::Stream;
use model::code;
use proto::common::Receipt;
use proto::data::{
    Applied, GetResponse, ItemResult, RemoveResponse, Row as WireRow, RowResult, UpsertResponse, item_result,
    row_result,
};
use std::sync::Arc;
use std::time::Duration;

const BOUNDS: Bounds = Bounds { items: 3, bytes: 100 };

fn later(ms: u64) -> Instant {
    // Any reading will do: the queue has no clock.
    thread_local!(static BEGIN: Instant = runtime::now());
    BEGIN.with(|begin| *begin + Duration::from_millis(ms))
}

fn pending<Q, A>(ask: Q, bytes: usize, ms: u64) -> (Pending<Q, A>, oneshot::Receiver<Result<A, Missed>>) {
    let (reply, answer) = oneshot::channel();
    (Pending { ask, bytes, expires: later(ms), reply }, answer)
}

fn item(value: u64) -> Item {
    Item { key: Bytes::from(value.to_string()), value: Bytes::new(), ..Item::default() }
}

fn unnamed(_: usize) -> Option<Name> {
    None
}

fn error() -> Error {
    Error::new(code::INTERNAL, "told")
}

#[test]
fn messages_are_of_one_kind_and_within_bounds() {
    let mut queue = Queue::new(BOUNDS);
    let mut answers = Vec::new();
    let sizes = [10, 10, 10, 10, 95, 10, 200, 10];
    for (at, bytes) in sizes.into_iter().enumerate() {
        let (put, answer) = pending(item(at as u64), bytes, at as u64);
        queue.push(Call::Put(put));
        answers.push(answer);
    }
    let (get, _answer) = pending(Bytes::from("g"), 10, 0);
    queue.push(Call::Get(get));
    let mut freed = 0;
    let mut taken = Vec::new();
    while let Some(Taken { sequence, batch, .. }) = queue.take(&mut freed, unnamed) {
        taken.push((sequence, batch));
    }
    let puts = |range: std::ops::Range<u64>| Batch::Puts(range.map(item).collect());
    let expected = [
        (1, Batch::Gets(vec![Bytes::from("g")])),
        (2, puts(0..3)),
        (3, puts(3..4)),
        (4, puts(4..5)),
        (5, puts(5..6)),
        (6, puts(6..7)),
        (7, puts(7..8)),
    ];
    assert_eq!(taken, expected);
    assert_eq!(freed, 0);
}

#[test]
fn who_stopped_waiting_is_left_out() {
    let mut queue = Queue::new(BOUNDS);
    let (gone, answer) = pending(item(1), 1, 0);
    let (stays, _answer) = pending(item(2), 1, 0);
    queue.push(Call::Put(gone));
    queue.push(Call::Put(stays));
    drop(answer);
    let mut freed = 0;
    let taken = queue.take(&mut freed, unnamed).map(|taken| taken.batch);
    assert_eq!((taken, freed), (Some(Batch::Puts(vec![item(2)])), 1));
}

#[test]
fn an_answer_to_nobody_is_dropped() {
    let mut queue = Queue::new(BOUNDS);
    assert!(queue.settle(StreamResponse { sequence: 7, response: None }).is_none());
}

#[test]
fn an_answer_of_another_kind_is_an_unknown_outcome() {
    let mut queue = Queue::new(BOUNDS);
    let (put, mut answer) = pending(item(1), 1, 0);
    queue.push(Call::Put(put));
    let Taken { sequence, .. } = queue.take(&mut 0, unnamed).expect("a message");
    let response = Some(Response::Get(GetResponse::default()));
    let settled = queue.settle(StreamResponse { sequence, response }).expect("somebody waits");
    assert_eq!(settled.tell(), 1);
    let told = answer.try_recv().expect("told").expect_err("no sense").error;
    assert!(told.is(code::UNKNOWN_OUTCOME), "{told}");
}

#[test]
fn a_write_that_is_lost_knows_the_name_it_was_sent_under() {
    let (clock, draws) = (Arc::new(env::sim::SimClock::default()), Rng::from_seed(1).stream("ops"));
    let operations = Operations::new(clock, draws);
    let mut queue = Queue::new(BOUNDS);
    let (first, _first_told) = pending(item(1), 1, 10);
    let (second, mut second_told) = pending(item(2), 1, 10);
    let (never_sent, mut never_sent_told) = pending(item(3), 1, 10);
    queue.push(Call::Put(first));
    queue.push(Call::Put(second));
    let taken = queue.take(&mut 0, |items| Some(operations.begin(items))).expect("a message");
    queue.push(Call::Put(never_sent));
    queue.lose_sent(true, |_| error());
    queue.refuse_waiting(&error());
    let sequence = |missed: Missed| missed.name.map(|name| name.on_the_wire().0.sequence);
    let told = [&mut second_told, &mut never_sent_told]
        .map(|told| sequence(told.try_recv().expect("told").expect_err("lost")));
    let of_message = taken.name.expect("named").on_the_wire().0.sequence;
    assert_eq!(told, [Some(of_message + 1), None]);
}

#[test]
fn whose_time_is_over_is_told_in_order() {
    let mut queue = Queue::new(BOUNDS);
    let (first, mut first_told) = pending(item(1), 1, 10);
    let (second, mut second_told) = pending(Bytes::from("k"), 1, 20);
    queue.push(Call::Put(first));
    queue.take(&mut 0, unnamed).expect("sent");
    queue.push(Call::Remove(second));
    assert_eq!(queue.expires(), Some(later(10)));
    let lost = |_| Error::new(code::UNKNOWN_OUTCOME, "lost");
    let unsent = Error::new(code::DEADLINE_EXCEEDED, "unsent");
    assert_eq!(queue.expire(later(9), &unsent, lost), 0);
    assert_eq!(queue.expire(later(10), &unsent, lost), 1);
    assert!(first_told.try_recv().expect("told").is_err_and(|missed| missed.error.is(code::UNKNOWN_OUTCOME)));
    assert_eq!(queue.expires(), Some(later(20)));
    assert_eq!(queue.expire(later(30), &unsent, lost), 1);
    assert!(
        second_told.try_recv().expect("told").is_err_and(|missed| missed.error.is(code::DEADLINE_EXCEEDED))
    );
    assert_eq!(queue.expires(), None);
}

/// The right answer to a message: revision = the number that the key says.
fn answer_to(sequence: u64, batch: &Batch) -> StreamResponse {
    let receipts = || vec![Receipt { durability: 3, ..Receipt::default() }];
    let number = |key: &Bytes| String::from_utf8_lossy(key).parse().expect("a number");
    let applied = |key: &Bytes| {
        let applied = Applied { receipt: 0, revision: number(key), not_found: false };
        ItemResult { outcome: Some(item_result::Outcome::Applied(applied)) }
    };
    let row = |key: &Bytes| {
        let row =
            WireRow { receipt: 0, found: true, revision: number(key), value: Bytes::new(), expires_ms: 0 };
        RowResult { outcome: Some(row_result::Outcome::Row(row)) }
    };
    let response = match batch {
        Batch::Puts(items) => {
            let results = items.iter().map(|item| applied(&item.key)).collect();
            Response::Upsert(UpsertResponse { receipts: receipts(), results })
        }
        Batch::Removes(keys) => {
            let results = keys.iter().map(applied).collect();
            Response::Remove(RemoveResponse { receipts: receipts(), results, ..RemoveResponse::default() })
        }
        Batch::Gets(keys) => {
            Response::Get(GetResponse { receipts: receipts(), results: keys.iter().map(row).collect() })
        }
    };
    StreamResponse { sequence, response: Some(response) }
}

enum Waiter {
    Put(oneshot::Receiver<Result<Written, Missed>>),
    Remove(oneshot::Receiver<Result<Removed, Missed>>),
    Get(oneshot::Receiver<Result<Option<Row>, Missed>>),
}

impl Waiter {
    /// Told, and rightly? `None` when it was not told.
    fn told(self, number: u64) -> Option<bool> {
        let right = |revision: Option<u64>| revision == Some(number);
        Some(match self {
            Waiter::Put(mut told) => told.try_recv().ok()?.map_or(true, |told| right(Some(told.revision))),
            Waiter::Remove(mut told) => told.try_recv().ok()?.map_or(true, |told| right(Some(told.revision))),
            Waiter::Get(mut told) => {
                told.try_recv().ok()?.map_or(true, |told| right(told.map(|row| row.revision)))
            }
        })
    }
}

fn push_any(queue: &mut Queue, random: &mut Stream, number: u64) -> Waiter {
    let key = Bytes::from(number.to_string());
    let bytes = random.below(40) as usize;
    match random.below(3) {
        0 => {
            let (put, waiter) = pending(item(number), bytes, number);
            queue.push(Call::Put(put));
            Waiter::Put(waiter)
        }
        1 => {
            let (remove, waiter) = pending(key, bytes, number);
            queue.push(Call::Remove(remove));
            Waiter::Remove(waiter)
        }
        _ => {
            let (get, waiter) = pending(key, bytes, number);
            queue.push(Call::Get(get));
            Waiter::Get(waiter)
        }
    }
}

#[test]
fn every_call_is_told_once_and_what_it_asked() {
    for seed in 0..200 {
        let mut random = Rng::from_seed(seed).stream("queue");
        let mut queue = Queue::new(BOUNDS);
        let (mut waiters, mut under_way) = (Vec::new(), Vec::new());
        let mut told = 0;
        for number in 1..300 {
            match random.below(100) {
                0..50 => waiters.push((number, push_any(&mut queue, &mut random, number))),
                50..70 => under_way.extend(queue.take(&mut 0, unnamed)),
                70..95 if !under_way.is_empty() => {
                    let at = random.below(under_way.len() as u64) as usize;
                    let Taken { sequence, batch, .. } = under_way.swap_remove(at);
                    told += queue.settle(answer_to(sequence, &batch)).map_or(0, Settled::tell);
                }
                95..97 => told += queue.lose_sent(random.chance(50), |_| error()),
                97..99 => told += queue.expire(later(number / 2), &error(), |_| error()),
                _ => told += queue.refuse_waiting(&error()),
            }
        }
        told += queue.refuse_waiting(&error()) + queue.lose_sent(false, |_| error());
        assert_eq!(told, waiters.len(), "seed {seed}");
        for (number, waiter) in waiters {
            assert_eq!(waiter.told(number), Some(true), "seed {seed}, call {number}");
        }
        assert_eq!(queue.expires(), None, "seed {seed}");
    }
}
