//! What a `kv` command comes to, as bytes. They stand in retry rows: laid out in
//! `docs/formats/kv.md`.

use bytes::Bytes;
use model::Index;
use model::wire::Cursor;

const NOT_FOUND: u8 = 1;
const UNREADABLE: u8 = 2;
const REFUSED: u8 = 3;
const NOT_FOUND_IN: u8 = 4;
const CLEARED: u8 = 5;
const TOO_MUCH: u8 = 6;

/// What came of a command. `Done` is the answer to nearly everything and has no
/// bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KvReply {
    /// The rows are as asked.
    Done,
    /// There was no such row to remove.
    NotFound,
    /// The body was no command of this machine; nothing changed.
    Unreadable,
    /// A condition did not hold; nothing changed.
    Refused {
        /// Of which change, from 0.
        change: u32,
        /// The row's revision; none if there is no such row.
        revision: Option<Index>,
    },
    /// All rows are as asked; these of an atomic command's removes found none.
    NotFoundIn(Changes),
    /// The rows that it replaces are more than one command's events may tell of;
    /// nothing changed.
    TooMuch,
    /// Rows of a range are gone.
    Cleared {
        /// How many there were.
        rows: u32,
        /// Where the range goes on, as bytes of stored keys without their kind; none
        /// where no more rows of it were seen.
        next: Option<Bytes>,
    },
}

impl KvReply {
    /// The reply's bytes.
    pub fn encode(&self) -> Bytes {
        match self {
            KvReply::Done => Bytes::new(),
            KvReply::NotFound => Bytes::from_static(&[NOT_FOUND]),
            KvReply::Unreadable => Bytes::from_static(&[UNREADABLE]),
            KvReply::TooMuch => Bytes::from_static(&[TOO_MUCH]),
            KvReply::Refused { change, revision } => {
                let mut out = vec![REFUSED];
                out.extend_from_slice(&change.to_le_bytes());
                // No command has index 0.
                out.extend_from_slice(&revision.unwrap_or(0).to_le_bytes());
                Bytes::from(out)
            }
            KvReply::NotFoundIn(changes) => Bytes::from([&[NOT_FOUND_IN], &changes.0[..]].concat()),
            KvReply::Cleared { rows, next } => {
                let next = next.as_deref().unwrap_or_default();
                Bytes::from([&[CLEARED], &rows.to_le_bytes()[..], next].concat())
            }
        }
    }

    /// The reply of these bytes.
    pub fn decode(bytes: &[u8]) -> KvReply {
        let mut cursor = Cursor::new(bytes);
        let reply = match cursor.u8() {
            None => Some(KvReply::Done),
            Some(NOT_FOUND) => Some(KvReply::NotFound),
            Some(TOO_MUCH) => Some(KvReply::TooMuch),
            Some(REFUSED) => cursor.u32().and_then(|change| {
                let revision = cursor.u64()?;
                Some(KvReply::Refused { change, revision: Some(revision).filter(|it| *it > 0) })
            }),
            Some(NOT_FOUND_IN) => {
                let changes = cursor.take(cursor.rest().len()).unwrap_or_default();
                Some(KvReply::NotFoundIn(Changes(changes.to_vec())))
            }
            Some(CLEARED) => cursor.u32().map(|rows| {
                let next = cursor.take(cursor.rest().len()).filter(|next| !next.is_empty());
                KvReply::Cleared { rows, next: next.map(Bytes::copy_from_slice) }
            }),
            Some(_) => None,
        };
        reply.filter(|_| cursor.is_empty()).unwrap_or(KvReply::Unreadable)
    }
}

/// Some of a command's changes, by their places from 0: a bit for each, so that
/// whatever a command comes to is short enough for a retry row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes(Vec<u8>);

impl Changes {
    /// Is this one of them?
    pub fn has(&self, change: usize) -> bool {
        self.0.get(change / 8).is_some_and(|bits| bits >> (change % 8) & 1 == 1)
    }
}

impl FromIterator<usize> for Changes {
    fn from_iter<I: IntoIterator<Item = usize>>(changes: I) -> Changes {
        let mut bits: Vec<u8> = Vec::new();
        for change in changes {
            bits.resize(bits.len().max(change / 8 + 1), 0);
            bits[change / 8] |= 1 << (change % 8);
        }
        Changes(bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_golden_and_round_trip() {
        let refused = |revision| KvReply::Refused { change: 2, revision };
        let rows: [(KvReply, &[u8]); 9] = [
            (KvReply::Done, b""),
            (KvReply::NotFound, b"\x01"),
            (KvReply::Unreadable, b"\x02"),
            (KvReply::TooMuch, b"\x06"),
            (refused(Some(7)), b"\x03\x02\0\0\0\x07\0\0\0\0\0\0\0"),
            (refused(None), b"\x03\x02\0\0\0\0\0\0\0\0\0\0\0"),
            (KvReply::NotFoundIn([1, 3, 8].into_iter().collect()), b"\x04\x0a\x01"),
            (KvReply::Cleared { rows: 258, next: None }, b"\x05\x02\x01\0\0"),
            (KvReply::Cleared { rows: 300, next: Some(Bytes::from("bc")) }, b"\x05\x2c\x01\0\0bc"),
        ];
        for (reply, bytes) in rows {
            assert_eq!(reply.encode(), bytes);
            assert_eq!(KvReply::decode(bytes), reply);
        }
        for bytes in [&b"\x07"[..], b"\x05\x01\0", b"\x03\x01", b"\x01\x01"] {
            assert_eq!(KvReply::decode(bytes), KvReply::Unreadable, "{bytes:?}");
        }
    }
}
