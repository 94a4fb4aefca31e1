//! Where each partition stands: what damage costs it, what its store makes
//! good, and where it could be cut.

use super::climb::Climb;
use model::{Index, PartitionId};
use std::collections::BTreeMap;
use wal::{Condemned, Damage};

/// A loss, and where in the log it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Loss {
    pub segment: u64,
    pub offset: u64,
    pub lost: Condemned,
    /// Does the log say that the partition had records there? If not, it only
    /// may have had.
    pub named: bool,
}

/// One partition that a store holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub partition: PartitionId,
    /// What its store has.
    pub applied: Index,
    /// How far the log carries it.
    pub reach: Index,
    /// What keeps it from being served.
    pub losses: Vec<Loss>,
    /// Losses that its store has made good.
    pub harmless: Vec<Loss>,
    /// Where the log goes on behind a hole, if it does.
    pub gap: Option<Index>,
}

impl Standing {
    /// The indexes, first to last, after which a loss can be accepted: what the
    /// store has cannot be taken back, and what is kept must be all there, in
    /// the store or in the log.
    pub fn acceptable(&self) -> Option<(Index, Index)> {
        let firsts = self.losses.iter().filter(|loss| loss.named).map(|loss| loss.lost.first);
        let whole = firsts.min().map_or(self.reach, |first| self.reach.min(first.saturating_sub(1)));
        (!self.losses.is_empty()).then_some((self.applied, whole.max(self.applied)))
    }

    pub fn is_damaged(&self) -> bool {
        !self.losses.is_empty()
    }
}

/// A range of indexes in words.
pub(super) fn between(first: Index, last: Index) -> String {
    if first == last { format!("{first}") } else { format!("from {first} to {last}") }
}

/// Every partition that a store holds.
pub(super) fn standings(
    held: &BTreeMap<PartitionId, Index>,
    climbs: &BTreeMap<PartitionId, Climb>,
    damages: &[Damage],
) -> Vec<Standing> {
    held.iter().map(|(partition, applied)| standing(*partition, *applied, climbs, damages)).collect()
}

fn standing(
    partition: PartitionId,
    applied: Index,
    climbs: &BTreeMap<PartitionId, Climb>,
    damages: &[Damage],
) -> Standing {
    let climb = climbs.get(&partition);
    let (mut losses, mut harmless) = (Vec::new(), Vec::new());
    for damage in damages {
        let named = damage.condemned.iter().find(|lost| lost.partition == partition).copied();
        let loss =
            |lost| Loss { segment: damage.segment.0, offset: damage.offset, lost, named: named.is_some() };
        match (damage.loss_of(partition, applied), named) {
            (Some(lost), _) => losses.push(loss(lost)),
            (None, Some(lost)) => harmless.push(loss(lost)),
            (None, None) => {}
        }
    }
    let reach = climb.map_or(applied, |climb| climb.reach);
    Standing { partition, applied, reach, losses, harmless, gap: climb.and_then(|climb| climb.gap) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use wal::{Lsn, SegmentId};

    const P: PartitionId = PartitionId(7);

    fn lost(first: Index, last: Index, promise: bool) -> Condemned {
        Condemned { partition: P, first, last, promise }
    }

    fn damage(condemned: &[Condemned], everybody: bool) -> Damage {
        Damage {
            segment: SegmentId(1),
            offset: 4096,
            lsn: Lsn(3),
            batches: 1,
            condemned: condemned.to_vec(),
            everybody,
            forgiven: BTreeSet::new(),
        }
    }

    fn of(applied: Index, reach: Index, damages: &[Damage]) -> Standing {
        let climb = Climb { reach, ..Climb::from(applied, None) };
        standing(P, applied, &BTreeMap::from([(P, climb)]), damages)
    }

    /// Applied, reach, damages; what can be accepted.
    type Row<'a> = (Index, Index, &'a [Damage], Option<(Index, Index)>);

    #[test]
    fn what_can_be_accepted_lies_between_store_and_loss() {
        let rows: &[Row<'_>] = &[
            (2, 4, &[], None),
            (2, 4, &[damage(&[lost(5, 9, false)], false)], Some((2, 4))),
            (2, 3, &[damage(&[lost(5, 9, false)], false)], Some((2, 3))),
            (4, 4, &[damage(&[lost(5, 9, false)], false)], Some((4, 4))),
            (9, 9, &[damage(&[lost(5, 9, false)], false)], None),
            (2, 4, &[damage(&[lost(8, 9, false)], false), damage(&[lost(5, 6, false)], false)], Some((2, 4))),
            (7, 9, &[damage(&[lost(5, 6, false)], false), damage(&[lost(9, 9, false)], false)], Some((7, 8))),
            (2, 6, &[damage(&[], true)], Some((2, 6))),
            (7, 7, &[damage(&[lost(5, 6, true)], false)], Some((7, 7))),
        ];
        for (applied, reach, damages, expected) in rows {
            assert_eq!(
                of(*applied, *reach, damages).acceptable(),
                *expected,
                "{applied} {reach} {damages:?}"
            );
        }
    }

    #[test]
    fn a_store_that_has_flushed_past_a_loss_makes_it_good() {
        let damages = [damage(&[lost(5, 9, false)], false), damage(&[lost(12, 13, false)], false)];
        let standing = of(10, 11, &damages);
        assert_eq!((standing.harmless.len(), standing.losses.len()), (1, 1));
        assert_eq!(standing.losses[0].lost.first, 12);
    }
}
