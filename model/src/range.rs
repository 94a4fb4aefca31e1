//! A partition's range: from a start up to, not including, an end.

use bytes::Bytes;
use std::fmt;

/// Half-open; an absent end is the end of the keyspace. The bytes are key bytes
/// for an ordered table and big-endian points for a hashed one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyRange {
    start: Bytes,
    end: Option<Bytes>,
}

impl KeyRange {
    /// `None` when the range would hold nothing.
    pub fn new(start: impl Into<Bytes>, end: Option<Bytes>) -> Option<KeyRange> {
        let start = start.into();
        if end.as_ref().is_some_and(|end| *end <= start) {
            return None;
        }
        Some(KeyRange { start, end })
    }

    /// Everything.
    pub fn all() -> KeyRange {
        KeyRange { start: Bytes::new(), end: None }
    }

    /// Everything that begins like this.
    pub fn with_prefix(prefix: Bytes) -> KeyRange {
        let last = prefix.iter().rposition(|byte| *byte < 0xff);
        let end = last.map(|last| {
            let mut end = prefix[..=last].to_vec();
            end[last] += 1;
            Bytes::from(end)
        });
        KeyRange { start: prefix, end }
    }

    /// The first key that may be inside.
    pub fn start(&self) -> &[u8] {
        &self.start
    }

    /// The first key after it, or `None` for the end of the keyspace.
    pub fn end(&self) -> Option<&[u8]> {
        self.end.as_deref()
    }

    /// Is the key inside?
    pub fn contains(&self, key: &[u8]) -> bool {
        key >= &self.start[..] && self.end.as_ref().is_none_or(|end| key < &end[..])
    }

    /// Is there a key inside both?
    pub fn overlaps(&self, other: &KeyRange) -> bool {
        let starts_before_end = |a: &KeyRange, b: &KeyRange| b.end.as_ref().is_none_or(|end| a.start < *end);
        starts_before_end(self, other) && starts_before_end(other, self)
    }
}

impl fmt::Display for KeyRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, ", self.start.escape_ascii())?;
        match &self.end {
            Some(end) => write!(f, "{})", end.escape_ascii()),
            None => f.write_str("∞)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: &'static str, end: Option<&'static str>) -> KeyRange {
        KeyRange::new(start, end.map(Bytes::from)).expect("not empty")
    }

    #[test]
    fn a_prefix_holds_what_begins_like_it() {
        let rows: [(&'static [u8], Option<&[u8]>); 4] =
            [(b"", None), (b"ab", Some(b"ac")), (b"a\xff\xff", Some(b"b")), (b"\xff", None)];
        for (prefix, end) in rows {
            let range = KeyRange::with_prefix(Bytes::from_static(prefix));
            assert_eq!((range.start(), range.end()), (prefix, end));
        }
    }

    #[test]
    fn empty_and_inverted_ranges_cannot_be_made() {
        assert_eq!(KeyRange::new("b", Some(Bytes::from_static(b"b"))), None);
        assert_eq!(KeyRange::new("b", Some(Bytes::from_static(b"a"))), None);
    }

    #[test]
    fn overlap_and_membership() {
        let table = [
            (range("a", Some("c")), range("b", Some("d")), true),
            (range("a", Some("b")), range("b", Some("c")), false),
            (range("a", None), range("z", None), true),
            (range("", Some("a")), range("a", None), false),
        ];
        for (left, right, overlap) in table {
            assert_eq!(left.overlaps(&right), overlap, "{left} {right}");
            assert_eq!(right.overlaps(&left), overlap, "{right} {left}");
        }
        assert!(range("a", Some("c")).contains(b"a"));
        assert!(!range("a", Some("c")).contains(b"c"));
        assert!(KeyRange::all().contains(b"\xff\xff"));
    }
}
