//! What a client asks of a `kv` table, as bytes. They stand in logs: laid out in
//! `docs/formats/kv.md`.

use super::change::{Asked, Change};
use super::clear::Clear;
use bytes::Bytes;
use model::wire::Cursor;

/// Behind it: changes, each behind its length.
const ALL: u8 = 5;
const CLEAR: u8 = 6;

/// A command's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KvCommand {
    /// A change of one row.
    One(Change),
    /// All of them in this order, or none.
    All(Vec<Change>),
    /// A range of rows is gone, or the first of them.
    Clear(Clear),
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
            KvCommand::Clear(clear) => 1 + clear.len(),
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
            KvCommand::Clear(clear) => {
                out.push(CLEAR);
                clear.put(out);
            }
        }
    }

    /// The command of a body, if it is one; its parts share the body's memory.
    pub fn decode(body: &Bytes) -> Option<KvCommand> {
        match asked(body)? {
            Content::One(one) => one.to_change(body).map(KvCommand::One),
            Content::All(all) => {
                all.map(|one| one?.to_change(body)).collect::<Option<_>>().map(KvCommand::All)
            }
            Content::Clear(clear) => Some(KvCommand::Clear(clear)),
        }
    }
}

/// What stands in a body.
pub(super) enum Content<'a> {
    One(Asked<'a>),
    All(All<'a>),
    Clear(Clear),
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
        let one = self.0.prefixed().and_then(Asked::decode);
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
        (&CLEAR, clear) => Clear::decode(clear).map(Content::Clear),
        _ => Asked::decode(body).map(Content::One),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv::Act;
    use model::{Condition, Key};

    fn key(text: &'static str) -> Key {
        Key::new(text).expect("a valid key")
    }

    fn golden() -> Vec<(KvCommand, &'static [u8])> {
        let upsert = Change::upsert(key("ab"), Bytes::from("v"));
        let remove = Change::remove(key("a"));
        let act = |act| Change { act, ..remove.clone() };
        let lasting = act(Act::Upsert { value: Bytes::from("v"), ttl_ms: Some(258) });
        let touch = |ttl_ms| KvCommand::One(act(Act::Touch { ttl_ms }).only_if(Condition::Revision(7)));
        let clear = |upto| KvCommand::Clear(Clear::new(b"a", upto, 258, 1 << 20).expect("sense"));
        let if_seven = upsert.clone().only_if(Condition::Revision(7));
        vec![
            (KvCommand::One(upsert.clone()), b"\x01\x02\0abv"),
            (KvCommand::One(Change::upsert(key("a"), Bytes::new())), b"\x01\x01\0a"),
            (KvCommand::One(remove.clone()), b"\x02\x01\0a"),
            (KvCommand::One(if_seven), b"\x03\x03\x07\0\0\0\0\0\0\0\x02\0abv"),
            (KvCommand::One(upsert.clone().only_if(Condition::Absent)), b"\x03\x01\0\0\0\0\0\0\0\0\x02\0abv"),
            (KvCommand::One(remove.clone().only_if(Condition::Present)), b"\x04\x02\0\0\0\0\0\0\0\0\x01\0a"),
            (KvCommand::One(lasting), b"\x07\x02\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0av"),
            (touch(Some(1)), b"\x08\x01\0\0\0\0\0\0\0\x03\x07\0\0\0\0\0\0\0\x01\0a"),
            (touch(None), b"\x08\0\0\0\0\0\0\0\0\x03\x07\0\0\0\0\0\0\0\x01\0a"),
            (KvCommand::All(vec![upsert, remove]), b"\x05\x06\0\0\0\x01\x02\0abv\x04\0\0\0\x02\x01\0a"),
            (clear(b"bc"), b"\x06\x02\x01\0\0\0\0\x10\0\x01\0abc"),
            (clear(b""), b"\x06\x02\x01\0\0\0\0\x10\0\x01\0a"),
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
        let rows: [&[u8]; 20] = [
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
            b"\x03\0\0\0\0\0\0\0\0\0\x01\0a",
            b"\x07\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0av",
            b"\x07\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0\0\x01\0av",
            b"\x08\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0av",
            b"\x06",
            b"\x06\x01\0\0\0\x01\0\0\0\x02\0a",
            b"\x06\x01\0\0\0\x01\0\0\0\x01\0aa",
            b"\x06\0\0\0\0\x01\0\0\0\0\0",
        ];
        for bytes in rows {
            assert_eq!(KvCommand::decode(&Bytes::from_static(bytes)), None, "{bytes:?}");
        }
    }
}
