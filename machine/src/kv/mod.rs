//! `kv`: rows by key. Upsert and remove are commands; reading is no command.
//!
//! `command.rs` is what a client asks, `row.rs` what is stored, and this file
//! what the one makes of the other.

mod command;
mod row;

pub use command::{KvCommand, KvReply};
pub use row::Row;

use crate::machine::{At, Machine, Outcome, View, ViewError};
use bytes::Bytes;
use command::parts;
use model::keyspace::encode_data;
use model::{Key, Layout, Mutation};

/// The key-value machine of a table with this layout.
#[derive(Clone, Copy, Debug)]
pub struct Kv {
    /// How the table's keys are stored.
    pub layout: Layout,
}

impl Machine for Kv {
    fn name(&self) -> &'static str {
        "kv"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self, command: &Bytes, keys: &mut Vec<Bytes>) {
        if let Some((key, None)) = parts(command)
            && let Some(stored) = self.stored(command, key)
        {
            keys.push(stored);
        }
    }

    fn apply(&self, view: &dyn View, command: &Bytes, at: At) -> Result<Outcome, ViewError> {
        let read = parts(command).and_then(|(key, value)| Some((self.stored(command, key)?, value)));
        let (reply, mutation) = match read {
            None => (KvReply::Unreadable, None),
            Some((stored, Some(value))) => {
                (KvReply::Done, Some(Mutation::put(stored, Row::encode_parts(at.index, value))))
            }
            Some((stored, None)) => match view.get(&stored)? {
                Some(_) => (KvReply::Done, Some(Mutation::delete(stored))),
                None => (KvReply::NotFound, None),
            },
        };
        Ok(Outcome { reply: reply.encode(), mutations: mutation.into_iter().collect(), events: Vec::new() })
    }
}

impl Kv {
    /// The row of a command's key; none if it is no key.
    fn stored(&self, command: &Bytes, key: &[u8]) -> Option<Bytes> {
        let key = Key::new(command.slice_ref(key)).ok()?;
        Some(encode_data(self.layout, &key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Stamp;
    use std::collections::BTreeMap;

    #[derive(Default)]
    struct Rows(BTreeMap<Bytes, Bytes>);

    impl View for Rows {
        fn get(&self, key: &[u8]) -> Result<Option<Bytes>, ViewError> {
            Ok(self.0.get(key).cloned())
        }
    }

    impl Rows {
        fn run(&mut self, index: u64, command: &Bytes) -> KvReply {
            let kv = Kv { layout: Layout::Hashed };
            let outcome = kv.apply(self, command, At { index, stamp: Stamp(index) }).expect("total");
            for mutation in outcome.mutations {
                match mutation {
                    Mutation::Put { key, value } => self.0.insert(key, value),
                    Mutation::Delete { key } => self.0.remove(&key),
                };
            }
            KvReply::decode(&outcome.reply)
        }
    }

    #[test]
    fn a_row_has_the_revision_of_the_command_that_wrote_it() {
        let key = Key::new("k").expect("a valid key");
        let stored = encode_data(Layout::Hashed, &key);
        let upsert =
            |value: &'static str| KvCommand::Upsert { key: key.clone(), value: Bytes::from(value) }.encode();
        let remove = KvCommand::Remove { key: key.clone() }.encode();
        let mut rows = Rows::default();
        assert_eq!(rows.run(1, &remove), KvReply::NotFound);
        assert_eq!(rows.run(2, &upsert("a")), KvReply::Done);
        assert_eq!(rows.run(3, &upsert("b")), KvReply::Done);
        let row = Row::decode(&rows.0[&stored]).expect("our own row");
        assert_eq!(row, Row { revision: 3, value: Bytes::from("b") });
        assert_eq!(rows.run(4, &remove), KvReply::Done);
        assert_eq!(rows.run(5, &remove), KvReply::NotFound);
        assert_eq!(rows.run(6, &Bytes::from_static(b"\xff")), KvReply::Unreadable);
        assert!(rows.0.is_empty());
    }
}
