//! Scans of a partition, which pass its shard as point reads do: the right to
//! serve is checked, then a moment of the store is held, and its rows are read a
//! few at a time by a thread that may wait for a disk.
//!
//! The check is the scan's linearization point: the moment is later, and so has
//! every change that was answered before.

use crate::directory::Handle;
use crate::reading::{ReadError, Right, Seen};
use bytes::{Bytes, BytesMut};
use machine::Row;
use model::keyspace::key_of_data;
use model::{Epoch, Index, KeyRange, Layout, Stamp};
use statestore::Cursor;
pub use statestore::Walk;
use std::ops::ControlFlow;

/// A row's stored bytes are its value and so many more, at most.
const ROW_ROOM_BYTES: usize = 24;

/// A scan of one partition under way.
pub struct Scan {
    /// Under whom it began.
    pub epoch: Epoch,
    /// Its rows are those of this index: no row is newer, and none that was
    /// removed by then is there.
    pub applied: Index,
    /// Nobody has confirmed that there is no more.
    pub as_of: Option<Stamp>,
    /// What was over by then is not shown.
    stamp: Stamp,
    layout: Layout,
    cursor: Box<dyn Cursor>,
}

/// How much of a scan is wanted next.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Rows.
    pub rows: usize,
    /// Bytes of keys and values; a row alone may have more.
    pub bytes: usize,
    /// Bytes of keys and values that no row may pass.
    pub bytes_left: u64,
    /// One row is taken whatever it has.
    pub one: bool,
}

/// Some rows of a scan.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// Keys and rows, in the order of the scan. They share their bytes.
    pub rows: Vec<(Bytes, Row)>,
    /// Bytes of the keys and values.
    pub bytes: usize,
    /// What comes next.
    pub next: Next,
}

/// What comes behind a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// More rows.
    More,
    /// More rows, of which the first is larger than all that was left.
    TooMuch,
    /// Nothing.
    End,
}

impl Handle {
    /// Begins a scan of stored keys. May wait for a disk.
    pub fn scan(
        &self,
        layout: Layout,
        range: &KeyRange,
        walk: Walk,
        expected: Option<Epoch>,
        right: Right,
    ) -> Result<Scan, ReadError> {
        let Seen { epoch, applied: published, stamp, as_of } = self.check(expected, right)?;
        let cursor = self.store.cursor(self.id, range, walk)?;
        let applied = cursor.applied();
        self.shows(applied, published);
        Ok(Scan { epoch, applied, stamp, as_of, layout, cursor })
    }
}

impl Scan {
    /// The next rows. May wait for a disk.
    pub fn page(&mut self, room: Room) -> Result<Page, ReadError> {
        let (layout, now) = (self.layout, self.stamp);
        let mut gathered = Gathered::new(room);
        let (mut next, mut unreadable) = (Next::More, false);
        let more = self.cursor.visit(&mut |stored, value| {
            let Some(key) = key_of_data(layout, stored) else {
                unreadable = true;
                return ControlFlow::Break(());
            };
            if Row::is_over(value, now) {
                return ControlFlow::Continue(());
            }
            let fits = gathered.fits(key, value);
            if fits == Next::More && gathered.add(key, value) {
                return ControlFlow::Continue(());
            }
            next = fits;
            ControlFlow::Break(())
        })?;
        if unreadable {
            return Err(ReadError::Unreadable);
        }
        gathered.page(if more { next } else { Next::End })
    }
}

/// Rows on their way into a page.
struct Gathered {
    room: Room,
    bytes: usize,
    /// Keys and stored rows, one behind the other.
    content: BytesMut,
    /// The length of each key and each row.
    lengths: Vec<(usize, usize)>,
}

impl Gathered {
    fn new(room: Room) -> Gathered {
        Gathered { room, bytes: 0, content: BytesMut::new(), lengths: Vec::new() }
    }

    /// `End` is never answered.
    fn fits(&self, key: &[u8], stored: &[u8]) -> Next {
        let with_it = self.bytes + measure(key, stored);
        let is_exempt = self.room.one && self.lengths.is_empty();
        if with_it as u64 > self.room.bytes_left && !is_exempt { Next::TooMuch } else { Next::More }
    }

    /// Takes it, unless the page is full.
    fn add(&mut self, key: &[u8], stored: &[u8]) -> bool {
        let bytes = measure(key, stored);
        let first = self.lengths.is_empty();
        if self.lengths.len() >= self.room.rows || (!first && self.bytes + bytes > self.room.bytes) {
            return false;
        }
        if first {
            // Of long rows, no more than there is room for; of short ones, as many
            // as a page has, for their own bytes are few.
            let most = self.room.rows.saturating_mul(bytes + ROW_ROOM_BYTES);
            self.content.reserve(most.min(self.room.bytes).max(bytes + ROW_ROOM_BYTES));
        }
        self.content.extend_from_slice(key);
        self.content.extend_from_slice(stored);
        self.lengths.push((key.len(), stored.len()));
        self.bytes += bytes;
        true
    }

    fn page(self, next: Next) -> Result<Page, ReadError> {
        let mut content = self.content.freeze();
        let mut rows = Vec::with_capacity(self.lengths.len());
        for (key, row) in self.lengths {
            let key = content.split_to(key);
            let row = Row::decode(&content.split_to(row)).ok_or(ReadError::Unreadable)?;
            rows.push((key, row));
        }
        Ok(Page { rows, bytes: self.bytes, next })
    }
}

/// What a row counts for: its key and its value, as the client knows them.
fn measure(key: &[u8], stored: &[u8]) -> usize {
    key.len() + Row::value_bytes(stored)
}

#[cfg(test)]
mod tests {
    use super::*;
    use env::Plants;
    use model::keyspace::{DATA_END, data_bound};
    use model::{Limits, Mutation, PartitionId};
    use statestore::{MemoryStore, Part, Store};

    const ONE: PartitionId = PartitionId(1);

    /// Rows `a` to `e` with values of one to five bytes.
    fn scan(reverse: bool) -> Scan {
        let store = MemoryStore::volatile(&Limits::default(), Plants::NONE);
        store.create(&[ONE], 0).expect("made");
        let row = |number: usize| {
            Row { revision: 1, expires: None, value: Bytes::from(vec![b'v'; number]) }.encode()
        };
        let put = |number: usize| Mutation::put(data_bound(&[b'a' + number as u8 - 1]), row(number));
        let mutations = (1..=5).map(put).collect();
        store.apply(&[Part { partition: ONE, first_index: 1, count: 1, mutations }]).expect("applied");
        let range = KeyRange::new(data_bound(b""), Some(Bytes::from_static(&DATA_END))).expect("not empty");
        let cursor = store.cursor(ONE, &range, Walk { reverse, long: false }).expect("held");
        let applied = cursor.applied();
        Scan { epoch: Epoch::FIRST, applied, as_of: None, stamp: Stamp(0), layout: Layout::Ordered, cursor }
    }

    fn names(page: &Page) -> String {
        page.rows.iter().map(|(key, _)| String::from_utf8_lossy(key)).collect()
    }

    #[test]
    fn a_page_ends_with_its_room() {
        let wide = Room { rows: 9, bytes: 99, bytes_left: u64::MAX, one: false };
        let table = [
            (wide, "abcde", Next::End),
            (Room { rows: 5, ..wide }, "abcde", Next::End),
            (Room { rows: 2, ..wide }, "ab", Next::More),
            (Room { rows: 0, ..wide }, "", Next::More),
            // `a` counts for two bytes, `b` for three, and so on.
            (Room { bytes: 5, ..wide }, "ab", Next::More),
            (Room { bytes: 4, ..wide }, "a", Next::More),
            (Room { bytes: 1, ..wide }, "a", Next::More),
            (Room { bytes_left: 20, ..wide }, "abcde", Next::End),
            (Room { bytes_left: 19, ..wide }, "abcd", Next::TooMuch),
            (Room { bytes_left: 1, ..wide }, "", Next::TooMuch),
            (Room { bytes_left: 1, one: true, ..wide }, "a", Next::TooMuch),
        ];
        for (room, expected, next) in table {
            let page = scan(false).page(room).expect("read");
            assert_eq!((names(&page).as_str(), page.next), (expected, next), "{room:?}");
            assert!(page.rows.iter().all(|(key, row)| row.value.len() == usize::from(key[0] - b'a' + 1)));
        }
    }

    #[test]
    fn pages_follow_one_another_in_either_direction() {
        let room = Room { rows: 2, bytes: 99, bytes_left: u64::MAX, one: true };
        for (reverse, expected) in [(false, ["ab", "cd", "e"]), (true, ["ed", "cb", "a"])] {
            let mut scan = scan(reverse);
            for (at, expected) in expected.into_iter().enumerate() {
                let page = scan.page(room).expect("read");
                let next = if at == 2 { Next::End } else { Next::More };
                assert_eq!((names(&page).as_str(), page.next), (expected, next));
            }
        }
    }
}
