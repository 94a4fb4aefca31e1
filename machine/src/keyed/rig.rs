//! A machine over rows in memory, for its tests.

use super::{Keyed, OfKeys, envelope};
use crate::machine::{At, Machine, Nonsense, Outcome, View, ViewError};
use bytes::Bytes;
use model::keyspace::{deadlines_from, decode_deadline};
use model::{Event, Index, Key, KeyRange, Layout, Mutation, Stamp};
use std::collections::BTreeMap;

/// Commands and questions, one after the other.
pub(crate) struct Rig<K> {
    machine: OfKeys<K>,
    pub rows: BTreeMap<Bytes, Bytes>,
    pub index: Index,
}

impl<K: Keyed> Rig<K> {
    pub fn new(keyed: K) -> Rig<K> {
        let machine = OfKeys { keyed, layout: Layout::Hashed };
        Rig { machine, rows: BTreeMap::new(), index: 0 }
    }

    /// The reply. Everything that was read had been said before.
    pub fn apply(&mut self, key: &'static str, body: &Bytes, stamp: Stamp) -> Bytes {
        self.index += 1;
        let mut command = Vec::new();
        envelope::put(&name(key), body, &mut command);
        let at = At { index: self.index, stamp };
        let outcome = self.machine.apply(&Held(&self.rows), &Bytes::from(command), at).expect("total");
        self.take(outcome)
    }

    /// What was told when everything due at this stamp had expired.
    pub fn tick(&mut self, stamp: Stamp) -> Vec<Event> {
        let mut told = Vec::new();
        loop {
            self.index += 1;
            let rows = &self.rows;
            let noted = rows.keys().find(|key| deadlines_from(Stamp(0)).contains(key)).cloned();
            let due = noted.and_then(|noted| decode_deadline(&noted).map(|(due, row)| (noted, due, row)));
            let Some((noted, _, row)) = due.filter(|(_, due, _)| *due <= stamp) else { return told };
            self.rows.remove(&noted);
            let at = At { index: self.index, stamp };
            let outcome = self.machine.expire(&Held(&self.rows), &row, at).expect("total");
            told.extend(outcome.events.clone());
            self.take(outcome);
        }
    }

    fn take(&mut self, outcome: Outcome) -> Bytes {
        for mutation in outcome.mutations {
            match mutation {
                Mutation::Put { key, value } => self.rows.insert(key, value),
                Mutation::Delete { key } => self.rows.remove(&key),
            };
        }
        outcome.reply
    }

    /// The answer.
    pub fn query(&self, key: &'static str, body: &'static [u8], stamp: Stamp) -> Result<Bytes, Nonsense> {
        let at = At { index: self.index, stamp };
        self.machine.query(&Held(&self.rows), &name(key), &Bytes::from_static(body), at).expect("total")
    }
}

fn name(key: &'static str) -> Key {
    Key::new(key).expect("a valid key")
}

struct Held<'a>(&'a BTreeMap<Bytes, Bytes>);

impl View for Held<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, ViewError> {
        Ok(self.0.get(key).cloned())
    }

    fn range(&self, range: &KeyRange, most: usize) -> Result<Vec<(Bytes, Bytes)>, ViewError> {
        let within = self.0.iter().filter(|(key, _)| range.contains(key));
        Ok(within.map(|(key, value)| (key.clone(), value.clone())).take(most).collect())
    }
}
