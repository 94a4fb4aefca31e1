//! Which rows a scan is to see, in which direction, and how many.

use bytes::Bytes;

/// The rows of a scan. All of them, unless told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    pub(crate) start: Bytes,
    pub(crate) end: Bytes,
    pub(crate) after: Bytes,
    pub(crate) limit: u64,
    pub(crate) limit_bytes: u64,
    pub(crate) reverse: bool,
}

impl Scope {
    /// All rows of a table.
    pub fn all() -> Scope {
        Scope::default()
    }

    /// Rows from `start` up to, not including, `end`; an empty one is open. Of
    /// ordered tables alone.
    pub fn range(start: impl Into<Bytes>, end: impl Into<Bytes>) -> Scope {
        Scope { start: start.into(), end: end.into(), ..Scope::default() }
    }

    /// Rows whose keys begin so. Of ordered tables alone, unless it is empty.
    pub fn prefix(prefix: impl Into<Bytes>) -> Scope {
        let start = prefix.into();
        let end = behind_all(&start);
        Scope { start, end, ..Scope::default() }
    }

    /// From the end backwards.
    #[must_use]
    pub fn reverse(self, reverse: bool) -> Scope {
        Scope { reverse, ..self }
    }

    /// So many rows at most; 0 is no limit.
    #[must_use]
    pub fn limit(self, limit: u64) -> Scope {
        Scope { limit, ..self }
    }

    /// So many bytes of keys and values at most, though always one row; 0 is no
    /// limit.
    #[must_use]
    pub fn limit_bytes(self, limit_bytes: u64) -> Scope {
        Scope { limit_bytes, ..self }
    }

    /// Behind this key, in the order of the scan: where an earlier one ended. Of
    /// any table.
    #[must_use]
    pub fn after(self, key: impl Into<Bytes>) -> Scope {
        Scope { after: key.into(), ..self }
    }

    /// What is left of it behind this key, after so many rows and bytes. `None`
    /// when its limits are reached.
    pub(crate) fn behind(mut self, key: &Bytes, rows: u64, bytes: u64) -> Option<Scope> {
        self.after = key.clone();
        for (limit, passed) in [(&mut self.limit, rows), (&mut self.limit_bytes, bytes)] {
            if *limit > 0 {
                *limit = limit.saturating_sub(passed);
                if *limit == 0 {
                    return None;
                }
            }
        }
        Some(self)
    }
}

/// The first key behind all that begin so; empty when there is none.
fn behind_all(prefix: &[u8]) -> Bytes {
    match prefix.iter().rposition(|byte| *byte < u8::MAX) {
        None => Bytes::new(),
        Some(at) => {
            let mut end = prefix[..=at].to_vec();
            end[at] += 1;
            Bytes::from(end)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_the_first_key_that_does_not_begin_so() {
        let table: [(&[u8], &[u8]); 6] = [
            (b"a", b"b"),
            (b"ab", b"ac"),
            (b"a\xff", b"b"),
            (b"a\xfe\xff\xff", b"a\xff"),
            (b"\xff\xff", b""),
            (b"", b""),
        ];
        for (prefix, end) in table {
            assert_eq!(Scope::prefix(prefix).end, end, "{prefix:?}");
        }
    }

    #[test]
    fn limits_count_down_to_nothing_left() {
        let key = Bytes::from("k");
        let all = Scope::all().behind(&key, 7, 10).expect("no limits");
        assert_eq!(all, Scope::all().after("k"));
        let two = Scope::all().limit(2).limit_bytes(100);
        let one = two.clone().behind(&key, 1, 10).expect("one row and 90 bytes");
        assert_eq!((one.limit, one.limit_bytes), (1, 90));
        assert_eq!(one.behind(&key, 1, 10), None);
        assert_eq!(two.clone().behind(&key, 1, 100), None);
        assert_eq!(two.behind(&key, 1, 200), None);
    }
}
