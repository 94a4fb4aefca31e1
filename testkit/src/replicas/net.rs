//! The network: each message on its own.

use super::knobs::Knobs;
use env::rng::Stream;
use std::collections::{BTreeMap, BTreeSet};

/// Which ways are cut, and how long messages take.
pub struct Net {
    draws: Stream,
    /// From whom to whom nothing comes through.
    cut: BTreeSet<(u64, u64)>,
    /// When the last message of a way arrives: the next one does not overtake it.
    last: BTreeMap<(u64, u64), u64>,
}

impl Net {
    /// Everybody hears everybody.
    pub fn new(draws: Stream) -> Net {
        Net { draws, cut: BTreeSet::new(), last: BTreeMap::new() }
    }

    /// When a message sent now arrives; several times, once or never.
    pub fn arrivals(&mut self, now: u64, knobs: &Knobs, from: u64, to: u64) -> Vec<u64> {
        if self.cut.contains(&(from, to)) || self.draws.below(1000) < knobs.lost_permille {
            return Vec::new();
        }
        let (least, most) = knobs.latency_us;
        let at = now + (least + self.draws.below(most - least + 1)) * 1000;
        let last = self.last.entry((from, to)).or_default();
        let mut arrivals = if self.draws.below(1000) < knobs.overtaken_permille {
            vec![at + 20 * most * 1000]
        } else {
            *last = at.max(*last + 1);
            vec![*last]
        };
        if self.draws.below(1000) < knobs.doubled_permille {
            arrivals.push(arrivals[0] + self.draws.below(30 * most * 1000));
        }
        arrivals
    }

    /// Nothing comes through from the one to the other.
    pub fn cut(&mut self, from: u64, to: u64) {
        self.cut.insert((from, to));
    }

    /// Does nothing come through?
    pub fn is_cut(&self, from: u64, to: u64) -> bool {
        self.cut.contains(&(from, to))
    }

    /// Everything comes through again.
    pub fn heal(&mut self) {
        self.cut.clear();
    }
}
