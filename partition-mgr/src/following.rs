//! Following a partition's events, which passes its shard as reads do: the right
//! to serve is checked, then rows of the binlog are read, a few at a time, by a
//! thread that may wait for a disk.
//!
//! Events lie in the batch that applies their command, so a cursor that shows a
//! command shows its events: nothing between two pages can be missed.

use crate::directory::Handle;
use crate::reading::{ReadError, Right, Seen};
use bytes::Bytes;
use model::event::Events;
use model::keyspace::{encode_events, events_from, index_of_events};
use model::{Epoch, Event, Index, KeyRange, Stamp};
use pipeline::Binlog;
use statestore::{Cursor, StoreError, Walk};
use std::ops::ControlFlow;

/// Where a follower stands.
#[derive(Clone, Debug)]
pub struct Place {
    /// The first index that it has not seen.
    pub next: Index,
    /// A record begins there: so it is, once something was read.
    pub is_aligned: bool,
}

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Of these keys alone.
    pub keys: KeyRange,
    /// Bytes of a page, beyond its first row.
    pub bytes: usize,
    /// Refuse at any other.
    pub expected: Option<Epoch>,
}

/// Some events.
#[derive(Debug)]
pub struct Told {
    /// Under whom they were read.
    pub epoch: Epoch,
    /// Each with its command's index and its record's stamp, in order.
    pub events: Vec<(Index, Stamp, Event)>,
    /// All events up to here have been told.
    pub upto: Index,
    /// Everything that was applied when it was looked at has been told.
    pub is_all: bool,
}

/// Why events are not read.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// As for any read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// They are no longer kept.
    #[error("events up to index {given_up} are no longer kept")]
    Compacted {
        /// Up to which.
        given_up: Index,
    },
    /// They are not there yet, and may never be.
    #[error("index {next} is ahead of the partition, which has come to {applied}")]
    Future {
        /// The first one wanted.
        next: Index,
        /// What there is.
        applied: Index,
    },
}

impl From<StoreError> for FollowError {
    fn from(error: StoreError) -> FollowError {
        FollowError::Read(error.into())
    }
}

impl Handle {
    /// The next events behind a place, which moves. May wait for a disk.
    pub fn follow(&self, place: &mut Place, wanted: &Wanted) -> Result<Told, FollowError> {
        let Seen { epoch, applied: published, .. } = self.check(wanted.expected, Right::AsItIs)?;
        let from = self.row_of(place)?;
        let mut cursor = self.store.cursor(self.id, &events_from(from), Walk::SHORT)?;
        let applied = cursor.applied();
        self.shows(applied, published);
        if place.next > applied + 1 {
            return Err(FollowError::Future { next: place.next, applied });
        }
        // Looked at later than the rows: what was trimmed before that is noticed.
        let given_up = self.given_up()?;
        if place.next <= given_up {
            return Err(FollowError::Compacted { given_up });
        }
        let page = Page::read(&mut *cursor, place.next, wanted)?;
        let upto = page.behind.map_or(applied, |behind| behind - 1);
        *place = Place { next: upto + 1, is_aligned: true };
        Ok(Told { epoch, events: page.events, upto, is_all: page.behind.is_none() })
    }

    /// Up to which index events are gone.
    fn given_up(&self) -> Result<Index, StoreError> {
        let mut given_up = 0;
        self.store.moment(self.id, &mut |moment| {
            given_up = Binlog::given_up(self.id, moment)?;
            Ok(())
        })?;
        Ok(given_up)
    }

    /// Where the row begins that may hold the place's first event.
    fn row_of(&self, place: &Place) -> Result<Index, FollowError> {
        if place.is_aligned {
            return Ok(place.next);
        }
        let upto = encode_events(place.next.saturating_add(1));
        let before = KeyRange::new(encode_events(0), Some(upto)).expect("0 is below what is above it");
        let backwards = Walk { reverse: true, long: false };
        let mut found = None;
        self.store.cursor(self.id, &before, backwards)?.visit(&mut |key, _| {
            found = index_of_events(key);
            ControlFlow::Break(())
        })?;
        Ok(found.unwrap_or(0))
    }
}

/// Rows of the binlog on their way into a page.
struct Page {
    events: Vec<(Index, Stamp, Event)>,
    /// Where the next row begins, when there was no more room.
    behind: Option<Index>,
}

impl Page {
    fn read(cursor: &mut dyn Cursor, next: Index, wanted: &Wanted) -> Result<Page, ReadError> {
        let (mut page, mut bytes, mut unreadable) = (Page { events: Vec::new(), behind: None }, 0, false);
        cursor.visit(&mut |key, row| {
            let Some(first) = index_of_events(key) else {
                unreadable = true;
                return ControlFlow::Break(());
            };
            if bytes > 0 && bytes + row.len() > wanted.bytes {
                page.behind = Some(first);
                return ControlFlow::Break(());
            }
            bytes += row.len();
            let Some(events) = Events::decode(first, &Bytes::copy_from_slice(row)) else {
                unreadable = true;
                return ControlFlow::Break(());
            };
            let is_wanted = |(index, event): &(Index, Event)| {
                *index >= next && wanted.keys.contains(event.key.as_bytes())
            };
            let told = events.events.into_iter().filter(is_wanted);
            page.events.extend(told.map(|(index, event)| (index, events.stamp, event)));
            ControlFlow::Continue(())
        })?;
        if unreadable { Err(ReadError::Unreadable) } else { Ok(page) }
    }
}

#[cfg(test)]
mod tests;
