//! A user: asks for whatever its draws say, waits for the answer, asks again.

use super::ask::{Answer, Ask};
use super::content;
use super::crowd::Shared;
use super::rim;
use client::Table;
use env::rng::Stream;
use std::sync::Arc;
use std::time::Duration;
use verify::history::Call;

/// Who is told that nobody is there asks again after so long.
const AFTER_REFUSAL: Duration = Duration::from_millis(10);
/// Of a hundred requests.
const READS_PERCENT: u64 = 45;
/// Of a hundred requests that write.
const REMOVES_PERCENT: u64 = 25;
/// Of a hundred requests: those of several items.
const BATCHES_PERCENT: u64 = 25;
const BATCH_ITEMS_MAX: u64 = 6;
/// Most values are small, some are not.
const VALUE_BYTES: u64 = 200;
const LARGE_VALUE_BYTES: u64 = 8 << 10;
const LARGE_PERCENT: u64 = 5;

/// Works until the crowd is dropped.
pub(super) async fn work(shared: Arc<Shared>, user: u32, mut draws: Stream) {
    let mut tables = shared.tables.subscribe();
    while tables.wait_for(Option::is_some).await.is_ok() {
        // Held while a request is under way: whoever holds all of it knows that
        // none is.
        let gate = shared.gate.read().await;
        let served = tables.borrow().clone();
        let refused = match served {
            Some(table) => Box::pin(one(&shared, user, &table, &mut draws)).await,
            None => false,
        };
        drop(gate);
        if refused {
            rim::pause(AFTER_REFUSAL).await;
        }
    }
}

/// One request; was it refused?
async fn one(shared: &Shared, user: u32, table: &Table, draws: &mut Stream) -> bool {
    let (items, ask) = draw(shared, draws);
    let ids = shared.notes().begin(user, &items);
    let began = rim::now();
    let answers = Box::pin(ask.of(table)).await;
    let took = rim::now() - began;
    let refused = matches!(answers.first(), Some(Answer::Failed(..)));
    let mut notes = shared.notes();
    for ((id, item), answer) in ids.into_iter().zip(items).zip(answers) {
        notes.end(id, item, answer, took);
    }
    refused
}

fn draw(shared: &Shared, draws: &mut Stream) -> (Vec<(u32, Call)>, Ask) {
    let batch = draws.chance(BATCHES_PERCENT);
    let count = if batch { 2 + draws.below(BATCH_ITEMS_MAX - 1) } else { 1 };
    let mut keys: Vec<u32> = (0..count).map(|_| draws.below(shared.keys.into()) as u32).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut notes = shared.notes();
    let round = notes.round;
    let bytes = keys.iter().map(|key| content::key(round, *key));
    if draws.chance(READS_PERCENT) {
        let ask = Ask::Get(bytes.collect());
        return (keys.iter().map(|key| (*key, Call::Get)).collect(), ask);
    }
    if draws.chance(REMOVES_PERCENT) {
        let ask = Ask::Remove(bytes.collect());
        return (keys.iter().map(|key| (*key, Call::Remove)).collect(), ask);
    }
    let values: Vec<u64> = keys.iter().map(|_| notes.new_value()).collect();
    let contents = values.iter().map(|value| content::of(*value, size(draws)));
    let ask = Ask::Put(bytes.zip(contents.collect::<Vec<_>>()).collect());
    (keys.iter().zip(values).map(|(key, value)| (*key, Call::Put { value })).collect(), ask)
}

fn size(draws: &mut Stream) -> usize {
    let most = if draws.chance(LARGE_PERCENT) { LARGE_VALUE_BYTES } else { VALUE_BYTES };
    draws.below(most) as usize
}
