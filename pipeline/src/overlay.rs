//! What a machine sees while a store batch is being gathered: the store, with
//! the mutations gathered so far laid over it.
//!
//! Of several mutations of one row only the last is kept, and they are handed
//! over sorted: a store that is brought up from a long log then writes each row
//! once a batch, in its own order, instead of as often as it was changed.

use bytes::Bytes;
use machine::{View, ViewError};
use model::{Mutation, PartitionId};
use statestore::Store;
use std::collections::hash_map::Entry;
use std::hash::BuildHasherDefault;

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
}

impl Overlay {
    pub fn extend(&mut self, mutations: Vec<Mutation>) {
        for mutation in mutations {
            match self.rows.entry(mutation.key().clone()) {
                Entry::Occupied(at) => self.mutations[*at.get()] = mutation,
                Entry::Vacant(free) => {
                    free.insert(self.mutations.len());
                    self.mutations.push(mutation);
                }
            }
        }
    }

    /// What was gathered, sorted by row; nothing is left.
    pub fn take(&mut self) -> Vec<Mutation> {
        self.rows.clear();
        let mut mutations = std::mem::take(&mut self.mutations);
        mutations.sort_unstable_by(|a, b| a.key().cmp(b.key()));
        mutations
    }

    /// Does a gathered mutation touch the row?
    pub fn holds(&self, key: &[u8]) -> bool {
        self.rows.contains_key(key)
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
}
