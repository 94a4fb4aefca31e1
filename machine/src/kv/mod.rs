//! `kv`: rows by key. Upsert, remove and touch are commands; reading is no command.
//!
//! `change.rs` and `command.rs` are what a client asks, `reply.rs` what it hears,
//! `row.rs` what is stored, `under_way.rs` what one command makes of rows, and
//! `clear.rs` what becomes of a range of them.

mod change;
mod clear;
mod command;
mod reply;
mod row;
mod under_way;

pub use change::{Act, Change, TTL_MS_MAX};
pub use clear::Clear;
pub use command::KvCommand;
pub use reply::{Changes, KvReply};
pub use row::Row;

use crate::machine::{At, Machine, Outcome, View, ViewError};
use crate::registry::Setting;
use bytes::Bytes;
use change::Asked;
use command::{Content, asked};
use model::keyspace::{decode_data, encode_data};
use model::{Condition, Key};
use under_way::{Changed, UnderWay};

/// The key-value machine of a table.
#[derive(Clone, Copy, Debug)]
pub struct Kv {
    /// What it knows of its table.
    pub setting: Setting,
}

impl Machine for Kv {
    fn name(&self) -> &'static str {
        "kv"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self, command: &Bytes, keys: &mut Vec<Bytes>) {
        let mut read = |asked: Asked<'_>| {
            if !self.is_blind(&asked) {
                keys.extend(self.stored(command, asked.key).map(|(_, stored)| stored));
            }
        };
        match asked(command) {
            Some(Content::One(one)) => read(one),
            Some(Content::All(all)) => all.flatten().for_each(read),
            // Which rows there are is seen when it is its turn.
            Some(Content::Clear(_)) | None => {}
        }
    }

    fn apply(&self, view: &dyn View, command: &Bytes, at: At) -> Result<Outcome, ViewError> {
        let Some(content) = asked(command) else { return Ok(unreadable()) };
        let mut under_way = UnderWay::new(*self, view, command, at);
        let reply = match content {
            Content::One(one) => match under_way.change(one)? {
                Changed::Nonsense => return Ok(unreadable()),
                Changed::Refused(revision) => return Ok(refused(0, revision)),
                Changed::TooMuch => return Ok(undone(&KvReply::TooMuch)),
                Changed::Done => KvReply::Done,
                Changed::NotFound => KvReply::NotFound,
            },
            Content::Clear(clear) => clear.apply(view, &mut under_way)?,
            Content::All(all) => {
                under_way = under_way.looking_back();
                let mut not_found = Vec::new();
                for (number, one) in all.enumerate() {
                    let Some(one) = one else { return Ok(unreadable()) };
                    match under_way.change(one)? {
                        Changed::Nonsense => return Ok(unreadable()),
                        Changed::Refused(revision) => return Ok(refused(number as u32, revision)),
                        Changed::TooMuch => return Ok(undone(&KvReply::TooMuch)),
                        Changed::Done => {}
                        Changed::NotFound => not_found.push(number),
                    }
                }
                match not_found.is_empty() {
                    true => KvReply::Done,
                    false => KvReply::NotFoundIn(not_found.into_iter().collect()),
                }
            }
        };
        Ok(under_way.into_outcome(&reply))
    }

    fn expire(&self, view: &dyn View, row: &Bytes, at: At) -> Result<Outcome, ViewError> {
        let Some(key) = decode_data(self.setting.layout, row) else { return Ok(Outcome::default()) };
        let mut under_way = UnderWay::new(*self, view, row, at);
        under_way.expire(key.key, row)?;
        Ok(under_way.into_outcome(&KvReply::Done))
    }
}

fn strange(stored: &[u8]) -> ViewError {
    ViewError(format!("row {} is none of `kv`", stored.escape_ascii()).into())
}

fn unreadable() -> Outcome {
    undone(&KvReply::Unreadable)
}

fn refused(change: u32, revision: Option<model::Index>) -> Outcome {
    undone(&KvReply::Refused { change, revision })
}

fn undone(reply: &KvReply) -> Outcome {
    Outcome { reply: reply.encode(), ..Outcome::default() }
}

impl Kv {
    /// A command's key, and where its row is; none if it is no key.
    fn stored(&self, command: &Bytes, key: &[u8]) -> Option<(Key, Bytes)> {
        let key = Key::new(command.slice_ref(key)).ok()?;
        let stored = encode_data(self.setting.layout, &key);
        Some((key, stored))
    }

    /// Is it done without looking at the row?
    fn is_blind(&self, asked: &Asked<'_>) -> bool {
        let always = asked.condition == Condition::Always && !self.setting.previous;
        always && matches!(asked.act, Act::Upsert { ttl_ms: None, .. })
    }
}

#[cfg(test)]
mod tests;
