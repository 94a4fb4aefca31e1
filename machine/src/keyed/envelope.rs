//! A command about a key, as it stands in the log: the key behind its length,
//! then the body, which only the machine reads.

use bytes::Bytes;
use model::Key;
use model::wire::Cursor;

/// Bytes of the envelope with a body of so many.
pub fn bytes(key: &Key, body: usize) -> usize {
    2 + key.as_bytes().len() + body
}

/// Appends it.
pub fn put(key: &Key, body: &[u8], out: &mut Vec<u8>) {
    let length = u16::try_from(key.as_bytes().len()).expect("a key has at most 1,024 bytes");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(body);
}

/// Key and body, which share the command's memory.
pub(super) fn open(command: &Bytes) -> Option<(Key, Bytes)> {
    let mut cursor = Cursor::new(command);
    let length = cursor.u16()?;
    let key = Key::new(command.slice_ref(cursor.take(usize::from(length))?)).ok()?;
    Some((key, command.slice_ref(cursor.rest())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_golden_and_what_is_none_is_none() {
        let key = Key::new("ab").expect("a valid key");
        let mut out = Vec::new();
        put(&key, b"xyz", &mut out);
        assert_eq!(out, b"\x02\0abxyz");
        assert_eq!(bytes(&key, 3), out.len());
        assert_eq!(open(&Bytes::from(out)), Some((key, Bytes::from("xyz"))));
        for bytes in [&b""[..], b"\x02", b"\x02\0a", b"\0\0x"] {
            assert_eq!(open(&Bytes::from_static(bytes)), None, "{bytes:?}");
        }
    }
}
