//! What a machine sees while a store batch is being gathered: the store, with
//! the mutations gathered so far laid over it.

use bytes::Bytes;
use machine::{View, ViewError};
use model::{Mutation, PartitionId};
use statestore::Store;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// The gathered mutations of one partition.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    mutations: Vec<Mutation>,
    /// Where each row was last changed. Filled when somebody reads, so that
    /// commands that only write do not pay for it.
    index: RefCell<Index>,
}

#[derive(Debug, Default)]
struct Index {
    rows: BTreeMap<Bytes, usize>,
    covered: usize,
}

impl Overlay {
    pub fn extend(&mut self, mutations: Vec<Mutation>) {
        self.mutations.extend(mutations);
    }

    pub fn take(&mut self) -> Vec<Mutation> {
        self.index = RefCell::default();
        std::mem::take(&mut self.mutations)
    }

    /// The row as the gathered mutations leave it; `None` when none touches it.
    fn get(&self, key: &[u8]) -> Option<Option<Bytes>> {
        let mut index = self.index.borrow_mut();
        let Index { rows, covered } = &mut *index;
        for (at, mutation) in self.mutations.iter().enumerate().skip(*covered) {
            rows.insert(mutation.key().clone(), at);
        }
        *covered = self.mutations.len();
        rows.get(key).map(|at| match &self.mutations[*at] {
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
}

impl View for Overlaid<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, ViewError> {
        match self.overlay.get(key) {
            Some(row) => Ok(row),
            None => self.store.get(self.partition, key).map_err(|error| ViewError(Box::new(error))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_mutation_of_a_row_is_what_is_seen() {
        let mut overlay = Overlay::default();
        assert_eq!(overlay.get(b"a"), None);
        overlay.extend(vec![Mutation::put("a", "1"), Mutation::put("b", "2")]);
        assert_eq!(overlay.get(b"a"), Some(Some(Bytes::from("1"))));
        overlay.extend(vec![Mutation::delete("a"), Mutation::put("b", "3")]);
        assert_eq!(overlay.get(b"a"), Some(None));
        assert_eq!(overlay.get(b"b"), Some(Some(Bytes::from("3"))));
        assert_eq!(overlay.take().len(), 4);
        assert_eq!(overlay.get(b"b"), None);
    }
}
