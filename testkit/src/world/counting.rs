//! A user who adds to counters while everything goes wrong: at the end each sum is
//! what was acknowledged, and whatever of unknown outcome took effect.

use super::clients::grpc;
use super::knobs::Knobs;
use super::pause;
use super::user::Crowd;

use client::{Counter, Error, Limits};
use env::rng::Stream;
use model::code;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// The table.
pub const SUMS: &str = "sums";
const KEYS: u64 = 3;
/// Enough for the slowest disk.
const LAST_LOOK: Duration = Duration::from_secs(100);
const TRIES: u32 = 100;
const BETWEEN: Duration = Duration::from_millis(200);

/// What is known of one counter.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    sum: i64,
    more: i64,
    less: i64,
    /// What it came to at the end.
    found: Option<i64>,
}

/// What is known of all of them.
#[derive(Default)]
pub struct Books {
    known: BTreeMap<u64, Known>,
    strange: Vec<String>,
    /// All have been looked at.
    pub closed: bool,
}

impl Books {
    /// What does not add up, in words.
    pub fn violations(&self) -> Vec<String> {
        let mut violations = self.strange.clone();
        for (key, Known { sum, more, less, found }) in &self.known {
            let Some(found) = found else { continue };
            if !(sum - less..=sum + more).contains(found) {
                violations.push(format!(
                    "conservation: counter {key} is {found}; {sum} is acknowledged, -{less} to {more} unknown"
                ));
            }
        }
        violations
    }
}

/// The host's program.
pub async fn run(crowd: Rc<Crowd>, books: Rc<RefCell<Books>>) -> turmoil::Result {
    let mut draws = crowd.rng.stream("counting");
    let knobs: &Knobs = &crowd.knobs;
    let patience = Duration::from_millis(knobs.patience_ms);
    let client = grpc(&crowd.node, patience, true, draws.next_u64()).map_err(|error| error.to_string())?;
    let counters = client.counter(SUMS);
    while !crowd.rests.get() {
        pause(Duration::from_millis(1 + draws.below(knobs.think_ms * 2 + 1))).await;
        one(&counters, &mut draws, &books).await;
    }
    let last = grpc(&crowd.node, LAST_LOOK, true, draws.next_u64()).map_err(|error| error.to_string())?;
    look(&last.counter(SUMS), &books).await;
    books.borrow_mut().closed = true;
    std::future::pending().await
}

async fn one(counters: &Counter, draws: &mut Stream, books: &RefCell<Books>) {
    let (key, amount) = (draws.below(KEYS), 1 + draws.below(9) as i64);
    let amount = if draws.chance(30) { -amount } else { amount };
    let added = counters.add_within(format!("sum-{key}"), amount, Limits::least(0)).await;
    let mut books = books.borrow_mut();
    let known = books.known.entry(key).or_default();
    match added {
        Ok(counted) => {
            known.sum += amount;
            if counted.value < 0 {
                books
                    .strange
                    .push(format!("conservation: counter {key} is {}, below its limit", counted.value));
            }
        }
        Err(error) if error.is(code::UNKNOWN_OUTCOME) => {
            known.more += amount.max(0);
            known.less += (-amount).max(0);
        }
        Err(_) => {}
    }
}

/// When all is well again.
async fn look(counters: &Counter, books: &RefCell<Books>) {
    for key in 0..KEYS {
        for _ in 0..TRIES {
            let counted: Result<_, Error> = counters.get(format!("sum-{key}")).await;
            if let Ok(counted) = counted {
                books.borrow_mut().known.entry(key).or_default().found = Some(counted.value);
                break;
            }
            pause(BETWEEN).await;
        }
    }
}
