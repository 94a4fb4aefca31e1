//! Rosters: which partitions, with which indexes, are in a batch or segment.
//!
//! A roster stands in the batch's own header, is repeated in the next header,
//! and is summed up per segment in its footer and its successor's opening. So
//! damage is charged to the partitions concerned and to no others.

use crate::BLOCK_BYTES;
use model::wire::Cursor;
use model::{Index, PartitionId, Record};

/// Bytes of one span on disk.
pub(crate) const SPAN_BYTES: usize = 32;
const PROMISE: u32 = 1;

/// Stands in a roster for partitions that nobody can name any more: batches of
/// the segment were lost, and with them every word of whose they were.
pub const ANYBODY: PartitionId = PartitionId(u64::MAX);

/// What one partition has in a batch or segment.
///
/// Invariant: `last + 1 ≥ first`; `last + 1 == first` means that no index is
/// taken, only a promise or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Whose.
    pub partition: PartitionId,
    /// Its first index here.
    pub first: Index,
    /// Its last index here.
    pub last: Index,
    /// Are there promises to peers (votes, commits) among it?
    pub promise: bool,
}

/// Spans by partition, sorted, each partition once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    spans: Vec<Span>,
}

impl Span {
    fn of(record: &Record) -> Span {
        Span {
            partition: record.partition,
            first: record.first_index,
            last: record.last_index(),
            promise: record.kind.is_promise(),
        }
    }

    /// Does it take any index?
    pub fn is_indexed(&self) -> bool {
        self.last >= self.first
    }

    fn absorb(&mut self, other: Span) {
        self.promise |= other.promise;
        match (self.is_indexed(), other.is_indexed()) {
            (_, false) => {}
            (false, true) => (self.first, self.last) = (other.first, other.last),
            (true, true) => {
                self.first = self.first.min(other.first);
                self.last = self.last.max(other.last);
            }
        }
    }
}

impl Roster {
    /// The roster of a batch of records.
    pub fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Roster {
        let mut roster = Roster::default();
        for record in records {
            if record.partition != PartitionId::LOG {
                roster.add(Span::of(record));
            }
        }
        roster
    }

    /// Adds what a span says.
    pub fn add(&mut self, span: Span) {
        // Batches come grouped by partition: the last span is the likely one.
        if let Some(last) = self.spans.last_mut() {
            if last.partition == span.partition {
                return last.absorb(span);
            }
            if last.partition < span.partition {
                return self.spans.push(span);
            }
        }
        match self.spans.binary_search_by_key(&span.partition, |s| s.partition) {
            Ok(at) => self.spans[at].absorb(span),
            Err(at) => self.spans.insert(at, span),
        }
    }

    /// What they all say.
    pub(crate) fn of_all<'a>(rosters: impl IntoIterator<Item = &'a Roster>) -> Roster {
        let mut rosters = rosters.into_iter();
        let mut all = rosters.next().cloned().unwrap_or_default();
        rosters.for_each(|roster| all.merge(roster));
        all
    }

    /// Adds what another roster says.
    pub fn merge(&mut self, other: &Roster) {
        let mut at = 0;
        for span in &other.spans {
            // Both are sorted, and mostly name the same partitions: the next
            // one here is the likely one.
            if self.spans.get(at).is_none_or(|next| next.partition < span.partition) {
                at += self.spans[at..].partition_point(|known| known.partition < span.partition);
            }
            match self.spans.get_mut(at) {
                Some(known) if known.partition == span.partition => known.absorb(*span),
                _ => self.spans.insert(at, *span),
            }
            at += 1;
        }
    }

    /// The spans, by partition.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// One partition's span.
    pub fn get(&self, partition: PartitionId) -> Option<&Span> {
        self.spans.binary_search_by_key(&partition, |s| s.partition).ok().map(|at| &self.spans[at])
    }

    /// Nobody.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Bytes on disk.
    pub(crate) fn bytes(&self) -> usize {
        self.spans.len() * SPAN_BYTES
    }

    /// Bytes that a footer of this roster and `more` spans will need at most.
    pub(crate) fn footer_room(&self, more: usize) -> u64 {
        ((self.spans.len() + 2 * more + 4) * SPAN_BYTES) as u64 + BLOCK_BYTES
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.reserve(self.bytes());
        for span in &self.spans {
            let mut bytes = [0; SPAN_BYTES];
            bytes[..8].copy_from_slice(&span.partition.0.to_le_bytes());
            bytes[8..16].copy_from_slice(&span.first.to_le_bytes());
            bytes[16..24].copy_from_slice(&span.last.to_le_bytes());
            bytes[24..28].copy_from_slice(&u32::from(span.promise).to_le_bytes());
            // 28..32 are room, zero in this format.
            out.extend_from_slice(&bytes);
        }
    }

    /// Reads `count` spans; `None` when they are no roster of ours.
    pub(crate) fn decode(cursor: &mut Cursor<'_>, count: u32) -> Option<Roster> {
        let mut spans: Vec<Span> = Vec::new();
        for _ in 0..count {
            let partition = PartitionId(cursor.u64()?);
            let (first, last) = (cursor.u64()?, cursor.u64()?);
            let (flags, zero) = (cursor.u32()?, cursor.u32()?);
            let rises = spans.last().is_none_or(|before| before.partition < partition);
            if !rises || last.checked_add(1)? < first || flags & !PROMISE != 0 || zero != 0 {
                return None;
            }
            spans.push(Span { partition, first, last, promise: flags & PROMISE != 0 });
        }
        Some(Roster { spans })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span(partition: u64, first: Index, last: Index) -> Span {
        Span { partition: PartitionId(partition), first, last, promise: false }
    }

    #[test]
    fn spans_of_one_partition_become_one() {
        let mut roster = Roster::default();
        for one in [span(7, 4, 6), span(3, 1, 1), span(7, 1, 3), Span { promise: true, ..span(7, 7, 6) }] {
            roster.add(one);
        }
        assert_eq!(roster.spans(), [span(3, 1, 1), Span { promise: true, ..span(7, 1, 6) }]);
        assert_eq!(roster.get(PartitionId(3)), Some(&span(3, 1, 1)));
        assert_eq!(roster.get(PartitionId(4)), None);
    }

    proptest! {
        #[test]
        fn merging_is_adding_one_by_one(
            ours in proptest::collection::vec((0u64..30, 1u64..9, 0u64..9), 0..20),
            theirs in proptest::collection::vec((0u64..30, 1u64..9, 0u64..9), 0..20),
        ) {
            let of = |spans: &[(u64, u64, u64)]| {
                let mut roster = Roster::default();
                spans.iter().for_each(|(partition, first, more)| {
                    roster.add(span(*partition, *first, first + more - 1));
                });
                roster
            };
            let (mut merged, other) = (of(&ours), of(&theirs));
            let mut added = merged.clone();
            other.spans().iter().for_each(|span| added.add(*span));
            merged.merge(&other);
            prop_assert_eq!(merged, added);
        }

        #[test]
        fn rosters_round_trip(
            spans in proptest::collection::vec((0u64..50, 1u64..9, 0u64..9, any::<bool>()), 0..20),
        ) {
            let mut roster = Roster::default();
            for (partition, first, more, promise) in spans {
                let (partition, last) = (PartitionId(partition), first + more - 1);
                roster.add(Span { partition, first, last, promise });
            }
            let mut bytes = Vec::new();
            roster.encode(&mut bytes);
            let count = u32::try_from(roster.spans().len()).expect("few");
            prop_assert_eq!(Roster::decode(&mut Cursor::new(&bytes), count), Some(roster));
        }
    }
}
