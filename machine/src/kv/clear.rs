//! Removing a range of rows: so many at most by one command, which says where the
//! next goes on. Bytes are laid out in `docs/formats/kv.md`.

use super::reply::KvReply;
use super::under_way::UnderWay;
use crate::machine::{View, ViewError};
use bytes::Bytes;
use model::KeyRange;
use model::keyspace::{DATA_END, data_bound};
use model::wire::Cursor;

/// What a reply says of where to go on, at most: a reply is short enough for a
/// retry row.
const NEXT_BYTES_MAX: usize = 1000;
/// Rows that are held in memory at once. What a command comes to does not depend
/// on it.
const LOOK_ROWS: usize = 32;

/// Removes rows of a range, from its start on.
///
/// Invariant: the range lies within the rows of a table, and both limits are 1 or
/// more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clear {
    range: KeyRange,
    rows: u32,
    bytes: u32,
}

impl Clear {
    /// Of stored keys without their kind: from the first up to, not including, the
    /// second, which is open if it is empty. So many rows at most, and so many
    /// bytes of keys and rows, though always one row. `None` for what holds nothing.
    pub fn new(from: &[u8], upto: &[u8], rows: u32, bytes: u32) -> Option<Clear> {
        let end = if upto.is_empty() { Bytes::from_static(&DATA_END) } else { data_bound(upto) };
        let range = KeyRange::new(data_bound(from), Some(end))?;
        (rows > 0 && bytes > 0).then_some(Clear { range, rows, bytes })
    }

    fn from(&self) -> &[u8] {
        &self.range.start()[1..]
    }

    fn upto(&self) -> &[u8] {
        match self.range.end() {
            Some(end) if end != DATA_END => &end[1..],
            _ => &[],
        }
    }

    /// Bytes of it, behind the verb.
    pub(super) fn len(&self) -> usize {
        4 + 4 + 2 + self.from().len() + self.upto().len()
    }

    /// Appends it, behind the verb.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.rows.to_le_bytes());
        out.extend_from_slice(&self.bytes.to_le_bytes());
        let length = u16::try_from(self.from().len()).expect("a bound is little longer than a key");
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(self.from());
        out.extend_from_slice(self.upto());
    }

    /// What stands behind the verb, if it is one.
    pub(super) fn decode(bytes: &[u8]) -> Option<Clear> {
        let mut cursor = Cursor::new(bytes);
        let (rows, bytes) = (cursor.u32()?, cursor.u32()?);
        let length = cursor.u16()?;
        let from = cursor.take(usize::from(length))?;
        Clear::new(from, cursor.rest(), rows, bytes)
    }

    /// Removes the rows as they stand.
    pub(super) fn apply(&self, view: &dyn View, under_way: &mut UnderWay<'_>) -> Result<KvReply, ViewError> {
        let (mut left, mut gone, mut bytes, mut next) = (Some(self.range.clone()), 0, 0, None);
        while let Some(range) = left.take() {
            let rows = view.range(&range, LOOK_ROWS)?;
            if let Some((last, _)) = rows.get(LOOK_ROWS - 1) {
                left = behind(&range, last);
            }
            for (stored, row) in rows {
                bytes += stored.len() + row.len();
                if gone == self.rows || (gone > 0 && bytes > self.bytes as usize) {
                    // A beginning of it serves as well: between the two there is no row.
                    next = Some(stored.slice(1..stored.len().min(1 + NEXT_BYTES_MAX)));
                    left = None;
                    break;
                }
                under_way.take_away(stored, &row)?;
                gone += 1;
            }
        }
        Ok(KvReply::Cleared { rows: gone, next })
    }
}

/// What is left of a range behind a key of it.
fn behind(range: &KeyRange, stored: &[u8]) -> Option<KeyRange> {
    KeyRange::new([stored, &[0]].concat(), range.end().map(Bytes::copy_from_slice))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv::{Kv, Row};
    use crate::machine::{At, Outcome};
    use crate::registry::Setting;
    use model::{Layout, Stamp};
    use std::collections::BTreeMap;

    struct Rows(BTreeMap<Bytes, Bytes>);

    impl View for Rows {
        fn get(&self, _: &[u8]) -> Result<Option<Bytes>, ViewError> {
            unreachable!("a range is looked at")
        }

        fn range(&self, range: &KeyRange, most: usize) -> Result<Vec<(Bytes, Bytes)>, ViewError> {
            let inside = self.0.iter().filter(|(key, _)| range.contains(key)).take(most);
            Ok(inside.map(|(key, row)| (key.clone(), row.clone())).collect())
        }
    }

    impl Rows {
        /// Rows of these names, with values of four bytes; and what is no row.
        fn named<S: AsRef<[u8]>>(names: impl IntoIterator<Item = S>) -> Rows {
            let row = Row { revision: 1, expires: None, value: Bytes::from_static(b"four") }.encode();
            let mut rows: BTreeMap<_, _> =
                names.into_iter().map(|name| (data_bound(name.as_ref()), row.clone())).collect();
            for strange in [&b"\0\x01"[..], b"\x03row", b"\x05part"] {
                rows.insert(Bytes::from_static(strange), Bytes::from_static(b"\xff"));
            }
            Rows(rows)
        }

        fn outcome(&self, clear: &Clear) -> Result<Outcome, ViewError> {
            let kv = Kv { setting: Setting::of(Layout::Ordered) };
            let (nothing, at) = (Bytes::new(), At { index: 9, stamp: Stamp(9) });
            let mut under_way = UnderWay::new(kv, self, &nothing, at);
            let reply = clear.apply(self, &mut under_way)?;
            Ok(under_way.into_outcome(&reply))
        }

        /// Who is removed, and where it goes on.
        fn clear(&mut self, clear: &Clear) -> (usize, Option<Bytes>) {
            let outcome = self.outcome(clear).expect("rows of `kv`");
            for mutation in &outcome.mutations {
                assert!(self.0.remove(mutation.key()).is_some(), "it was there: {mutation:?}");
            }
            assert!(outcome.reply.len() <= 1024, "a retry row keeps it");
            match KvReply::decode(&outcome.reply) {
                KvReply::Cleared { rows, next } => {
                    assert_eq!(rows as usize, outcome.mutations.len());
                    (outcome.mutations.len(), next)
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn as_many_rows_go_as_the_command_says_and_it_tells_where_to_go_on() {
        // A row counts for 1 byte of kind, 2 of its key, 9 of its head and 4 of its value.
        let table = [
            ("", "", 9, 999, 5, None),
            ("", "", 5, 999, 5, None),
            ("", "", 2, 999, 2, Some("b1")),
            ("a2", "c1", 9, 999, 3, None),
            ("a2", "c1", 2, 999, 2, Some("b2")),
            ("", "", 9, 48, 3, Some("b2")),
            ("", "", 9, 47, 2, Some("b1")),
            ("", "", 9, 1, 1, Some("a2")),
            ("c2", "", 9, 999, 0, None),
            ("", "a1", 9, 999, 0, None),
        ];
        for (from, upto, rows, bytes, removed, next) in table {
            let clear = Clear::new(from.as_bytes(), upto.as_bytes(), rows, bytes).expect("sense");
            let mut rows = Rows::named(["a1", "a2", "b1", "b2", "c1"]);
            assert_eq!(rows.clear(&clear), (removed, next.map(Bytes::from)), "{clear:?}");
            assert_eq!(rows.0.len(), 3 + 5 - removed, "{clear:?}: nothing else has gone");
        }
    }

    #[test]
    fn step_by_step_everything_goes_however_long_keys_are() {
        let long = |number: usize| [&[b'k'; 1020][..], format!("{number:04}").as_bytes()].concat();
        let mut rows = Rows::named((0..300).map(long));
        let (mut from, mut removed, mut steps) = (Bytes::new(), 0, 0);
        loop {
            let (gone, next) = rows.clear(&Clear::new(&from, b"", 70, u32::MAX).expect("sense"));
            (removed, steps) = (removed + gone, steps + 1);
            let Some(next) = next else { break };
            assert_eq!(next.len(), NEXT_BYTES_MAX);
            from = next;
        }
        assert_eq!((removed, steps, rows.0.len()), (300, 5, 3));
    }

    #[test]
    fn a_row_of_another_build_stops_it() {
        let mut rows = Rows::named(["a", "c"]);
        rows.0.insert(data_bound(b"b"), Bytes::from_static(b"\xff"));
        assert!(rows.outcome(&Clear::new(b"", b"", 9, 99).expect("sense")).is_err());
        assert!(rows.outcome(&Clear::new(b"c", b"", 9, 99).expect("sense")).is_ok());
    }

    #[test]
    fn what_holds_nothing_is_no_command() {
        for (from, upto, rows, bytes) in
            [("b", "b", 1, 1), ("b", "a", 1, 1), ("", "b", 0, 1), ("", "b", 1, 0)]
        {
            assert_eq!(Clear::new(from.as_bytes(), upto.as_bytes(), rows, bytes), None);
        }
    }
}
