//! A counter's own row.

use super::command::Counted;
use super::strange;
use crate::machine::ViewError;
use bytes::Bytes;
use model::Stamp;
use model::wire::Cursor;

const VERSION: u8 = 1;
/// When nothing is due.
pub(super) const NEVER: Stamp = Stamp(u64::MAX);

/// What a counter comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sum {
    pub value: i64,
    /// Of all open reservations; never negative.
    pub reserved: i64,
    /// How many reservations are open.
    pub open: u32,
    /// No open reservation expires before this.
    pub first_due: Stamp,
}

impl Sum {
    /// The row's; one that is not there is nothing.
    pub fn of(row: Option<Bytes>) -> Result<Sum, ViewError> {
        let Some(row) = row else {
            return Ok(Sum { value: 0, reserved: 0, open: 0, first_due: NEVER });
        };
        Sum::decode(&row).ok_or_else(strange)
    }

    pub fn is_due(&self, now: Stamp) -> bool {
        self.open > 0 && self.first_due <= now
    }

    /// Nothing is due where nothing is open.
    pub fn tidied(self) -> Sum {
        if self.open > 0 { self } else { Sum { first_due: NEVER, ..self } }
    }

    pub fn counted(&self) -> Counted {
        Counted { value: self.value, reserved: self.reserved }
    }

    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(29);
        out.push(VERSION);
        out.extend_from_slice(&self.value.to_le_bytes());
        out.extend_from_slice(&self.reserved.to_le_bytes());
        out.extend_from_slice(&self.open.to_le_bytes());
        out.extend_from_slice(&self.first_due.0.to_le_bytes());
        Bytes::from(out)
    }

    fn decode(row: &[u8]) -> Option<Sum> {
        let mut cursor = Cursor::new(row);
        let version = cursor.u8()?;
        let (value, reserved) = (cursor.u64()?.cast_signed(), cursor.u64()?.cast_signed());
        let sum = Sum { value, reserved, open: cursor.u32()?, first_due: Stamp(cursor.u64()?) };
        (version == VERSION && cursor.is_empty()).then_some(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_golden_and_round_trip() {
        let sum = Sum { value: -2, reserved: 3, open: 1, first_due: Stamp(9) };
        let bytes = b"\x01\xfe\xff\xff\xff\xff\xff\xff\xff\x03\0\0\0\0\0\0\0\x01\0\0\0\x09\0\0\0\0\0\0\0";
        assert_eq!(sum.encode(), &bytes[..]);
        assert_eq!(Sum::decode(bytes), Some(sum));
        assert_eq!(Sum::decode(&bytes[..28]), None);
        assert_eq!(Sum::decode(b"\x02"), None);
    }
}
