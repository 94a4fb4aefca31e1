//! How far the log carries one partition's store: what replay would do,
//! without machine and without payloads.

use model::{Index, RecordKind};
use wal::inspect::RecordRow;

/// One partition on its way from what its store has to what the log has.
///
/// Invariant: `floor ≤ reach`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Climb {
    /// What the store has.
    pub floor: Index,
    /// The last index that replay comes to.
    pub reach: Index,
    /// Where the log goes on behind a hole, if it does.
    pub gap: Option<Index>,
    /// An index that somebody wants to cut at.
    pub cut: Option<Index>,
    /// The ends of records nearest to it.
    pub below: Index,
    /// As `below`, on the other side; none when no record reaches so far.
    pub above: Option<Index>,
}

impl Climb {
    pub fn from(floor: Index, cut: Option<Index>) -> Climb {
        let mut climb = Climb { floor, reach: floor, gap: None, cut, below: 0, above: None };
        climb.note_end();
        climb
    }

    pub fn take(&mut self, record: &RecordRow) {
        if let (RecordKind::AcceptLoss, Some(after)) = (record.kind, record.names) {
            return self.give_up(after);
        }
        let end = (record.first_index + Index::from(record.count)).saturating_sub(1);
        if self.gap.is_some() || !record.kind.counts() || end <= self.reach {
            return;
        }
        if record.first_index == self.reach + 1 {
            self.reach = end;
            self.note_end();
        } else {
            self.gap = Some(record.first_index);
        }
    }

    /// An operator gave up what follows: all of it that came before this word.
    fn give_up(&mut self, after: Index) {
        if after > self.reach {
            return;
        }
        self.reach = after.max(self.floor);
        self.gap = None;
        self.below = self.below.min(self.reach);
        self.above = self.above.filter(|above| *above <= self.reach);
    }

    fn note_end(&mut self) {
        let Some(cut) = self.cut else { return };
        if self.reach <= cut {
            self.below = self.reach;
        }
        if self.reach >= cut && self.above.is_none() {
            self.above = Some(self.reach);
        }
    }

    /// Would a cut at the index go through a record?
    pub fn straddles(&self, index: Index) -> bool {
        index <= self.reach && self.below != index
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Epoch, PartitionId, Stamp};

    fn record(first_index: Index, count: u32) -> RecordRow {
        RecordRow {
            partition: PartitionId(7),
            epoch: Epoch::FIRST,
            first_index,
            count,
            stamp: Stamp(0),
            kind: if count > 0 { RecordKind::Commands } else { RecordKind::Blank },
            payload_bytes: 0,
            names: None,
        }
    }

    fn accept(after: Index) -> RecordRow {
        RecordRow { kind: RecordKind::AcceptLoss, names: Some(after), ..record(after + 1, 0) }
    }

    #[test]
    fn it_climbs_as_far_as_the_log_is_dense() {
        let rows: &[(&[RecordRow], Index, Option<Index>)] = &[
            (&[], 4, None),
            (&[record(1, 4), record(5, 0)], 4, None),
            (&[record(1, 4), record(5, 3), record(8, 1)], 8, None),
            (&[record(5, 3), record(9, 1), record(8, 1)], 7, Some(9)),
            (&[record(3, 4)], 4, Some(3)),
            (&[record(5, 3), accept(5), record(6, 1)], 6, None),
            (&[record(5, 3), record(9, 2), accept(7), record(8, 1)], 8, None),
            (&[record(5, 3), accept(2), record(5, 1)], 5, None),
            (&[record(5, 1), record(9, 2), accept(7), record(8, 1)], 5, Some(9)),
        ];
        for (log, reach, gap) in rows {
            let mut climb = Climb::from(4, None);
            log.iter().for_each(|record| climb.take(record));
            assert_eq!((climb.reach, climb.gap), (*reach, *gap), "{log:?}");
        }
    }

    #[test]
    fn the_ends_nearest_to_a_cut_are_known() {
        let rows = [
            (4, 4, Some(4), false),
            (5, 4, Some(7), true),
            (7, 7, Some(7), false),
            (8, 7, Some(9), true),
            (9, 9, Some(9), false),
            (10, 9, None, false),
        ];
        for (cut, below, above, straddles) in rows {
            let mut climb = Climb::from(4, Some(cut));
            [record(5, 3), record(8, 2)].iter().for_each(|record| climb.take(record));
            assert_eq!((climb.below, climb.above, climb.straddles(cut)), (below, above, straddles), "{cut}");
        }
    }
}
