//! A machine for tests: registers that are set, removed and added to.
//!
//! `Add` does not commute with being skipped or repeated, which is the point:
//! a command applied twice, or not at all, shows in the value for ever.

use crate::machine::{At, Machine, Outcome, View, ViewError};
use bytes::Bytes;
use model::wire::{Cursor, put_prefixed};
use model::{KeyKind, Mutation};

const SET: u8 = 1;
const REMOVE: u8 = 2;
const ADD: u8 = 3;

/// The test machine. Values of `Add` are little-endian `u64`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Register;

/// What it understands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegisterCommand {
    /// The register holds the value.
    Set {
        /// Its name.
        key: Bytes,
        /// What it holds.
        value: Bytes,
    },
    /// The register holds nothing.
    Remove {
        /// Its name.
        key: Bytes,
    },
    /// The register holds so much more; an empty one holds 0.
    Add {
        /// Its name.
        key: Bytes,
        /// How much.
        amount: u64,
    },
}

impl RegisterCommand {
    /// The command's body.
    pub fn encode(&self) -> Bytes {
        let (tag, key, rest): (u8, &Bytes, Bytes) = match self {
            RegisterCommand::Set { key, value } => (SET, key, value.clone()),
            RegisterCommand::Remove { key } => (REMOVE, key, Bytes::new()),
            RegisterCommand::Add { key, amount } => (ADD, key, Bytes::copy_from_slice(&amount.to_le_bytes())),
        };
        let mut out = Vec::with_capacity(5 + key.len() + rest.len());
        out.push(tag);
        put_prefixed(&mut out, key);
        out.extend_from_slice(&rest);
        Bytes::from(out)
    }

    /// The command of a body, if it is one.
    pub fn decode(body: &Bytes) -> Option<RegisterCommand> {
        let mut cursor = Cursor::new(body);
        let tag = cursor.u8()?;
        let key = body.slice_ref(cursor.prefixed()?);
        match tag {
            SET => Some(RegisterCommand::Set { key, value: body.slice_ref(cursor.rest()) }),
            REMOVE if cursor.is_empty() => Some(RegisterCommand::Remove { key }),
            ADD => {
                let amount = cursor.u64()?;
                cursor.is_empty().then_some(RegisterCommand::Add { key, amount })
            }
            _ => None,
        }
    }

    fn key(&self) -> &Bytes {
        match self {
            RegisterCommand::Set { key, .. }
            | RegisterCommand::Remove { key }
            | RegisterCommand::Add { key, .. } => key,
        }
    }
}

fn row(key: &[u8]) -> Bytes {
    let mut stored = Vec::with_capacity(1 + key.len());
    stored.push(KeyKind::Data as u8);
    stored.extend_from_slice(key);
    Bytes::from(stored)
}

fn amount(value: Option<&Bytes>) -> u64 {
    value.and_then(|value| value[..].try_into().ok()).map_or(0, u64::from_le_bytes)
}

impl Machine for Register {
    fn name(&self) -> &'static str {
        "register"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self, command: &Bytes, keys: &mut Vec<Bytes>) {
        if let Some(RegisterCommand::Add { key, .. }) = RegisterCommand::decode(command) {
            keys.push(row(&key));
        }
    }

    fn apply(&self, view: &dyn View, command: &Bytes, _at: At) -> Result<Outcome, ViewError> {
        let Some(command) = RegisterCommand::decode(command) else {
            return Ok(Outcome { reply: Bytes::from_static(b"unreadable"), ..Outcome::default() });
        };
        let row = row(command.key());
        let mutation = match command {
            RegisterCommand::Set { value, .. } => Mutation::put(row, value),
            RegisterCommand::Remove { .. } => Mutation::delete(row),
            RegisterCommand::Add { amount: more, .. } => {
                let sum = amount(view.get(&row)?.as_ref()).wrapping_add(more);
                Mutation::put(row, Bytes::copy_from_slice(&sum.to_le_bytes()))
            }
        };
        Ok(Outcome { reply: Bytes::from_static(b"ok"), mutations: vec![mutation], events: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: At = At { index: 1, stamp: model::Stamp(1) };

    struct Empty;

    impl View for Empty {
        fn get(&self, _key: &[u8]) -> Result<Option<Bytes>, ViewError> {
            Ok(None)
        }

        fn range(&self, _: &model::KeyRange, _: usize) -> Result<Vec<(Bytes, Bytes)>, ViewError> {
            Ok(Vec::new())
        }
    }

    #[test]
    fn commands_round_trip() {
        let key = Bytes::from_static(b"k");
        for command in [
            RegisterCommand::Set { key: key.clone(), value: Bytes::from_static(b"v") },
            RegisterCommand::Remove { key: key.clone() },
            RegisterCommand::Add { key, amount: 7 },
        ] {
            assert_eq!(RegisterCommand::decode(&command.encode()), Some(command));
        }
    }

    #[test]
    fn nonsense_has_an_outcome_too() {
        let outcome = Register.apply(&Empty, &Bytes::from_static(b"\xffnonsense"), AT).expect("total");
        assert_eq!(outcome.mutations, []);
        assert_eq!(&outcome.reply[..], b"unreadable");
    }

    #[test]
    fn an_empty_register_adds_from_zero() {
        let add = RegisterCommand::Add { key: Bytes::from_static(b"n"), amount: 3 };
        let outcome = Register.apply(&Empty, &add.encode(), AT).expect("total");
        let three = Bytes::copy_from_slice(&3u64.to_le_bytes());
        assert_eq!(outcome.mutations, [Mutation::put(&b"\x01n"[..], three)]);
    }
}
