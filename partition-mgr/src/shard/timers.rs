//! When partitions want to be looked at although nobody asks anything of them.

use env::{Mono, Wall};
use model::{PartitionId, Stamp};
use std::collections::{BTreeMap, BTreeSet};

/// However far away a moment is by the wall, which may be moved: the wall is looked
/// at again after so long.
const LOOK_AGAIN_MS: u64 = 60_000;

/// One timer for each partition that wants one.
#[derive(Default)]
pub(super) struct Timers {
    in_turn: BTreeSet<(Mono, PartitionId)>,
    of: BTreeMap<PartitionId, Mono>,
}

impl Timers {
    /// This one wants to be looked at then, and no more at any other time.
    pub fn set(&mut self, id: PartitionId, at: Option<Mono>) {
        let before = match at {
            Some(at) => self.of.insert(id, at),
            None => self.of.remove(&id),
        };
        before.map(|before| self.in_turn.remove(&(before, id)));
        at.map(|at| self.in_turn.insert((at, id)));
    }

    /// When the first one is due.
    pub fn first(&self) -> Option<Mono> {
        self.in_turn.first().map(|(at, _)| *at)
    }

    /// Those that are due; each has to ask again.
    pub fn take_due(&mut self, now: Mono) -> Vec<PartitionId> {
        let mut due = Vec::new();
        while let Some((_, id)) = self.in_turn.first().copied().filter(|(at, _)| *at <= now) {
            self.set(id, None);
            due.push(id);
        }
        due
    }
}

/// When to look, for something that is due by the wall.
pub(super) fn look_at(now: Mono, wall: Wall, due: Stamp) -> Mono {
    let left_ms = due.0.saturating_sub(wall.0).div_ceil(1_000_000);
    now.plus_ms(left_ms.min(LOOK_AGAIN_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_has_one_timer_and_they_come_in_turn() {
        let [one, two, three] = [1, 2, 3].map(PartitionId);
        let mut timers = Timers::default();
        timers.set(one, Some(Mono(30)));
        timers.set(two, Some(Mono(20)));
        timers.set(three, Some(Mono(10)));
        timers.set(one, Some(Mono(5)));
        timers.set(three, None);
        assert_eq!(timers.first(), Some(Mono(5)));
        assert_eq!(timers.take_due(Mono(19)), [one]);
        assert_eq!(timers.take_due(Mono(20)), [two]);
        assert_eq!((timers.first(), timers.take_due(Mono(u64::MAX))), (None, vec![]));
    }

    #[test]
    fn what_is_far_away_is_looked_at_in_between() {
        const MS: u64 = 1_000_000;
        let at = |due_ms: u64| look_at(Mono(7 * MS), Wall(1000 * MS), Stamp(due_ms * MS)).0 / MS - 7;
        assert_eq!(
            [0, 1000, 1001, 61_000, 101_000, 201_000, 3_001_000].map(at),
            [0, 0, 1, 60_000, 60_000, 60_000, 60_000]
        );
    }
}
