//! What may not follow a refusal.
//!
//! A partition hands in records without waiting for the ones before. When a
//! full disk refuses one of them, those behind it in the queue would leave a
//! hole in the partition's indexes: they are refused too, until the partition,
//! which hears of it later, hands in the refused index anew. Where order counts
//! for records without an index, too, whoever hands them in names a chain.

use crate::roster::Roster;
use crate::thread::Link;
use model::{Index, PartitionId};
use std::collections::{BTreeMap, BTreeSet};

/// The first index refused of each partition, until it is handed in anew.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refused {
    from: BTreeMap<PartitionId, Index>,
    /// Chains that are broken.
    chains: BTreeSet<u64>,
}

impl Refused {
    /// Has everything refused been handed in anew?
    pub fn is_empty(&self) -> bool {
        self.from.is_empty() && self.chains.is_empty()
    }

    /// Would these records follow a hole?
    pub fn leaves_hole(&self, roster: &Roster, link: Option<Link>) -> bool {
        let is_broken = link.is_some_and(|link| !link.anew && self.chains.contains(&link.chain));
        is_broken
            || roster.spans().iter().any(|span| {
                let from = self.from.get(&span.partition);
                span.is_indexed() && from.is_some_and(|from| span.first > *from)
            })
    }

    /// These records were refused.
    pub fn refuse(&mut self, roster: &Roster, link: Option<Link>) {
        self.chains.extend(link.map(|link| link.chain));
        for span in roster.spans().iter().filter(|span| span.is_indexed()) {
            let from = self.from.entry(span.partition).or_insert(span.first);
            *from = span.first.min(*from);
        }
    }

    /// These records were written. One that was refused and is not among them
    /// stays refused.
    pub fn accept(&mut self, roster: &Roster, link: Option<Link>) {
        link.map(|link| self.chains.remove(&link.chain));
        for span in roster.spans().iter().filter(|span| span.is_indexed()) {
            if self.from.get(&span.partition).is_some_and(|from| (span.first..=span.last).contains(from)) {
                self.from.remove(&span.partition);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roster::Span;

    fn roster(spans: &[(u64, Index, Index)]) -> Roster {
        let mut roster = Roster::default();
        for (partition, first, last) in spans {
            let (partition, first, last) = (PartitionId(*partition), *first, *last);
            roster.add(Span { partition, first, last, promise: false });
        }
        roster
    }

    #[test]
    fn what_is_behind_a_refusal_waits_for_it_to_come_again() {
        let mut refused = Refused::default();
        refused.refuse(&roster(&[(1, 5, 7), (2, 3, 3)]), None);
        refused.refuse(&roster(&[(1, 8, 9)]), None);
        assert!(refused.leaves_hole(&roster(&[(1, 8, 9)]), None));
        assert!(refused.leaves_hole(&roster(&[(2, 4, 4), (3, 1, 1)]), None));
        assert!(!refused.leaves_hole(&roster(&[(3, 1, 1)]), None), "a neighbour has no hole");
        assert!(!refused.leaves_hole(&roster(&[(1, 9, 8)]), None), "a promise takes no index");
        assert!(!refused.leaves_hole(&roster(&[(1, 5, 5)]), None));
        refused.accept(&roster(&[(1, 3, 4)]), None);
        assert!(refused.leaves_hole(&roster(&[(1, 6, 9)]), None), "5 has not come again");
        refused.accept(&roster(&[(1, 5, 5)]), None);
        assert!(!refused.leaves_hole(&roster(&[(1, 6, 9)]), None));
        assert!(!refused.is_empty(), "partition 2 has not come again");
        refused.accept(&roster(&[(2, 3, 9)]), None);
        assert!(refused.is_empty());
    }
}
