//! What a user writes into rows: keys of a round, and values that name the put
//! that wrote them.

use bytes::Bytes;

/// The bytes of a key. Every round has keys of its own.
pub fn key(round: u64, key: u32) -> Bytes {
    Bytes::from(format!("round-{round}-key-{key}"))
}

/// A value's content: its number, and as much behind it as wanted, so that half
/// a value is no value.
pub fn of(value: u64, bytes: usize) -> Bytes {
    let mut content = vec![value as u8; bytes.max(8)];
    content[..8].copy_from_slice(&value.to_le_bytes());
    Bytes::from(content)
}

/// The number of a content; none if no user wrote it.
pub fn value(content: &[u8]) -> Option<u64> {
    let value = u64::from_le_bytes(*content.first_chunk::<8>()?);
    content[8..].iter().all(|byte| *byte == value as u8).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_name_their_value_and_nothing_else_does() {
        for (number, bytes) in [(1, 0), (300, 8), (u64::MAX, 9), (7, 500)] {
            assert_eq!(value(&of(number, bytes)), Some(number));
        }
        let mut torn = of(7, 20).to_vec();
        torn[19] = 0;
        assert_eq!([value(&torn), value(b"short"), value(b"")], [None; 3]);
    }
}
