//! What a machine sees while a store batch is being gathered: the store, with
//! the mutations gathered so far laid over it.
//!
//! Of several mutations of one row only the last is kept, and they are handed
//! over sorted: a store that is brought up from a long log then writes each row
//! once a batch, in its own order, instead of as often as it was changed.

use bytes::Bytes;
use machine::{View, ViewError};
use model::{KeyKind, KeyRange, Mutation, PartitionId};
use statestore::Store;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasherDefault;
use std::ops::{Bound, ControlFlow};

/// Looked up only: neither its order nor its hashes show, since what leaves is
/// sorted. The hasher is fixed all the same, so that a run is the same twice.
#[allow(clippy::disallowed_types, reason = "neither order nor hashes show")]
type Rows =
    std::collections::HashMap<Bytes, usize, BuildHasherDefault<std::collections::hash_map::DefaultHasher>>;

/// The gathered mutations of one partition, the last of each row.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    mutations: Vec<Mutation>,
    rows: Rows,
    /// Those of the rows that are parts, which are also looked for by range.
    parts: BTreeSet<Bytes>,
}

impl Overlay {
    pub fn extend(&mut self, mutations: Vec<Mutation>) {
        for mutation in mutations {
            match self.rows.entry(mutation.key().clone()) {
                Entry::Occupied(at) => self.mutations[*at.get()] = mutation,
                Entry::Vacant(free) => {
                    if free.key().first() == Some(&(KeyKind::Part as u8)) {
                        self.parts.insert(free.key().clone());
                    }
                    free.insert(self.mutations.len());
                    self.mutations.push(mutation);
                }
            }
        }
    }

    /// What was gathered, sorted by row; nothing is left.
    pub fn take(&mut self) -> Vec<Mutation> {
        self.rows.clear();
        self.parts.clear();
        let mut mutations = std::mem::take(&mut self.mutations);
        mutations.sort_unstable_by(|a, b| a.key().cmp(b.key()));
        mutations
    }

    /// Does a gathered mutation touch the row?
    pub fn holds(&self, key: &[u8]) -> bool {
        self.rows.contains_key(key)
    }

    /// The parts of a range that gathered mutations touch, as they leave them.
    fn range(&self, range: &KeyRange) -> impl Iterator<Item = (&Bytes, Option<Bytes>)> {
        let end = range.end().map_or(Bound::Unbounded, Bound::Excluded);
        let parts = self.parts.range::<[u8], _>((Bound::Included(range.start()), end));
        parts.map(|key| (key, self.get(key).flatten()))
    }

    /// The row as the gathered mutations leave it; `None` when none touches it.
    fn get(&self, key: &[u8]) -> Option<Option<Bytes>> {
        self.rows.get(key).map(|at| match &self.mutations[*at] {
            Mutation::Put { value, .. } => Some(value.clone()),
            Mutation::Delete { .. } => None,
        })
    }
}

/// The store with an overlay, as one partition sees it.
pub(crate) struct Overlaid<'a> {
    pub store: &'a dyn Store,
    pub partition: PartitionId,
    pub overlay: &'a Overlay,
    /// Rows read ahead, sorted by key.
    pub fetched: &'a [(Bytes, Option<Bytes>)],
}

impl View for Overlaid<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, ViewError> {
        if let Some(row) = self.overlay.get(key) {
            return Ok(row);
        }
        if let Ok(at) = self.fetched.binary_search_by(|(fetched, _)| fetched[..].cmp(key)) {
            return Ok(self.fetched[at].1.clone());
        }
        self.store.get(self.partition, key).map_err(|error| ViewError(Box::new(error)))
    }

    fn range(&self, range: &KeyRange, most: usize) -> Result<Vec<(Bytes, Bytes)>, ViewError> {
        let changed: Vec<_> = self.overlay.range(range).collect();
        // As many of the store's may be gone.
        let gone = changed.iter().filter(|(_, value)| value.is_none()).count();
        let mut rows = BTreeMap::new();
        let found = self.store.scan(self.partition, range, &mut |key, value| {
            if rows.len() == most.saturating_add(gone) {
                return ControlFlow::Break(());
            }
            rows.insert(Bytes::copy_from_slice(key), Bytes::copy_from_slice(value));
            ControlFlow::Continue(())
        });
        found.map_err(|error| ViewError(Box::new(error)))?;
        for (key, value) in changed {
            match value {
                Some(value) => rows.insert(key.clone(), value),
                None => rows.remove(key),
            };
        }
        Ok(rows.into_iter().take(most).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_mutation_of_a_row_is_what_is_seen_and_what_leaves() {
        let mut overlay = Overlay::default();
        assert_eq!(overlay.get(b"a"), None);
        overlay.extend(vec![Mutation::put("b", "2"), Mutation::put("a", "1")]);
        assert_eq!(overlay.get(b"a"), Some(Some(Bytes::from("1"))));
        overlay.extend(vec![Mutation::delete("a"), Mutation::put("b", "3")]);
        assert_eq!(overlay.get(b"a"), Some(None));
        assert_eq!(overlay.get(b"b"), Some(Some(Bytes::from("3"))));
        assert_eq!(overlay.take(), [Mutation::delete("a"), Mutation::put("b", "3")]);
        assert_eq!(overlay.get(b"b"), None);
    }

    #[test]
    fn a_range_of_parts_shows_the_store_with_what_was_gathered_over_it() {
        let store = statestore::MemoryStore::volatile(&model::Limits::default(), env::Plants::NONE);
        let partition = PartitionId(1);
        store.create(&[partition], 0).expect("created");
        let put = |name: &str| Mutation::put(format!("\x05{name}"), "old");
        let mutations = ["a", "b", "c", "d"].map(put).to_vec();
        let part = statestore::Part { partition, first_index: 1, count: 1, mutations };
        store.apply(&[part]).expect("applied");
        let mut overlay = Overlay::default();
        overlay.extend(vec![
            Mutation::delete("\x05a"),
            Mutation::put("\x05b", "new"),
            Mutation::put("\x05bb", "new"),
            Mutation::delete("\x05zz"),
            Mutation::put("\x01b", "no part"),
        ]);
        let view = Overlaid { store: &store, partition, overlay: &overlay, fetched: &[] };
        let seen = |prefix: &'static [u8], most| {
            let rows = view.range(&KeyRange::with_prefix(Bytes::from_static(prefix)), most).expect("read");
            let said = |(key, value): (Bytes, Bytes)| {
                format!("{}={}", key[1..].escape_ascii(), value.escape_ascii())
            };
            rows.into_iter().map(said).collect::<Vec<_>>()
        };
        assert_eq!(seen(b"\x05", 9), ["b=new", "bb=new", "c=old", "d=old"]);
        assert_eq!(seen(b"\x05", 3), ["b=new", "bb=new", "c=old"]);
        assert_eq!(seen(b"\x05b", 9), ["b=new", "bb=new"]);
        assert_eq!(seen(b"\x05a", 9), [""; 0]);
    }
}
