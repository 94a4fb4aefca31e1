//! What an owner writes into its partition's history of its own accord: records
//! of one index each, that no client asked for.

use crate::record::{RecordKind, Stamp};
use crate::wire::{Cursor, put_prefixed};
use bytes::Bytes;

/// Such a record's content. Laid out in `docs/formats/log.md`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chore {
    /// Time has passed: what is due expires.
    Tick {
        /// So much of it at most.
        most: u32,
    },
    /// Nobody owned the partition for so long.
    Resumed {
        /// In nanoseconds.
        gap: u64,
    },
    /// The machine's version from the next command on.
    UseMachine {
        /// Which.
        version: u32,
        /// Whose.
        name: String,
    },
    /// Events are given up, the oldest first.
    Trim(Trim),
}

/// Which events may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trim {
    /// So many rows of them at most.
    pub most: u32,
    /// All of records made before this, …
    pub older_than: Stamp,
    /// … and whatever is more than so many bytes.
    pub keep_bytes: u64,
}

impl Chore {
    /// The kind of its record.
    pub fn kind(&self) -> RecordKind {
        match self {
            Chore::Tick { .. } => RecordKind::Tick,
            Chore::Resumed { .. } => RecordKind::Resumed,
            Chore::UseMachine { .. } => RecordKind::UseMachine,
            Chore::Trim(_) => RecordKind::Trim,
        }
    }

    /// The payload of its record.
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::new();
        match self {
            Chore::Tick { most } => out.extend_from_slice(&most.to_le_bytes()),
            Chore::Resumed { gap } => out.extend_from_slice(&gap.to_le_bytes()),
            Chore::UseMachine { version, name } => {
                out.extend_from_slice(&version.to_le_bytes());
                put_prefixed(&mut out, name.as_bytes());
            }
            Chore::Trim(Trim { most, older_than, keep_bytes }) => {
                out.extend_from_slice(&most.to_le_bytes());
                out.extend_from_slice(&older_than.0.to_le_bytes());
                out.extend_from_slice(&keep_bytes.to_le_bytes());
            }
        }
        Bytes::from(out)
    }

    /// What a record says; `None` where this build cannot read it.
    pub fn decode(kind: RecordKind, payload: &[u8]) -> Option<Chore> {
        let mut cursor = Cursor::new(payload);
        let chore = match kind {
            RecordKind::Tick => Chore::Tick { most: cursor.u32()? },
            RecordKind::Resumed => Chore::Resumed { gap: cursor.u64()? },
            RecordKind::UseMachine => {
                let version = cursor.u32()?;
                let name = String::from_utf8(cursor.prefixed()?.to_vec()).ok()?;
                Chore::UseMachine { version, name }
            }
            RecordKind::Trim => {
                let (most, older_than) = (cursor.u32()?, Stamp(cursor.u64()?));
                Chore::Trim(Trim { most, older_than, keep_bytes: cursor.u64()? })
            }
            _ => return None,
        };
        cursor.is_empty().then_some(chore)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_golden_and_round_trip() {
        let trim = Trim { most: 3, older_than: Stamp(4), keep_bytes: 5 };
        let rows: [(Chore, &[u8]); 4] = [
            (Chore::Tick { most: 258 }, b"\x02\x01\0\0"),
            (Chore::Resumed { gap: 7 }, b"\x07\0\0\0\0\0\0\0"),
            (Chore::UseMachine { version: 2, name: "kv".to_owned() }, b"\x02\0\0\0\x02\0\0\0kv"),
            (Chore::Trim(trim), b"\x03\0\0\0\x04\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0"),
        ];
        for (chore, bytes) in rows {
            assert_eq!(chore.encode(), bytes);
            assert_eq!(Chore::decode(chore.kind(), bytes), Some(chore.clone()));
            assert_eq!(Chore::decode(chore.kind(), &bytes[1..]), None, "{chore:?} cut short");
            assert_eq!(Chore::decode(chore.kind(), &[bytes, b"x"].concat()), None, "{chore:?} and more");
        }
        assert_eq!(Chore::decode(RecordKind::Commands, b""), None);
        assert_eq!(Chore::decode(RecordKind::UseMachine, b"\x02\0\0\0\x01\0\0\0\xff"), None);
    }
}
