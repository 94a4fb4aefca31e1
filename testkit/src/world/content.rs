//! What stands in a row: the number of the write, so that whoever reads it has
//! named the write.

use bytes::Bytes;

/// A value's content: its number, and as much behind it as the number says.
pub fn content_of(value: u64, bytes: usize) -> Bytes {
    let mut content = vec![value as u8; bytes.max(8)];
    content[..8].copy_from_slice(&value.to_le_bytes());
    Bytes::from(content)
}

/// The number of a content that was made so.
pub fn value_of(content: &[u8]) -> Option<u64> {
    let value = u64::from_le_bytes(*content.first_chunk::<8>()?);
    content[8..].iter().all(|byte| *byte == value as u8).then_some(value)
}
