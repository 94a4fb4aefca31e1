//! What a repair would give up, or why it is not possible.

use super::climb::Climb;
use super::standing::{Standing, between};
use crate::failure::Failure;
use model::{Index, PartitionId, code};

/// A repair that is possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sacrifice {
    pub partition: PartitionId,
    /// The last index that stays.
    pub after: Index,
    /// The last index that is known to have been, if it is beyond `after`.
    pub last: Option<Index>,
}

impl Sacrifice {
    /// In words, for whoever has to confirm it.
    pub fn text(&self) -> String {
        let Sacrifice { partition, after, last } = self;
        let given_up = match last {
            Some(last) if *last == after + 1 => format!("index {last}"),
            Some(last) => format!("indexes {} to {last}", after + 1),
            None => "whatever may have followed (no index is known)".to_owned(),
        };
        format!("partition {partition} keeps what it has up to index {after}; given up: {given_up}")
    }
}

/// Judges a cut of one partition. `last`: the last index that the log has had.
pub(super) fn judge(
    standing: Option<&Standing>,
    climb: Option<&Climb>,
    (partition, after): (PartitionId, Index),
    last: Option<Index>,
) -> Result<Sacrifice, Failure> {
    let why_not = match (standing, climb) {
        (Some(standing), Some(climb)) => objection(standing, climb, after),
        _ => Some("no store here holds it, so what it would keep is not known".to_owned()),
    };
    if let Some(why_not) = why_not {
        return Err(Failure::new(code::REPAIR_REFUSED, format!("partition {partition}: {why_not}")));
    }
    let losses = standing.iter().flat_map(|standing| &standing.losses).map(|loss| loss.lost.last);
    let last = losses.filter(|last| *last < Index::MAX).chain(last).max().filter(|last| *last > after);
    Ok(Sacrifice { partition, after, last })
}

fn objection(standing: &Standing, climb: &Climb, after: Index) -> Option<String> {
    if !standing.is_damaged() {
        return Some("it is not damaged; there is nothing to give up".to_owned());
    }
    let Some((first, whole)) = standing.acceptable() else {
        let applied = standing.applied;
        return Some(format!(
            "its store has index {applied} already, past the place where the loss begins: no index can be accepted"
        ));
    };
    let range = format!("acceptable is {}", between(first, whole));
    if after < first {
        return Some(format!("its store has index {first} already, which cannot be taken back; {range}"));
    }
    if after > whole {
        return Some(format!("index {after} is not whole: {whole} is the last before the loss; {range}"));
    }
    climb.straddles(after).then(|| {
        let above = climb.above.filter(|above| *above <= whole);
        let above = above.map(|above| format!(" and {above}")).unwrap_or_default();
        let below = climb.below;
        format!(
            "index {after} lies inside a record; the records nearest to it end at {below}{above}; {range}"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::standing::Loss;
    use super::*;
    use model::{Epoch, RecordKind, Stamp};
    use wal::Condemned;
    use wal::inspect::RecordRow;

    const P: PartitionId = PartitionId(7);

    fn climb(after: Index) -> Climb {
        let mut climb = Climb::from(2, Some(after));
        for (first_index, count) in [(1, 2), (3, 1), (4, 3)] {
            climb.take(&RecordRow {
                partition: P,
                epoch: Epoch::FIRST,
                first_index,
                count,
                stamp: Stamp(0),
                kind: RecordKind::Commands,
                payload_bytes: 0,
                names: None,
            });
        }
        climb
    }

    fn standing(losses: &[(Index, Index)]) -> Standing {
        let loss = |(first, last): &(Index, Index)| Loss {
            segment: 1,
            offset: 4096,
            lost: Condemned { partition: P, first: *first, last: *last, promise: false },
            named: true,
        };
        let losses = losses.iter().map(loss).collect();
        Standing { partition: P, applied: 2, reach: 6, losses, harmless: Vec::new(), gap: None }
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_can() {
        let judged = |after| judge(Some(&standing(&[(7, 9)])), Some(&climb(after)), (P, after), Some(12));
        let rows = [
            (1, Err("its store has index 2 already, which cannot be taken back; acceptable is from 2 to 6")),
            (2, Ok(Some(12))),
            (3, Ok(Some(12))),
            (
                4,
                Err(
                    "index 4 lies inside a record; the records nearest to it end at 3 and 6; acceptable is from 2 to 6",
                ),
            ),
            (6, Ok(Some(12))),
            (7, Err("index 7 is not whole: 6 is the last before the loss; acceptable is from 2 to 6")),
        ];
        for (after, expected) in rows {
            let expected = expected.map_err(|why| format!("partition 7: {why}"));
            assert_eq!(judged(after).map(|s| s.last).map_err(|failure| failure.what), expected, "{after}");
        }
    }

    #[test]
    fn only_the_damaged_and_the_held_are_repaired() {
        let whole = judge(Some(&standing(&[])), Some(&climb(3)), (P, 3), None).expect_err("not damaged");
        assert_eq!(whole.what, "partition 7: it is not damaged; there is nothing to give up");
        let unknown = judge(None, None, (P, 3), None).expect_err("not held");
        assert_eq!(unknown.code, code::REPAIR_REFUSED);
        assert!(unknown.what.contains("no store here holds it"), "{unknown}");
    }
}
