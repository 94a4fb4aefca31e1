//! What a client asks of a `kv` table, and the answer, as bytes. Both stand in
//! logs: they are laid out in `docs/formats/kv.md`.

use bytes::Bytes;
use model::Key;
use model::wire::Cursor;

const UPSERT: u8 = 1;
const REMOVE: u8 = 2;

/// A command's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KvCommand {
    /// The row holds the value from now on.
    Upsert {
        /// Which row.
        key: Key,
        /// What it holds.
        value: Bytes,
    },
    /// The row is gone.
    Remove {
        /// Which row.
        key: Key,
    },
}

impl KvCommand {
    /// The command's body.
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(self.bytes());
        self.put(&mut out);
        Bytes::from(out)
    }

    /// Bytes of the body.
    pub fn bytes(&self) -> usize {
        match self {
            KvCommand::Upsert { key, value } => 3 + key.as_bytes().len() + value.len(),
            KvCommand::Remove { key } => 3 + key.as_bytes().len(),
        }
    }

    /// Appends the body.
    pub fn put(&self, out: &mut Vec<u8>) {
        let (verb, key, value): (u8, &Key, &[u8]) = match self {
            KvCommand::Upsert { key, value } => (UPSERT, key, value),
            KvCommand::Remove { key } => (REMOVE, key, &[]),
        };
        let length = u16::try_from(key.as_bytes().len()).expect("a key has at most 1,024 bytes");
        out.push(verb);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(value);
    }

    /// The command of a body, if it is one; its parts share the body's memory.
    pub fn decode(body: &Bytes) -> Option<KvCommand> {
        let (key, value) = parts(body)?;
        let key = Key::new(body.slice_ref(key)).ok()?;
        Some(match value {
            Some(value) => KvCommand::Upsert { key, value: body.slice_ref(value) },
            None => KvCommand::Remove { key },
        })
    }
}

/// A body's key and, of an upsert, its value. A shard looks at every command
/// there is: this borrows.
pub(super) fn parts(body: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let mut cursor = Cursor::new(body);
    let (verb, length) = (cursor.u8()?, cursor.u16()?);
    let key = cursor.take(usize::from(length))?;
    match verb {
        UPSERT => Some((key, Some(cursor.rest()))),
        REMOVE if cursor.is_empty() => Some((key, None)),
        _ => None,
    }
}

/// What came of it. `Done` is the answer to nearly everything and has no bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KvReply {
    /// The row is as asked.
    Done,
    /// There was no such row to remove.
    NotFound,
    /// The body was no command of this machine; nothing changed.
    Unreadable,
}

impl KvReply {
    /// The reply's bytes.
    pub fn encode(self) -> Bytes {
        Bytes::from_static(match self {
            KvReply::Done => &[],
            KvReply::NotFound => &[1],
            KvReply::Unreadable => &[2],
        })
    }

    /// The reply of these bytes.
    pub fn decode(bytes: &[u8]) -> KvReply {
        match bytes {
            [] => KvReply::Done,
            [1] => KvReply::NotFound,
            _ => KvReply::Unreadable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &'static str) -> Key {
        Key::new(text).expect("a valid key")
    }

    #[test]
    fn bytes_are_golden_and_round_trip() {
        let table = [
            (KvCommand::Upsert { key: key("ab"), value: Bytes::from("v") }, &b"\x01\x02\0abv"[..]),
            (KvCommand::Upsert { key: key("a"), value: Bytes::new() }, b"\x01\x01\0a"),
            (KvCommand::Remove { key: key("ab") }, b"\x02\x02\0ab"),
        ];
        for (command, bytes) in table {
            assert_eq!(command.encode(), bytes);
            assert_eq!(command.bytes(), bytes.len());
            assert_eq!(KvCommand::decode(&Bytes::from_static(bytes)), Some(command));
        }
        for reply in [KvReply::Done, KvReply::NotFound, KvReply::Unreadable] {
            assert_eq!(KvReply::decode(&reply.encode()), reply);
        }
    }

    #[test]
    fn what_is_no_command_is_none() {
        for bytes in [&b""[..], b"\x01", b"\x01\x02\0a", b"\x01\0\0", b"\x02\x01\0ab", b"\x03\x01\0a"] {
            assert_eq!(KvCommand::decode(&Bytes::from_static(bytes)), None, "{bytes:?}");
        }
    }
}
