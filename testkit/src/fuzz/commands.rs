//! The payload of a `Commands` record.

use bytes::Bytes;
use model::command::{decode_commands, encode_commands};

/// One byte of count, then the payload. What can be read is written the same.
pub fn commands(bytes: &[u8]) {
    let Some((count, payload)) = bytes.split_first() else { return };
    let payload = Bytes::copy_from_slice(payload);
    let Ok(commands) = decode_commands(&payload, u32::from(*count)) else { return };
    assert_eq!(commands.len(), usize::from(*count));
    assert_eq!(encode_commands(&commands), payload, "a payload has one spelling");
}
