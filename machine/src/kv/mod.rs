//! `kv`: rows by key. Upsert and remove are commands; reading is no command.
//!
//! `command.rs` is what a client asks, `reply.rs` what it hears, `row.rs` what is
//! stored, and this file what the one makes of the other.

mod command;
mod reply;
mod row;

pub use command::{Change, KvCommand};
pub use reply::{Changes, KvReply};
pub use row::Row;

use crate::machine::{At, Machine, Outcome, View, ViewError};
use bytes::Bytes;
use command::{Asked, Content, asked};
use model::keyspace::encode_data;
use model::{Condition, Index, Key, Layout, Mutation};
use std::collections::BTreeMap;

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
        let mut read = |asked: Asked<'_>| {
            if asked.value.is_none() || asked.condition != Condition::Always {
                keys.extend(self.stored(command, asked.key));
            }
        };
        match asked(command) {
            Some(Content::One(one)) => read(one),
            Some(Content::All(all)) => all.flatten().for_each(read),
            None => {}
        }
    }

    fn apply(&self, view: &dyn View, command: &Bytes, at: At) -> Result<Outcome, ViewError> {
        let Some(content) = asked(command) else { return Ok(unreadable()) };
        let mut under_way = UnderWay { kv: *self, view, command, at, changed: BTreeMap::new() };
        match content {
            Content::One(one) => Ok(match under_way.change(one)? {
                Changed::Nonsense => unreadable(),
                Changed::Refused(revision) => refused(0, revision),
                Changed::Found(found, mutation) => Outcome {
                    reply: if found { KvReply::Done } else { KvReply::NotFound }.encode(),
                    mutations: mutation.into_iter().collect(),
                    events: Vec::new(),
                },
            }),
            Content::All(all) => under_way.all(all),
        }
    }
}

/// One command, change by change.
struct UnderWay<'a> {
    kv: Kv,
    view: &'a dyn View,
    command: &'a Bytes,
    at: At,
    /// By the changes of an atomic command so far: which rows have this revision
    /// now, and which are gone.
    changed: BTreeMap<Bytes, Option<Index>>,
}

/// What a change comes to.
enum Changed {
    /// It is none.
    Nonsense,
    /// Its condition does not hold: the row's revision.
    Refused(Option<Index>),
    /// Was there what is to be removed? And what is to be changed.
    Found(bool, Option<Mutation>),
}

impl UnderWay<'_> {
    fn all<'b>(&mut self, all: impl Iterator<Item = Option<Asked<'b>>>) -> Result<Outcome, ViewError> {
        let (mut mutations, mut not_found) = (Vec::new(), Vec::new());
        for (number, one) in all.enumerate() {
            let Some(one) = one else { return Ok(unreadable()) };
            match self.change(one)? {
                Changed::Nonsense => return Ok(unreadable()),
                Changed::Refused(revision) => return Ok(refused(number as u32, revision)),
                Changed::Found(found, mutation) => {
                    if let Some(mutation) = mutation {
                        let revision = one.value.map(|_| self.at.index);
                        self.changed.insert(mutation.key().clone(), revision);
                        mutations.push(mutation);
                    }
                    not_found.extend((!found).then_some(number));
                }
            }
        }
        let reply = match not_found.is_empty() {
            true => KvReply::Done,
            false => KvReply::NotFoundIn(not_found.into_iter().collect()),
        };
        Ok(Outcome { reply: reply.encode(), mutations, events: Vec::new() })
    }

    fn change(&self, asked: Asked<'_>) -> Result<Changed, ViewError> {
        let Some(stored) = self.kv.stored(self.command, asked.key) else { return Ok(Changed::Nonsense) };
        let put = |value| Mutation::put(stored.clone(), Row::encode_parts(self.at.index, value));
        if let (Some(value), Condition::Always) = (asked.value, asked.condition) {
            return Ok(Changed::Found(true, Some(put(value))));
        }
        let revision = self.revision(&stored)?;
        if !asked.condition.holds(revision) {
            return Ok(Changed::Refused(revision));
        }
        Ok(match asked.value {
            Some(value) => Changed::Found(true, Some(put(value))),
            None => Changed::Found(revision.is_some(), revision.map(|_| Mutation::delete(stored))),
        })
    }

    fn revision(&self, stored: &[u8]) -> Result<Option<Index>, ViewError> {
        if let Some(changed) = self.changed.get(stored) {
            return Ok(*changed);
        }
        let Some(row) = self.view.get(stored)? else { return Ok(None) };
        match Row::decode(&row) {
            Some(row) => Ok(Some(row.revision)),
            None => Err(ViewError(format!("row {} is none of `kv`", stored.escape_ascii()).into())),
        }
    }
}

fn unreadable() -> Outcome {
    Outcome { reply: KvReply::Unreadable.encode(), ..Outcome::default() }
}

fn refused(change: u32, revision: Option<Index>) -> Outcome {
    Outcome { reply: KvReply::Refused { change, revision }.encode(), ..Outcome::default() }
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

    #[derive(Default)]
    struct Rows(BTreeMap<Bytes, Bytes>);

    impl View for Rows {
        fn get(&self, key: &[u8]) -> Result<Option<Bytes>, ViewError> {
            Ok(self.0.get(key).cloned())
        }

        fn range(&self, _: &model::KeyRange, _: usize) -> Result<Vec<(Bytes, Bytes)>, ViewError> {
            unreachable!("it has no parts")
        }
    }

    const KV: Kv = Kv { layout: Layout::Hashed };

    impl Rows {
        fn run(&mut self, index: u64, command: &Bytes) -> KvReply {
            let outcome = KV.apply(self, command, At { index, stamp: Stamp(index) }).expect("total");
            for mutation in outcome.mutations {
                match mutation {
                    Mutation::Put { key, value } => self.0.insert(key, value),
                    Mutation::Delete { key } => self.0.remove(&key),
                };
            }
            KvReply::decode(&outcome.reply)
        }

        fn one(&mut self, index: u64, change: Change) -> KvReply {
            self.run(index, &KvCommand::One(change).encode())
        }

        fn row(&self, key: &'static str) -> Option<Row> {
            self.0.get(&encode_data(KV.layout, &name(key))).map(|row| Row::decode(row).expect("our own"))
        }
    }

    fn name(text: &'static str) -> Key {
        Key::new(text).expect("a valid key")
    }

    fn put(key: &'static str, value: &'static str) -> Change {
        Change::upsert(name(key), Bytes::from(value))
    }

    fn remove(key: &'static str) -> Change {
        Change::remove(name(key))
    }

    fn row(revision: u64, value: &'static str) -> Option<Row> {
        Some(Row { revision, value: Bytes::from(value) })
    }

    #[test]
    fn a_row_has_the_revision_of_the_command_that_wrote_it() {
        let mut rows = Rows::default();
        assert_eq!(rows.one(1, remove("k")), KvReply::NotFound);
        assert_eq!(rows.one(2, put("k", "a")), KvReply::Done);
        assert_eq!(rows.one(3, put("k", "b")), KvReply::Done);
        assert_eq!(rows.row("k"), row(3, "b"));
        assert_eq!(rows.one(4, remove("k")), KvReply::Done);
        assert_eq!(rows.one(5, remove("k")), KvReply::NotFound);
        assert_eq!(rows.run(6, &Bytes::from_static(b"\xff")), KvReply::Unreadable);
        assert!(rows.0.is_empty());
    }

    #[test]
    fn a_change_is_made_if_its_condition_holds() {
        use Condition::{Absent, Present, Revision};
        let refused = |revision| KvReply::Refused { change: 0, revision };
        // Each in a world where row `k` has revision 7, and where it is not there.
        let table = [
            (put("k", "b").only_if(Absent), refused(Some(7)), KvReply::Done),
            (put("k", "b").only_if(Present), KvReply::Done, refused(None)),
            (put("k", "b").only_if(Revision(7)), KvReply::Done, refused(None)),
            (put("k", "b").only_if(Revision(6)), refused(Some(7)), refused(None)),
            (remove("k").only_if(Absent), refused(Some(7)), KvReply::NotFound),
            (remove("k").only_if(Present), KvReply::Done, refused(None)),
            (remove("k").only_if(Revision(7)), KvReply::Done, refused(None)),
            (remove("k").only_if(Revision(8)), refused(Some(7)), refused(None)),
        ];
        for (change, there, not_there) in table {
            for (is_there, expected) in [(true, there), (false, not_there)] {
                let mut rows = Rows::default();
                if is_there {
                    rows.one(7, put("k", "a"));
                }
                let before = rows.row("k");
                assert_eq!(rows.one(9, change.clone()), expected, "{change:?} {is_there}");
                let changed = change.value.as_ref().map(|_| Row { revision: 9, value: Bytes::from("b") });
                let is_refused = matches!(expected, KvReply::Refused { .. });
                assert_eq!(rows.row("k"), if is_refused { before } else { changed }, "{change:?}");
            }
        }
    }

    #[test]
    fn an_atomic_command_does_all_or_nothing_and_sees_what_it_did() {
        use Condition::{Absent, Revision};
        let mut rows = Rows::default();
        let all = |changes: Vec<Change>| KvCommand::All(changes).encode();
        let changes =
            vec![put("a", "1"), remove("b"), put("b", "2").only_if(Absent), remove("a").only_if(Revision(1))];
        assert_eq!(rows.run(1, &all(changes)), KvReply::NotFoundIn([1].into_iter().collect()));
        assert_eq!((rows.row("a"), rows.row("b")), (None, row(1, "2")));
        let changes = vec![put("a", "3"), remove("b"), put("c", "4").only_if(Revision(9))];
        assert_eq!(rows.run(2, &all(changes)), KvReply::Refused { change: 2, revision: None });
        assert_eq!((rows.row("a"), rows.row("b")), (None, row(1, "2")));
        let nonsense = Bytes::from_static(b"\x05\x04\0\0\0\x01\x01\0a\x01\0\0\0\xff");
        assert_eq!(rows.run(3, &nonsense), KvReply::Unreadable);
        assert_eq!(rows.row("a"), None);
    }

    #[test]
    fn what_a_command_reads_is_known_before() {
        let changes = vec![put("a", "1"), remove("b"), put("c", "1").only_if(Condition::Absent)];
        let stored = |key| encode_data(KV.layout, &name(key));
        let mut keys = Vec::new();
        KV.reads(&KvCommand::All(changes).encode(), &mut keys);
        KV.reads(&KvCommand::One(put("d", "1")).encode(), &mut keys);
        KV.reads(&KvCommand::One(remove("e")).encode(), &mut keys);
        assert_eq!(keys, [stored("b"), stored("c"), stored("e")]);
    }
}
