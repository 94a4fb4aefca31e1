//! A partition's state hash as the log notes it: what all changes up to an index
//! come to. It takes no index of its own.

use crate::record::Index;
use crate::wire::Cursor;
use bytes::Bytes;

/// The hash of all changes up to an index. Laid out in `docs/formats/log.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateHash {
    /// Up to where.
    pub at: Index,
    /// What they come to.
    pub value: u64,
}

impl StateHash {
    /// The payload of its record.
    pub fn encode(self) -> Bytes {
        Bytes::from([self.at.to_le_bytes(), self.value.to_le_bytes()].concat())
    }

    /// What a record says; `None` where this build cannot read it.
    pub fn decode(payload: &[u8]) -> Option<StateHash> {
        let mut cursor = Cursor::new(payload);
        let hash = StateHash { at: cursor.u64()?, value: cursor.u64()? };
        cursor.is_empty().then_some(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_golden_and_round_trip() {
        let hash = StateHash { at: 258, value: 7 };
        let bytes = b"\x02\x01\0\0\0\0\0\0\x07\0\0\0\0\0\0\0";
        assert_eq!(hash.encode(), &bytes[..]);
        assert_eq!(StateHash::decode(bytes), Some(hash));
        assert_eq!((StateHash::decode(&bytes[1..]), StateHash::decode(b"")), (None, None));
    }
}
