//! A change of one row, as bytes. They stand in logs: laid out in
//! `docs/formats/kv.md`.

use bytes::Bytes;
use model::wire::Cursor;
use model::{Condition, Key};

const UPSERT: u8 = 1;
const REMOVE: u8 = 2;
const UPSERT_IF: u8 = 3;
const REMOVE_IF: u8 = 4;
const UPSERT_FOR: u8 = 7;
const TOUCH: u8 = 8;

const ALWAYS: u8 = 0;
const ABSENT: u8 = 1;
const PRESENT: u8 = 2;
const REVISION: u8 = 3;

/// The longest that a row is given: a hundred years.
pub const TTL_MS_MAX: u64 = 100 * 365 * 86_400_000;
/// A touched row lasts for ever.
const FOR_EVER: u64 = 0;

/// A change of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which row.
    pub key: Key,
    /// What happens to it.
    pub act: Act<Bytes>,
    /// What has to hold.
    pub condition: Condition,
}

/// What happens to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act<V> {
    /// It holds a value from now on.
    Upsert {
        /// Which.
        value: V,
        /// For so long, or for ever.
        ttl_ms: Option<u64>,
    },
    /// It is gone.
    Remove,
    /// It holds what it holds, and its time begins anew.
    Touch {
        /// For so long, or for ever.
        ttl_ms: Option<u64>,
    },
}

impl Change {
    /// The row holds the value from now on.
    pub fn upsert(key: Key, value: Bytes) -> Change {
        Change { key, act: Act::Upsert { value, ttl_ms: None }, condition: Condition::Always }
    }

    /// The row is gone.
    pub fn remove(key: Key) -> Change {
        Change { key, act: Act::Remove, condition: Condition::Always }
    }

    /// The same, if this holds.
    #[must_use]
    pub fn only_if(self, condition: Condition) -> Change {
        Change { condition, ..self }
    }

    /// Bytes of it.
    pub fn bytes(&self) -> usize {
        let condition = if self.condition == Condition::Always { 0 } else { 9 };
        let rest = match &self.act {
            Act::Upsert { value, ttl_ms: None } => condition + value.len(),
            Act::Upsert { value, ttl_ms: Some(_) } => 17 + value.len(),
            Act::Remove => condition,
            Act::Touch { .. } => 17,
        };
        3 + self.key.as_bytes().len() + rest
    }

    /// Appends it.
    pub fn put(&self, out: &mut Vec<u8>) {
        let always = self.condition == Condition::Always;
        let (verb, ttl_ms) = match self.act {
            Act::Upsert { ttl_ms: None, .. } => (if always { UPSERT } else { UPSERT_IF }, None),
            Act::Upsert { ttl_ms, .. } => (UPSERT_FOR, ttl_ms),
            Act::Remove => (if always { REMOVE } else { REMOVE_IF }, None),
            Act::Touch { ttl_ms } => (TOUCH, Some(ttl_ms.unwrap_or(FOR_EVER))),
        };
        out.push(verb);
        if let Some(ttl_ms) = ttl_ms {
            out.extend_from_slice(&ttl_ms.to_le_bytes());
        }
        if !always || ttl_ms.is_some() {
            put_condition(self.condition, out);
        }
        let key = self.key.as_bytes();
        let length = u16::try_from(key.len()).expect("a key has at most 1,024 bytes");
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(key);
        if let Act::Upsert { value, .. } = &self.act {
            out.extend_from_slice(value);
        }
    }
}

fn put_condition(condition: Condition, out: &mut Vec<u8>) {
    let (kind, revision) = match condition {
        Condition::Always => (ALWAYS, 0),
        Condition::Absent => (ABSENT, 0),
        Condition::Present => (PRESENT, 0),
        Condition::Revision(revision) => (REVISION, revision),
    };
    out.push(kind);
    out.extend_from_slice(&revision.to_le_bytes());
}

fn take_condition(cursor: &mut Cursor<'_>) -> Option<Condition> {
    match (cursor.u8()?, cursor.u64()?) {
        (ALWAYS, 0) => Some(Condition::Always),
        (ABSENT, 0) => Some(Condition::Absent),
        (PRESENT, 0) => Some(Condition::Present),
        (REVISION, revision) => Some(Condition::Revision(revision)),
        _ => None,
    }
}

/// A change as it stands in a body. A shard looks at every command there is:
/// this borrows.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub key: &'a [u8],
    pub act: Act<&'a [u8]>,
    pub condition: Condition,
}

impl<'a> Asked<'a> {
    /// The change of these bytes, if they are one.
    pub fn decode(bytes: &'a [u8]) -> Option<Asked<'a>> {
        let mut cursor = Cursor::new(bytes);
        let verb = cursor.u8()?;
        let ttl_ms = match verb {
            UPSERT_FOR | TOUCH => Some(cursor.u64().filter(|ttl_ms| *ttl_ms <= TTL_MS_MAX)?),
            _ => None,
        };
        let condition = match verb {
            UPSERT | REMOVE => Condition::Always,
            UPSERT_IF | REMOVE_IF => take_condition(&mut cursor).filter(|it| *it != Condition::Always)?,
            UPSERT_FOR | TOUCH => take_condition(&mut cursor)?,
            _ => return None,
        };
        let length = cursor.u16()?;
        let key = cursor.take(usize::from(length))?;
        let act = match verb {
            UPSERT_FOR if ttl_ms == Some(FOR_EVER) => return None,
            UPSERT | UPSERT_IF | UPSERT_FOR => Act::Upsert { value: cursor.rest(), ttl_ms },
            _ if !cursor.is_empty() => return None,
            TOUCH => Act::Touch { ttl_ms: ttl_ms.filter(|ttl_ms| *ttl_ms != FOR_EVER) },
            _ => Act::Remove,
        };
        Some(Asked { key, act, condition })
    }

    /// The same, sharing the memory of the body that it was decoded from.
    pub fn to_change(self, body: &Bytes) -> Option<Change> {
        let key = Key::new(body.slice_ref(self.key)).ok()?;
        let act = match self.act {
            Act::Upsert { value, ttl_ms } => Act::Upsert { value: body.slice_ref(value), ttl_ms },
            Act::Remove => Act::Remove,
            Act::Touch { ttl_ms } => Act::Touch { ttl_ms },
        };
        Some(Change { key, act, condition: self.condition })
    }
}
