//! The rows of one key, as a command or a question sees them.

use crate::machine::{Outcome, View, ViewError};
use bytes::Bytes;
use model::keyspace::{encode_deadline, encode_part};
use model::{Event, EventKind, Key, KeyRange, Layout, Mutation, Stamp};
use std::collections::BTreeMap;
use std::ops::Bound;

/// What a command will read.
pub struct Reads<'a> {
    layout: Layout,
    key: &'a Key,
    stored: &'a mut Vec<Bytes>,
}

impl<'a> Reads<'a> {
    pub(super) fn new(layout: Layout, key: &'a Key, stored: &'a mut Vec<Bytes>) -> Reads<'a> {
        Reads { layout, key, stored }
    }

    /// The key's own row.
    pub fn own(&mut self) {
        self.part(&[]);
    }

    /// A part.
    pub fn part(&mut self, name: &[u8]) {
        self.stored.push(encode_part(self.layout, self.key, name));
    }
}

/// The rows of one key: its own, and parts by name, in the order of their names.
/// What a command has changed it sees.
pub struct Rows<'a> {
    view: &'a dyn View,
    layout: Layout,
    key: Key,
    changed: BTreeMap<Bytes, Option<Bytes>>,
    told: Vec<(Bytes, bool)>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(view: &'a dyn View, layout: Layout, key: Key) -> Rows<'a> {
        Rows { view, layout, key, changed: BTreeMap::new(), told: Vec::new() }
    }

    /// Whose rows these are.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The key's own row.
    pub fn own(&self) -> Result<Option<Bytes>, ViewError> {
        self.part(&[])
    }

    /// Sets the key's own row.
    pub fn set_own(&mut self, value: impl Into<Bytes>) {
        self.set_part(&[], value);
    }

    /// Removes the key's own row.
    pub fn remove_own(&mut self) {
        self.remove_part(&[]);
    }

    /// At this stamp the machine is to look at the key again
    /// ([`Keyed::expire`](super::Keyed::expire)).
    pub fn due(&mut self, at: Stamp) {
        self.changed.insert(encode_deadline(at, &self.stored(&[])), Some(Bytes::new()));
    }

    /// It need not look again at this stamp.
    pub fn not_due(&mut self, at: Stamp) {
        self.changed.insert(encode_deadline(at, &self.stored(&[])), None);
    }

    /// Tells those who follow the table's events what happened to the key.
    pub fn tell(&mut self, body: impl Into<Bytes>) {
        self.told.push((body.into(), false));
    }

    /// Tells them how the key stands: where that changes several times at once, it
    /// may be that they hear of the last alone.
    pub fn tell_standing(&mut self, body: impl Into<Bytes>) {
        self.told.push((body.into(), true));
    }

    /// A part.
    pub fn part(&self, name: &[u8]) -> Result<Option<Bytes>, ViewError> {
        let stored = self.stored(name);
        match self.changed.get(&stored) {
            Some(changed) => Ok(changed.clone()),
            None => self.view.get(&stored),
        }
    }

    /// Sets a part.
    pub fn set_part(&mut self, name: &[u8], value: impl Into<Bytes>) {
        self.changed.insert(self.stored(name), Some(value.into()));
    }

    /// Removes a part, if it is there.
    pub fn remove_part(&mut self, name: &[u8]) {
        self.changed.insert(self.stored(name), None);
    }

    /// Parts whose names begin like this, with the rest of their names, in order,
    /// so many at most.
    pub fn parts(&self, prefix: &[u8], most: usize) -> Result<Vec<(Bytes, Bytes)>, ViewError> {
        self.parts_from(prefix, &[], most)
    }

    /// The same, of those whose rest is this or behind it. Where parts at the
    /// front come and go, who knows where to begin is spared what is gone.
    pub fn parts_from(
        &self,
        prefix: &[u8],
        from: &[u8],
        most: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, ViewError> {
        let start = self.stored(prefix);
        let whole = KeyRange::with_prefix(start.clone());
        let first = Bytes::from([&start[..], from].concat());
        let range = KeyRange::new(first, whole.end().map(Bytes::copy_from_slice)).unwrap_or(whole);
        let end = range.end().map_or(Bound::Unbounded, Bound::Excluded);
        let changed = || self.changed.range::<[u8], _>((Bound::Included(range.start()), end));
        // As many of those that are there may be gone.
        let gone = changed().filter(|(_, value)| value.is_none()).count();
        let found = self.view.range(&range, most.saturating_add(gone))?;
        let mut rows: BTreeMap<Bytes, Bytes> = found.into_iter().collect();
        for (stored, value) in changed() {
            match value {
                Some(value) => rows.insert(stored.clone(), value.clone()),
                None => rows.remove(stored),
            };
        }
        let rest = |(stored, value): (Bytes, Bytes)| (stored.slice(start.len()..), value);
        Ok(rows.into_iter().take(most).map(rest).collect())
    }

    fn stored(&self, name: &[u8]) -> Bytes {
        encode_part(self.layout, &self.key, name)
    }

    pub(super) fn into_outcome(self, reply: Bytes, kind: EventKind) -> Outcome {
        let mutation = |(key, value): (Bytes, Option<Bytes>)| match value {
            Some(value) => Mutation::put(key, value),
            None => Mutation::delete(key),
        };
        let mutations = self.changed.into_iter().map(mutation).collect();
        let event = |(body, standing)| Event { standing, ..Event::new(kind, self.key.clone(), body) };
        Outcome { reply, mutations, events: self.told.into_iter().map(event).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Four;

    impl View for Four {
        fn get(&self, _: &[u8]) -> Result<Option<Bytes>, ViewError> {
            Ok(None)
        }

        fn range(&self, range: &KeyRange, most: usize) -> Result<Vec<(Bytes, Bytes)>, ViewError> {
            let key = Key::new("k").expect("a valid key");
            let stored = |name: &str| encode_part(Layout::Ordered, &key, name.as_bytes());
            let names = ["", "pa", "pb", "pc", "pd", "q"].map(stored);
            let rows = names.into_iter().filter(|name| range.contains(name)).take(most);
            Ok(rows.map(|name| (name, Bytes::from("old"))).collect())
        }
    }

    #[test]
    fn parts_are_those_of_the_view_with_what_was_changed() {
        let mut rows = Rows::new(&Four, Layout::Ordered, Key::new("k").expect("a valid key"));
        rows.remove_part(b"pa");
        rows.set_part(b"pbb", "new");
        rows.set_part(b"pc", "new");
        rows.remove_part(b"never there");
        let told = |found: Result<Vec<(Bytes, Bytes)>, ViewError>| {
            let said =
                |(rest, value): (Bytes, Bytes)| format!("{}={}", rest.escape_ascii(), value.escape_ascii());
            found.expect("read").into_iter().map(said).collect::<Vec<_>>()
        };
        assert_eq!(told(rows.parts(b"p", usize::MAX)), ["b=old", "bb=new", "c=new", "d=old"]);
        assert_eq!(told(rows.parts(b"p", 2)), ["b=old", "bb=new"]);
        assert_eq!(told(rows.parts_from(b"p", b"bb", 2)), ["bb=new", "c=new"]);
        assert_eq!(told(rows.parts_from(b"p", b"e", 2)), [""; 0]);
        assert_eq!(told(rows.parts(b"x", 2)), [""; 0]);
    }
}
