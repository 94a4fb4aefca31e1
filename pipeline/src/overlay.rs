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
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::collections::hash_map::Entry;
use std::hash::BuildHasherDefault;
use std::iter::Peekable;
use std::ops::{Bound, ControlFlow};

/// Looked up only: neither its order nor its hashes show, since what leaves is
/// sorted. The hasher is fixed all the same, so that a run is the same twice.
#[allow(clippy::disallowed_types, reason = "neither order nor hashes show")]
type Rows =
    std::collections::HashMap<Bytes, usize, BuildHasherDefault<std::collections::hash_map::DefaultHasher>>;

/// What a gathered row costs beside its key and its value.
const ROW_BYTES: usize = 128;

/// The gathered mutations of one partition, the last of each row.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    mutations: Vec<Mutation>,
    bytes: usize,
    rows: Rows,
    /// Those of the rows that are often looked for by range.
    ordered: BTreeSet<Bytes>,
    /// All of them, from when a range of others is looked for, which is rare.
    sorted: OnceCell<BTreeSet<Bytes>>,
}

impl Overlay {
    pub fn extend(&mut self, mutations: Vec<Mutation>) {
        for mutation in mutations {
            if let Mutation::Put { value, .. } = &mutation {
                self.bytes += value.len();
            }
            match self.rows.entry(mutation.key().clone()) {
                Entry::Occupied(at) => self.mutations[*at.get()] = mutation,
                Entry::Vacant(free) => {
                    self.bytes += free.key().len() + ROW_BYTES;
                    if free.key().first().is_some_and(|kind| is_often_looked_for(*kind)) {
                        self.ordered.insert(free.key().clone());
                    }
                    if let Some(sorted) = self.sorted.get_mut() {
                        sorted.insert(free.key().clone());
                    }
                    free.insert(self.mutations.len());
                    self.mutations.push(mutation);
                }
            }
        }
    }

    /// What was gathered, sorted by row; nothing is left.
    pub fn take(&mut self) -> Vec<Mutation> {
        self.bytes = 0;
        self.rows.clear();
        self.ordered.clear();
        self.sorted.take();
        let mut mutations = std::mem::take(&mut self.mutations);
        mutations.sort_unstable_by(|a, b| a.key().cmp(b.key()));
        mutations
    }

    /// Bytes of it, at least those of keys and values that are left.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Does a gathered mutation touch the row?
    pub fn holds(&self, key: &[u8]) -> bool {
        self.rows.contains_key(key)
    }

    /// The rows of a range that gathered mutations touch, in order, as they leave
    /// them.
    fn range(&self, range: &KeyRange) -> impl Iterator<Item = (&Bytes, Option<Bytes>)> {
        let rows = match range.start().first() {
            // A range lies within one kind.
            Some(kind) if is_often_looked_for(*kind) => &self.ordered,
            _ => self.sorted.get_or_init(|| self.rows.keys().cloned().collect()),
        };
        let end = range.end().map_or(Bound::Unbounded, Bound::Excluded);
        let rows = rows.range::<[u8], _>((Bound::Included(range.start()), end));
        rows.map(|key| (key, self.get(key).flatten()))
    }

    /// The row as the gathered mutations leave it; `None` when none touches it.
    fn get(&self, key: &[u8]) -> Option<Option<Bytes>> {
        self.rows.get(key).map(|at| match &self.mutations[*at] {
            Mutation::Put { value, .. } => Some(value.clone()),
            Mutation::Delete { .. } => None,
        })
    }
}

/// Rarely does anybody look for a range of data rows: their order would be for
/// nothing.
fn is_often_looked_for(kind: u8) -> bool {
    [KeyKind::Event, KeyKind::Deadline, KeyKind::Part].iter().any(|ordered| *ordered as u8 == kind)
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
        let changed = self.overlay.range(range).peekable();
        let mut merged = Merged { changed, most, rows: Vec::new() };
        let found = self.store.scan(self.partition, range, &mut |key, value| merged.pass(Some((key, value))));
        found.map_err(|error| ViewError(Box::new(error)))?;
        let _ = merged.pass(None);
        Ok(merged.rows)
    }
}

/// The store's rows with what was gathered over them, in order, so many at most.
struct Merged<I: Iterator> {
    changed: Peekable<I>,
    most: usize,
    rows: Vec<(Bytes, Bytes)>,
}

impl<'a, I: Iterator<Item = (&'a Bytes, Option<Bytes>)>> Merged<I> {
    /// Takes what was gathered up to the store's next row, or what is left of it,
    /// and the row unless it is changed.
    fn pass(&mut self, stored: Option<(&[u8], &[u8])>) -> ControlFlow<()> {
        let comes_first = |key: &Bytes| stored.is_none_or(|(stored, _)| key[..] <= *stored);
        while self.rows.len() < self.most {
            let Some((key, value)) = self.changed.next_if(|(key, _)| comes_first(key)) else {
                let Some((key, value)) = stored else { break };
                self.rows.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)));
                return ControlFlow::Continue(());
            };
            let replaces = stored.is_some_and(|(stored, _)| key[..] == *stored);
            self.rows.extend(value.map(|value| (key.clone(), value)));
            if replaces {
                return ControlFlow::Continue(());
            }
        }
        ControlFlow::Break(())
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
    fn a_range_shows_the_store_with_what_was_gathered_over_it() {
        for kind in [KeyKind::Part, KeyKind::Data] {
            let kind = kind as u8;
            let name = |name: &str| Bytes::from([&[kind], name.as_bytes()].concat());
            let store = statestore::MemoryStore::volatile(&model::Limits::default(), env::Plants::NONE);
            let partition = PartitionId(1);
            store.create(&[partition], 0).expect("created");
            let mutations = ["a", "b", "c", "d"].map(|row| Mutation::put(name(row), "old")).to_vec();
            let part = statestore::Part { partition, first_index: 1, count: 1, mutations };
            store.apply(&[part]).expect("applied");
            let mut overlay = Overlay::default();
            let seen = |overlay: &Overlay, prefix, most| {
                let view = Overlaid { store: &store, partition, overlay, fetched: &[] };
                let rows = view.range(&KeyRange::with_prefix(name(prefix)), most).expect("read");
                let said = |(key, value): (Bytes, Bytes)| {
                    format!("{}={}", key[1..].escape_ascii(), value.escape_ascii())
                };
                rows.into_iter().map(said).collect::<Vec<_>>().join(" ")
            };
            assert_eq!(seen(&overlay, "", 9), "a=old b=old c=old d=old");
            // What comes behind the first look is seen by the next.
            overlay.extend(vec![Mutation::delete(name("a")), Mutation::put(name("b"), "new")]);
            overlay.extend(vec![Mutation::put(name("bb"), "new"), Mutation::delete(name("zz"))]);
            overlay.extend(vec![Mutation::put("\x04b", "another kind"), Mutation::put(name("e"), "new")]);
            for (prefix, most, expected) in [
                ("", 9, "b=new bb=new c=old d=old e=new"),
                ("", 4, "b=new bb=new c=old d=old"),
                ("", 3, "b=new bb=new c=old"),
                ("", 1, "b=new"),
                ("", 0, ""),
                ("b", 9, "b=new bb=new"),
                ("a", 9, ""),
                ("e", 9, "e=new"),
            ] {
                assert_eq!(seen(&overlay, prefix, most), expected, "{kind} {prefix} {most}");
            }
            overlay.take();
            assert_eq!(seen(&overlay, "", 9), "a=old b=old c=old d=old");
        }
    }
}
