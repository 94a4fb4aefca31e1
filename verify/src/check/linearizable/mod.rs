//! The linearizability checker: is there an order of the calls, one that
//! respects who was over before whom, in which every answer is right?
//!
//! It does not look at an index, a revision or an epoch: only at calls, at
//! answers (a value, no row, what a remove found), and at real time. So it
//! shares no assumption with `version_order` and cannot be misled by the
//! server's numbers. Keys are independent of each other, so each is searched by
//! itself: the search of Wing and Gong with the memory that Lowe added, which
//! never looks twice at the same set of operations with the same row.
//!
//! A search can be too large. That is a verdict of its own, and no pass.

mod ahead;
mod chain;
mod failure;
mod search;
mod taken;
mod track;
mod zones;

pub use failure::Failure;

use crate::history::{History, OpId};
use search::{Found, Search};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use track::Track;

/// How many states of one key are remembered before the search gives up.
pub const STATES_MAX: usize = 2_000_000;

/// What the search says of a history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every key has an order in which all answers are right.
    Linearizable,
    /// A key has none.
    NotLinearizable(Failure),
    /// Of this key nothing can be said within the bound, and no other key was
    /// found wrong.
    TimedOut {
        /// The first such key.
        key: u32,
    },
}

/// Searches an order for every key, within [`STATES_MAX`].
pub fn linearizable(history: &History) -> Verdict {
    linearizable_within(history, STATES_MAX)
}

/// Searches an order for every key; gives a key up when more than `states_max`
/// states would have to be remembered.
pub fn linearizable_within(history: &History, states_max: usize) -> Verdict {
    let mut verdict = Verdict::Linearizable;
    for (key, ops) in by_key(history) {
        match judge(&Track::of(history, &ops, u64::MAX), states_max) {
            Found::Order => {}
            Found::None => return Verdict::NotLinearizable(Failure::of(history, key, &ops, states_max)),
            Found::TooMuch if verdict == Verdict::Linearizable => verdict = Verdict::TimedOut { key },
            Found::TooMuch => {}
        }
    }
    verdict
}

/// Looks for an order of one key's operations.
fn judge(track: &Track, states_max: usize) -> Found {
    if zones::conflict(track) { Found::None } else { Search::new(track).run(states_max) }
}

fn by_key(history: &History) -> BTreeMap<u32, Vec<OpId>> {
    let mut keys: BTreeMap<u32, Vec<OpId>> = BTreeMap::new();
    for (id, op) in history.numbered() {
        keys.entry(op.key).or_default().push(id);
    }
    keys
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Linearizable => f.write_str("linearizable"),
            Verdict::NotLinearizable(failure) => write!(f, "not linearizable: {failure}"),
            Verdict::TimedOut { key } => write!(f, "undecided: the search on key {key} is too large"),
        }
    }
}
