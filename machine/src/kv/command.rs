//! What a client asks of a `kv` table, as bytes. They stand in logs: laid out in
//! `docs/formats/kv.md`.

use bytes::Bytes;
use model::wire::Cursor;
use model::{Condition, Key};

const UPSERT: u8 = 1;
const REMOVE: u8 = 2;
const UPSERT_IF: u8 = 3;
const REMOVE_IF: u8 = 4;
const ALL: u8 = 5;

const ABSENT: u8 = 1;
const PRESENT: u8 = 2;
const REVISION: u8 = 3;

/// A command's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KvCommand {
    /// A change of one row.
    One(Change),
    /// All of them in this order, or none.
    All(Vec<Change>),
}

/// A change of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which row.
    pub key: Key,
    /// What it holds from now on; none removes it.
    pub value: Option<Bytes>,
    /// What has to hold.
    pub condition: Condition,
}

/// A condition that does not always hold: those that do have verbs of their own.
fn put_condition(condition: Condition, out: &mut Vec<u8>) {
    let (kind, revision) = match condition {
        Condition::Always => return,
        Condition::Absent => (ABSENT, 0),
        Condition::Present => (PRESENT, 0),
        Condition::Revision(revision) => (REVISION, revision),
    };
    out.push(kind);
    out.extend_from_slice(&revision.to_le_bytes());
}

fn take_condition(cursor: &mut Cursor<'_>) -> Option<Condition> {
    match (cursor.u8()?, cursor.u64()?) {
        (ABSENT, 0) => Some(Condition::Absent),
        (PRESENT, 0) => Some(Condition::Present),
        (REVISION, revision) => Some(Condition::Revision(revision)),
        _ => None,
    }
}

impl Change {
    /// The row holds the value from now on.
    pub fn upsert(key: Key, value: Bytes) -> Change {
        Change { key, value: Some(value), condition: Condition::Always }
    }

    /// The row is gone.
    pub fn remove(key: Key) -> Change {
        Change { key, value: None, condition: Condition::Always }
    }

    /// The same, if this holds.
    #[must_use]
    pub fn only_if(self, condition: Condition) -> Change {
        Change { condition, ..self }
    }

    /// Bytes of it.
    pub fn bytes(&self) -> usize {
        let condition = if self.condition == Condition::Always { 0 } else { 9 };
        3 + condition + self.key.as_bytes().len() + self.value.as_ref().map_or(0, Bytes::len)
    }

    /// Appends it.
    pub fn put(&self, out: &mut Vec<u8>) {
        out.push(match (&self.value, self.condition) {
            (Some(_), Condition::Always) => UPSERT,
            (None, Condition::Always) => REMOVE,
            (Some(_), _) => UPSERT_IF,
            (None, _) => REMOVE_IF,
        });
        put_condition(self.condition, out);
        let key = self.key.as_bytes();
        let length = u16::try_from(key.len()).expect("a key has at most 1,024 bytes");
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(key);
        out.extend_from_slice(self.value.as_deref().unwrap_or_default());
    }
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
            KvCommand::One(change) => change.bytes(),
            KvCommand::All(changes) => 1 + changes.iter().map(|change| 4 + change.bytes()).sum::<usize>(),
        }
    }

    /// Appends the body.
    pub fn put(&self, out: &mut Vec<u8>) {
        match self {
            KvCommand::One(change) => change.put(out),
            KvCommand::All(changes) => {
                out.push(ALL);
                for change in changes {
                    let length = u32::try_from(change.bytes()).expect("bounded by a request's size");
                    out.extend_from_slice(&length.to_le_bytes());
                    change.put(out);
                }
            }
        }
    }

    /// The command of a body, if it is one; its parts share the body's memory.
    pub fn decode(body: &Bytes) -> Option<KvCommand> {
        let change = |asked: Asked<'_>| {
            let key = Key::new(body.slice_ref(asked.key)).ok()?;
            let value = asked.value.map(|value| body.slice_ref(value));
            Some(Change { key, value, condition: asked.condition })
        };
        match asked(body)? {
            Content::One(one) => change(one).map(KvCommand::One),
            Content::All(all) => all.map(|one| change(one?)).collect::<Option<_>>().map(KvCommand::All),
        }
    }
}

/// A change as it stands in a body. A shard looks at every command there is:
/// this borrows.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub key: &'a [u8],
    pub value: Option<&'a [u8]>,
    pub condition: Condition,
}

/// What stands in a body.
pub(super) enum Content<'a> {
    One(Asked<'a>),
    All(All<'a>),
}

/// The changes of an atomic command; none in the place of what is no change.
#[derive(Clone)]
pub(super) struct All<'a>(Cursor<'a>);

impl<'a> Iterator for All<'a> {
    type Item = Option<Asked<'a>>;

    fn next(&mut self) -> Option<Option<Asked<'a>>> {
        if self.0.is_empty() {
            return None;
        }
        let one = self.0.prefixed().and_then(one);
        if one.is_none() {
            // Nothing behind it can be told apart.
            self.0 = Cursor::new(&[]);
        }
        Some(one)
    }
}

/// What a body asks for.
pub(super) fn asked(body: &[u8]) -> Option<Content<'_>> {
    match body.split_first()? {
        (&ALL, []) => None,
        (&ALL, changes) => Some(Content::All(All(Cursor::new(changes)))),
        _ => one(body).map(Content::One),
    }
}

fn one(bytes: &[u8]) -> Option<Asked<'_>> {
    let mut cursor = Cursor::new(bytes);
    let verb = cursor.u8()?;
    let condition = match verb {
        UPSERT | REMOVE => Condition::Always,
        UPSERT_IF | REMOVE_IF => take_condition(&mut cursor)?,
        _ => return None,
    };
    let length = cursor.u16()?;
    let key = cursor.take(usize::from(length))?;
    let value = match verb {
        UPSERT | UPSERT_IF => Some(cursor.rest()),
        _ if cursor.is_empty() => None,
        _ => return None,
    };
    Some(Asked { key, value, condition })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &'static str) -> Key {
        Key::new(text).expect("a valid key")
    }

    fn golden() -> Vec<(KvCommand, &'static [u8])> {
        let upsert = Change::upsert(key("ab"), Bytes::from("v"));
        let remove = Change::remove(key("a"));
        let if_seven = upsert.clone().only_if(Condition::Revision(7));
        vec![
            (KvCommand::One(upsert.clone()), b"\x01\x02\0abv"),
            (KvCommand::One(Change::upsert(key("a"), Bytes::new())), b"\x01\x01\0a"),
            (KvCommand::One(remove.clone()), b"\x02\x01\0a"),
            (KvCommand::One(if_seven), b"\x03\x03\x07\0\0\0\0\0\0\0\x02\0abv"),
            (KvCommand::One(upsert.clone().only_if(Condition::Absent)), b"\x03\x01\0\0\0\0\0\0\0\0\x02\0abv"),
            (KvCommand::One(remove.clone().only_if(Condition::Present)), b"\x04\x02\0\0\0\0\0\0\0\0\x01\0a"),
            (KvCommand::All(vec![upsert, remove]), b"\x05\x06\0\0\0\x01\x02\0abv\x04\0\0\0\x02\x01\0a"),
        ]
    }

    #[test]
    fn bytes_are_golden_and_round_trip() {
        for (command, bytes) in golden() {
            assert_eq!(command.encode(), bytes);
            assert_eq!(command.bytes(), bytes.len());
            assert_eq!(KvCommand::decode(&Bytes::from_static(bytes)), Some(command));
        }
    }

    #[test]
    fn what_is_no_command_is_none() {
        let rows: [&[u8]; 12] = [
            b"",
            b"\x01",
            b"\x01\x02\0a",
            b"\x01\0\0",
            b"\x02\x01\0ab",
            b"\x06\x01\0a",
            b"\x03\x01\x01\0\0\0\0\0\0\0\x01\0a",
            b"\x03\x09\0\0\0\0\0\0\0\0\x01\0a",
            b"\x05",
            b"\x05\x04\0\0\0\x02\x01\0",
            b"\x05\x01\0\0\0\x05",
            b"\x05\x04\0\0\0\x02\x01\0a\x00",
        ];
        for bytes in rows {
            assert_eq!(KvCommand::decode(&Bytes::from_static(bytes)), None, "{bytes:?}");
        }
    }
}
