//! A row as the store has it: flags, revision, expiry, value. Laid out in
//! `docs/formats/kv.md`.

use bytes::Bytes;
use model::wire::Cursor;
use model::{Index, Stamp};

/// Only with an expiry.
const EXPIRES: u8 = 1;

/// What is stored under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The index of the command that wrote it.
    pub revision: Index,
    /// From this stamp on it is not there, if it does not last for ever.
    pub expires: Option<Stamp>,
    /// The client's bytes.
    pub value: Bytes,
}

impl Row {
    /// What is stored before a value, at least.
    pub const HEAD_BYTES: usize = 9;
    /// What an expiry takes beside that.
    const EXPIRY_BYTES: usize = 8;

    /// The stored bytes.
    pub fn encode(&self) -> Bytes {
        Row::encode_parts(self.revision, self.expires, &self.value)
    }

    /// The stored bytes of a row that nobody has yet.
    pub(super) fn encode_parts(revision: Index, expires: Option<Stamp>, value: &[u8]) -> Bytes {
        let mut out = Vec::with_capacity(Row::HEAD_BYTES + Row::EXPIRY_BYTES + value.len());
        out.push(if expires.is_some() { EXPIRES } else { 0 });
        out.extend_from_slice(&revision.to_le_bytes());
        if let Some(expires) = expires {
            out.extend_from_slice(&expires.0.to_le_bytes());
        }
        out.extend_from_slice(value);
        Bytes::from(out)
    }

    /// The row of stored bytes, which it shares. `None` for what this build did
    /// not write: flags of a later one, or bytes cut short.
    pub fn decode(stored: &Bytes) -> Option<Row> {
        let mut cursor = Cursor::new(stored);
        let (flags, revision) = (cursor.u8()?, cursor.u64()?);
        let expires = match flags {
            0 => None,
            EXPIRES => Some(Stamp(cursor.u64()?)),
            _ => return None,
        };
        Some(Row { revision, expires, value: stored.slice_ref(cursor.rest()) })
    }

    /// How many bytes of a stored row are its value.
    pub fn value_bytes(stored: &[u8]) -> usize {
        let expiry = if stored.first() == Some(&EXPIRES) { Row::EXPIRY_BYTES } else { 0 };
        stored.len().saturating_sub(Row::HEAD_BYTES + expiry)
    }

    /// Is a stored row no longer there at this stamp?
    pub fn is_over(stored: &[u8], now: Stamp) -> bool {
        let Some((&EXPIRES, rest)) = stored.split_first() else { return false };
        let expires = rest.get(8..16).and_then(|expires| expires.try_into().ok());
        expires.is_some_and(|expires| u64::from_le_bytes(expires) <= now.0)
    }

    /// Is it there at this stamp?
    pub fn is_alive(&self, now: Stamp) -> bool {
        self.expires.is_none_or(|expires| expires > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_golden_and_later_flags_are_refused() {
        let row = Row { revision: 0x0102, expires: None, value: Bytes::from("v") };
        let stored = row.encode();
        assert_eq!(&stored[..], b"\0\x02\x01\0\0\0\0\0\0v");
        assert_eq!((Row::value_bytes(&stored), Row::decode(&stored)), (1, Some(row.clone())));
        let row = Row { expires: Some(Stamp(7)), ..row };
        let stored = row.encode();
        assert_eq!(&stored[..], b"\x01\x02\x01\0\0\0\0\0\0\x07\0\0\0\0\0\0\0v");
        assert_eq!((Row::value_bytes(&stored), Row::decode(&stored)), (1, Some(row)));
        assert!(Row::is_over(&stored, Stamp(7)) && !Row::is_over(&stored, Stamp(6)));
        for bytes in [&b""[..], b"\0\x02\x01", b"\x02\x02\x01\0\0\0\0\0\0v", b"\x01\x02\x01\0\0\0\0\0\0v"] {
            assert_eq!(Row::decode(&Bytes::from_static(bytes)), None);
        }
    }

    #[test]
    fn a_row_is_there_until_it_expires() {
        let row = |expires| Row { revision: 1, expires, value: Bytes::new() };
        assert!(row(None).is_alive(Stamp(u64::MAX)));
        assert!(row(Some(Stamp(7))).is_alive(Stamp(6)) && !row(Some(Stamp(7))).is_alive(Stamp(7)));
    }
}
