//! A lease's own row.

use super::command::{LeaseReply, Standing};
use crate::machine::ViewError;
use bytes::Bytes;
use model::wire::Cursor;
use model::{Index, Stamp};

const VERSION: u8 = 1;

/// Who holds it, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    /// The index of the command that gave it to its holder: it rises with every
    /// new one.
    pub token: Index,
    /// From this stamp on nobody holds it.
    pub expires: Stamp,
    pub holder: Bytes,
}

impl Held {
    /// The row's; none if there is none.
    pub fn of(row: Option<Bytes>) -> Result<Option<Held>, ViewError> {
        let strange = || ViewError("a row is none that this build's `lease` wrote".into());
        row.map(|row| Held::decode(&row).ok_or_else(strange)).transpose()
    }

    /// As it is told.
    pub fn said(self, now: Stamp, reply: fn(Standing) -> LeaseReply) -> LeaseReply {
        let Held { token, expires, holder } = self;
        // Rounded down: nobody is told to have it for longer than they do.
        let remaining_ms = expires.0.saturating_sub(now.0) / 1_000_000;
        reply(Standing { token, remaining_ms, holder })
    }

    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(17 + self.holder.len());
        out.push(VERSION);
        out.extend_from_slice(&self.token.to_le_bytes());
        out.extend_from_slice(&self.expires.0.to_le_bytes());
        out.extend_from_slice(&self.holder);
        Bytes::from(out)
    }

    fn decode(row: &Bytes) -> Option<Held> {
        let mut cursor = Cursor::new(row);
        let (version, token, expires) = (cursor.u8()?, cursor.u64()?, Stamp(cursor.u64()?));
        (version == VERSION).then(|| Held { token, expires, holder: row.slice_ref(cursor.rest()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_golden_and_round_trip() {
        let held = Held { token: 5, expires: Stamp(9), holder: Bytes::from("me") };
        let bytes = Bytes::from_static(b"\x01\x05\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0me");
        assert_eq!(held.encode(), bytes);
        assert_eq!(Held::decode(&bytes), Some(held));
        assert_eq!(Held::decode(&bytes.slice(..16)), None);
        assert!(Held::of(Some(Bytes::from_static(b"\x02"))).is_err());
    }
}
