//! A row as the store has it: flags, revision, value. Laid out in
//! `docs/formats/kv.md`.

use bytes::Bytes;
use model::Index;
use model::wire::Cursor;

/// What is stored under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The index of the command that wrote it.
    pub revision: Index,
    /// The client's bytes.
    pub value: Bytes,
}

impl Row {
    /// What is stored before a value.
    pub const HEAD_BYTES: usize = 9;

    /// The stored bytes.
    pub fn encode(&self) -> Bytes {
        Row::encode_parts(self.revision, &self.value)
    }

    /// The stored bytes of a row that nobody has yet.
    pub(super) fn encode_parts(revision: Index, value: &[u8]) -> Bytes {
        let mut out = Vec::with_capacity(Row::HEAD_BYTES + value.len());
        // Flags: none in this format.
        out.push(0);
        out.extend_from_slice(&revision.to_le_bytes());
        out.extend_from_slice(value);
        Bytes::from(out)
    }

    /// The row of stored bytes, which it shares. `None` for what this build did
    /// not write: flags of a later one, or bytes cut short.
    pub fn decode(stored: &Bytes) -> Option<Row> {
        let mut cursor = Cursor::new(stored);
        let (flags, revision) = (cursor.u8()?, cursor.u64()?);
        (flags == 0).then(|| Row { revision, value: stored.slice_ref(cursor.rest()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_golden_and_later_flags_are_refused() {
        let row = Row { revision: 0x0102, value: Bytes::from("v") };
        let stored = row.encode();
        assert_eq!(&stored[..], b"\0\x02\x01\0\0\0\0\0\0v");
        assert_eq!(Row::decode(&stored), Some(row));
        for bytes in [&b""[..], b"\0\x02\x01", b"\x01\x02\x01\0\0\0\0\0\0v"] {
            assert_eq!(Row::decode(&Bytes::from_static(bytes)), None);
        }
    }
}
