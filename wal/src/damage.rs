//! Damage: batches that had been durable and cannot be read, and whom it costs.

use crate::place::{Lsn, SegmentId};
use crate::roster::{Roster, Span};
use model::{Index, PartitionId};
use std::collections::BTreeSet;
use std::fmt;

/// Batches of one segment that cannot be read though they had been durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Which segment.
    pub segment: SegmentId,
    /// Where the unreadable bytes begin.
    pub offset: u64,
    /// The first batch that is missing.
    pub lsn: Lsn,
    /// How many are missing; 0 when only the header that counts them is lost.
    pub batches: u64,
    /// Who loses what by it, by partition. Nobody else does, unless:
    pub condemned: Vec<Condemned>,
    /// Nothing tells whose batches these were. Whoever is not named above may
    /// have lost something too.
    pub everybody: bool,
    /// Of those, partitions whose loss an operator has accepted since.
    pub forgiven: BTreeSet<PartitionId>,
}

impl Damage {
    /// What a partition loses by it whose store has come to `applied`, if the
    /// store does not make the loss good.
    pub fn loss_of(&self, partition: PartitionId, applied: Index) -> Option<Condemned> {
        let named = self.condemned.iter().find(|lost| lost.partition == partition).copied();
        let unnamed = self.everybody && !self.forgiven.contains(&partition);
        let unnamed =
            unnamed.then_some(Condemned { partition, first: applied + 1, last: Index::MAX, promise: true });
        named.or(unnamed).filter(|lost| !lost.is_harmless_at(applied))
    }
}

/// One partition's loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condemned {
    /// Whose.
    pub partition: PartitionId,
    /// The first index that may be lost. The partition is whole only as far as
    /// the index before it, unless its store has flushed `last`.
    pub first: Index,
    /// The last index that may be lost; `first - 1` when only a promise is.
    pub last: Index,
    /// May a promise to peers be lost that no later opening repeats?
    pub promise: bool,
}

impl Condemned {
    pub(crate) fn of(span: &Span) -> Condemned {
        Condemned { partition: span.partition, first: span.first, last: span.last, promise: span.promise }
    }

    pub(crate) fn span(&self) -> Span {
        Span { partition: self.partition, first: self.first, last: self.last, promise: self.promise }
    }

    /// Does a store that has flushed so far lose nothing by it?
    pub fn is_harmless_at(&self, flushed: Index) -> bool {
        flushed >= self.last && !self.promise
    }
}

/// A batch is gone and a roster tells exactly what was in it. In a sealed
/// segment a promise is no loss: its successor's opening repeats it.
pub(crate) fn charge(roster: &Roster, sealed: bool) -> Vec<Condemned> {
    let all = roster.spans().iter().map(Condemned::of);
    let all = all.map(|lost| Condemned { promise: lost.promise && !sealed, ..lost });
    all.filter(|lost| lost.promise || lost.last >= lost.first).collect()
}

/// Several batches of a sealed segment are gone and only the segment's roster
/// is known: whoever the readable batches do not account for in full is
/// condemned.
pub(crate) fn charge_rest(segment: &Roster, readable: &Coverage) -> Vec<Condemned> {
    let missing = segment.spans().iter().filter_map(|span| {
        let first = readable.first_hole(span);
        (first <= span.last).then_some(Condemned { first, promise: false, ..Condemned::of(span) })
    });
    missing.collect()
}

/// Which indexes of each partition a segment's readable batches hold.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    spans: Vec<Span>,
}

impl Coverage {
    pub fn add(&mut self, roster: &Roster) {
        self.spans.extend(roster.spans().iter().filter(|span| span.is_indexed()));
    }

    /// The first index of the span that no readable batch holds; one behind its
    /// last when all are there.
    fn first_hole(&self, wanted: &Span) -> Index {
        let mut own: Vec<&Span> =
            self.spans.iter().filter(|span| span.partition == wanted.partition).collect();
        own.sort_by_key(|span| span.first);
        own.iter()
            .fold(wanted.first, |next, span| if span.first <= next { next.max(span.last + 1) } else { next })
    }
}

impl fmt::Display for Condemned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "partition {}", self.partition)?;
        match self.last {
            Index::MAX => write!(f, " from index {} on", self.first)?,
            last if last >= self.first => write!(f, " indexes {} to {last}", self.first)?,
            _ => {}
        }
        if self.promise { f.write_str(" and promises to peers") } else { Ok(()) }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "segment {}, offset {}: ", self.segment, self.offset)?;
        write!(f, "batch {} and following cannot be read; concerned: ", self.lsn)?;
        let names: Vec<String> = self.condemned.iter().map(Condemned::to_string).collect();
        f.write_str(&names.join(", "))?;
        match (names.is_empty(), self.everybody) {
            (true, true) => f.write_str("everybody"),
            (false, true) => f.write_str(", and everybody who is not named"),
            (true, false) => f.write_str("nobody"),
            (false, false) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(partition: u64, first: Index, last: Index) -> Span {
        Span { partition: PartitionId(partition), first, last, promise: false }
    }

    fn roster(spans: &[Span]) -> Roster {
        let mut roster = Roster::default();
        for one in spans {
            roster.add(*one);
        }
        roster
    }

    #[test]
    fn only_holes_are_charged() {
        let segment = roster(&[span(1, 1, 9), span(2, 5, 6), span(3, 1, 4)]);
        let mut readable = Coverage::default();
        readable.add(&roster(&[span(1, 1, 3), span(2, 5, 6)]));
        readable.add(&roster(&[span(1, 6, 9)]));
        let charged = charge_rest(&segment, &readable);
        let told: Vec<(u64, Index, Index)> =
            charged.iter().map(|c| (c.partition.0, c.first, c.last)).collect();
        assert_eq!(told, [(1, 4, 9), (3, 1, 4)]);
    }
}
