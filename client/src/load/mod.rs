//! Loading many rows that come in order.
//!
//! ```text
//! push ─► order? ─► message (packed) ─► under way, several at once ─► mark
//!                                       each a write of its own,      in the order
//!                                       done once                     of the rows
//! ```
//!
//! Order is what makes a mark exact: one key says what is loaded and what is not.

mod flight;

use crate::change::Change;
use crate::error::Error;
use crate::size;
use crate::table::Table;
use bytes::Bytes;
use flight::Flight;
use model::keyspace::encode_data;
use model::{Condition, Key, Layout, code};
use proto::data::Item;
use proto::{ITEMS_MAX, UPSERT_BYTES_MAX};
use std::collections::VecDeque;
use std::time::Duration;

/// How to load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loading {
    /// In which order the rows come: that of keys, or that in which a hashed table
    /// is scanned. The table may have another layout.
    pub order: Layout,
    /// Rows that are there already stay as they are.
    pub if_absent: bool,
    /// Bytes of a message at most, though always one row.
    pub message_bytes: usize,
    /// Messages under way at once.
    pub messages: usize,
}

impl Default for Loading {
    fn default() -> Loading {
        Loading { order: Layout::Ordered, if_absent: false, message_bytes: 256 << 10, messages: 8 }
    }
}

/// How far a load has come: everything up to here is in the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// The key of the last row; none if there is none yet.
    pub key: Option<Bytes>,
    /// Rows.
    pub rows: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
    /// How many of the rows were there before, and stayed as they were.
    pub kept: u64,
}

/// A load under way: [`push`](Load::push) rows in strictly rising order, then
/// [`finish`](Load::finish).
///
/// It holds as many bytes as its messages may have, however much is loaded. After
/// an error it takes no more rows, and [`mark`](Load::mark) says from where on to
/// load again; rows behind the mark may be in the table already. Giving up waiting
/// loses nothing: a row whose `push` was given up has not been taken. Not after `SH2403`:
/// what was out of order may belong before the mark. Dropped, it leaves
/// what is under way to itself.
#[derive(Debug)]
pub struct Load {
    table: Table,
    loading: Loading,
    /// Rows that were pushed, and the last of them: its key, and as it orders.
    pushed: u64,
    last: Option<(Bytes, Bytes)>,
    message: Message,
    under_way: VecDeque<Flight>,
    mark: Mark,
    failed: Option<Error>,
}

/// Rows on their way into a message.
#[derive(Debug, Default)]
struct Message {
    items: Vec<Item>,
    /// What they measure in a request.
    size: usize,
    /// Their keys and values.
    bytes: u64,
}

impl Table {
    /// Loads rows that come in the order of their keys.
    pub fn load(&self) -> Load {
        self.load_with(Loading::default())
    }

    /// The same, in another order or other messages.
    pub fn load_with(&self, loading: Loading) -> Load {
        Load {
            table: self.clone(),
            loading,
            pushed: 0,
            last: None,
            message: Message::default(),
            under_way: VecDeque::new(),
            mark: Mark::default(),
            failed: None,
        }
    }
}

impl Load {
    /// Takes the next row; waits while as much is under way as may be.
    ///
    /// A row that is not behind the one before it is refused with `SH2403`, when
    /// all rows before it are in the table.
    pub async fn push(&mut self, key: impl Into<Bytes>, value: impl Into<Bytes>) -> Result<(), Error> {
        self.take(Change::put(key, value)).await
    }

    /// The same; the row expires so long after it is written.
    pub async fn push_for(
        &mut self,
        key: impl Into<Bytes>,
        value: impl Into<Bytes>,
        ttl: Duration,
    ) -> Result<(), Error> {
        self.take(Change::put_for(key, value, ttl)).await
    }

    async fn take(&mut self, put: Change) -> Result<(), Error> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        let condition = if self.loading.if_absent { Condition::Absent } else { Condition::Always };
        let item = put.only_if(condition).into_item();
        let pushed = match self.check(&item) {
            Ok(sorts_as) => self.add(sorts_as, item).await,
            Err(refused) => self.settle().await.and(Err(refused)),
        };
        self.noted(pushed)
    }

    /// Waits until all rows are in the table.
    pub async fn finish(&mut self) -> Result<Mark, Error> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        let settled = self.settle().await;
        self.noted(settled)?;
        Ok(self.mark.clone())
    }

    /// How far it has come.
    pub fn mark(&self) -> &Mark {
        &self.mark
    }

    /// What the next row is sorted by.
    fn check(&self, item: &Item) -> Result<Bytes, Error> {
        let (number, key) = (self.pushed + 1, &item.key);
        let valid = Key::new(key.clone())
            .map_err(|error| Error::new(code::KEY_INVALID, format!("row {number} of this load: {error}")))?;
        let sorts_as = encode_data(self.loading.order, &valid);
        if let Some((before, _)) = self.last.as_ref().filter(|(_, before)| *before >= sorts_as) {
            return Err(self.not_sorted(number, key, before));
        }
        self.table.fits(size::item(item))?;
        Ok(sorts_as)
    }

    fn not_sorted(&self, number: u64, key: &Bytes, before: &Bytes) -> Error {
        let what = match (key == before, self.loading.order) {
            (true, _) => "is the key",
            (false, Layout::Ordered) => "is not behind the key",
            (false, Layout::Hashed) => "lies at a point that is not behind that of the key",
        };
        let (key, before) = (key.escape_ascii(), before.escape_ascii());
        let row = format!("row {number} of this load: its key `{key}`");
        Error::new(code::NOT_SORTED, format!("{row} {what} `{before}` of the row before"))
    }

    async fn add(&mut self, sorts_as: Bytes, item: Item) -> Result<(), Error> {
        let size = size::item(&item);
        let most = self.loading.message_bytes.min(UPSERT_BYTES_MAX).saturating_sub(self.table.frame());
        if !self.message.items.is_empty()
            && (self.message.size + size > most || self.message.items.len() == ITEMS_MAX)
        {
            self.send().await?;
        }
        self.message.size += size;
        self.message.bytes += (item.key.len() + item.value.len()) as u64;
        self.pushed += 1;
        self.last = Some((item.key.clone(), sorts_as));
        self.message.items.push(item);
        Ok(())
    }

    /// Sends the message, when there is room for it.
    async fn send(&mut self) -> Result<(), Error> {
        while self.under_way.len() >= self.loading.messages.max(1) {
            self.land().await?;
        }
        let Message { items, bytes, .. } = std::mem::take(&mut self.message);
        if !items.is_empty() {
            self.under_way.push_back(Flight::begin(self.table.clone(), items, bytes));
        }
        Ok(())
    }

    /// Waits for the message that went first.
    async fn land(&mut self) -> Result<(), Error> {
        let Some(first) = self.under_way.front_mut() else { return Ok(()) };
        // Whoever gives up waiting here finds it where it is.
        let ended = first.end().await;
        let (key, rows, bytes) = (first.last_key.clone(), first.rows, first.bytes);
        self.under_way.pop_front();
        let kept = ended?;
        let Mark { rows: before, bytes: bytes_before, kept: kept_before, .. } = self.mark;
        self.mark = Mark {
            key: Some(key),
            rows: before + rows,
            bytes: bytes_before + bytes,
            kept: kept_before + kept,
        };
        Ok(())
    }

    /// Sends what is left and waits for all of it.
    async fn settle(&mut self) -> Result<(), Error> {
        self.send().await?;
        while !self.under_way.is_empty() {
            self.land().await?;
        }
        Ok(())
    }

    /// After an error nothing more is taken.
    fn noted(&mut self, result: Result<(), Error>) -> Result<(), Error> {
        if let Err(error) = &result {
            self.failed = Some(error.clone());
        }
        result
    }
}
