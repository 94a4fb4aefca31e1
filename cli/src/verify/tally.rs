//! What users did and how long it took, summed up over a whole run.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use verify::history::{Call, Outcome};

/// The kinds of calls, in the order in which they are listed.
pub const KINDS: [&str; 3] = ["put", "remove", "get"];

/// Of all users of a table.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    kinds: [Kind; 3],
    /// Answers that were a refusal, by the code's number.
    pub refusals: BTreeMap<u16, u64>,
}

/// Of one kind of call.
#[derive(Clone, Debug, Default)]
pub struct Kind {
    /// Done, or answered.
    pub done: u64,
    /// Those among them that found a row; of puts it says nothing.
    pub found: u64,
    /// Certainly not done.
    pub refused: u64,
    /// Of unknown outcome.
    pub unknown: u64,
    took: Latency,
}

/// How often calls took how long: four buckets for each power of two of
/// microseconds.
#[derive(Clone, Debug)]
struct Latency {
    buckets: Box<[u64; 128]>,
}

impl Default for Latency {
    fn default() -> Latency {
        Latency { buckets: Box::new([0; 128]) }
    }
}

impl Latency {
    fn add(&mut self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(4);
        let power = us.ilog2();
        let quarter = (us >> (power - 2)) & 3;
        let at = ((power - 2) * 4) as usize + quarter as usize;
        self.buckets[at.min(127)] += 1;
    }

    /// The upper end of the bucket in which so many percent are reached.
    fn percentile_us(&self, percent: u64) -> u64 {
        let all: u64 = self.buckets.iter().sum();
        let wanted = (all * percent).div_ceil(100);
        let mut below = 0;
        for (at, count) in self.buckets.iter().enumerate() {
            below += count;
            if below >= wanted && below > 0 {
                return (5 + at as u64 % 4) << (at / 4);
            }
        }
        0
    }
}

impl Tally {
    /// One item has come to an end.
    pub fn count(&mut self, call: Call, outcome: Outcome, took: Duration) {
        let kind = &mut self.kinds[kind_of(call)];
        match outcome {
            Outcome::Wrote { found, .. } => {
                (kind.done, kind.found) = (kind.done + 1, kind.found + u64::from(found))
            }
            Outcome::Read { row, .. } => {
                (kind.done, kind.found) = (kind.done + 1, kind.found + u64::from(row.is_some()));
            }
            Outcome::Refused => kind.refused += 1,
            Outcome::Unknown => kind.unknown += 1,
        }
        if matches!(outcome, Outcome::Wrote { .. } | Outcome::Read { .. }) {
            kind.took.add(took);
        }
    }

    /// Adds those of other users.
    pub fn add(&mut self, other: &Tally) {
        for (mine, theirs) in self.kinds.iter_mut().zip(&other.kinds) {
            mine.done += theirs.done;
            mine.found += theirs.found;
            mine.refused += theirs.refused;
            mine.unknown += theirs.unknown;
            for (mine, theirs) in mine.took.buckets.iter_mut().zip(&*theirs.took.buckets) {
                *mine += theirs;
            }
        }
        for (number, count) in &other.refusals {
            *self.refusals.entry(*number).or_default() += count;
        }
    }

    /// The kinds by their names.
    pub fn kinds(&self) -> impl Iterator<Item = (&'static str, &Kind)> {
        KINDS.into_iter().zip(&self.kinds)
    }

    /// Writes that took effect.
    pub fn written(&self) -> u64 {
        self.kinds[0].done + self.kinds[1].done
    }

    /// Reads that were answered.
    pub fn read(&self) -> u64 {
        self.kinds[2].done
    }

    /// Everything that came to an end, of whatever kind.
    pub fn all(&self) -> u64 {
        self.kinds.iter().map(|kind| kind.done + kind.refused + kind.unknown).sum()
    }

    /// Everything that was refused.
    pub fn refused(&self) -> u64 {
        self.kinds.iter().map(|kind| kind.refused).sum()
    }

    /// Everything of unknown outcome.
    pub fn unknown(&self) -> u64 {
        self.kinds.iter().map(|kind| kind.unknown).sum()
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let one = |kind: &Kind| {
            json!({
                "done": kind.done, "found": kind.found, "refused": kind.refused, "unknown": kind.unknown,
                "p50_us": kind.percentile_us(50), "p99_us": kind.percentile_us(99),
            })
        };
        let kinds = self.kinds().map(|(name, kind)| (name.to_owned(), one(kind)));
        Value::Object(kinds.collect())
    }
}

impl Kind {
    /// How long calls took that were answered.
    pub fn percentile_us(&self, percent: u64) -> u64 {
        self.took.percentile_us(percent)
    }
}

fn kind_of(call: Call) -> usize {
    match call {
        Call::Put { .. } => 0,
        Call::Remove => 1,
        Call::Get => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_at_most_a_quarter_too_high() {
        for us in [4, 5, 7, 8, 100, 999, 1_000_000, 40_000_000] {
            let mut latency = Latency::default();
            latency.add(Duration::from_micros(us));
            let told = latency.percentile_us(50);
            assert!(told > us && told <= us + us / 4 + 1, "{us} is told as {told}");
        }
        assert_eq!(Latency::default().percentile_us(99), 0);
    }

    #[test]
    fn sums_are_sums() {
        let mut one = Tally::default();
        one.count(Call::Get, Outcome::Refused, Duration::ZERO);
        one.refusals.insert(1106, 1);
        one.count(Call::Remove, Outcome::Unknown, Duration::ZERO);
        let mut both = one.clone();
        both.add(&one);
        assert_eq!(
            (both.all(), both.refused(), both.unknown(), both.written(), both.read()),
            (4, 2, 2, 0, 0)
        );
        assert_eq!(both.refusals.get(&1106), Some(&2));
    }
}
