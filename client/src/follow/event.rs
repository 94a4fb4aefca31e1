//! What is told, and the way there from messages.

use crate::answer::expires;
use crate::error::Error;
use bytes::Bytes;
use model::{EventKind, Index, Position, code};
use proto::data;
use std::time::{Duration, SystemTime};

/// Something that happened to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Of its command: for a row that was put, its revision. Events of one command
    /// have the same.
    pub index: Index,
    /// What happened.
    pub kind: EventKind,
    /// To which key.
    pub key: Bytes,
    /// The row's value, or what the table's machine tells: a slice of the message,
    /// which stays while this does.
    pub value: Bytes,
    /// The row before, where the table keeps that and it was asked for.
    pub before: Option<Before>,
    /// When, by the partition's clock.
    pub at: SystemTime,
}

/// A row as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Before {
    /// Its revision.
    pub revision: Index,
    /// Its content.
    pub value: Bytes,
}

/// The next events of a partition. Without any it is a mark: nothing happened up
/// to its index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Events {
    /// All that happened in this partition up to this index has been told: the
    /// position to go on behind.
    pub at: Position,
    /// In the order in which they happened.
    pub events: Vec<Event>,
    /// That was all there was when it was sent.
    pub is_all: bool,
}

/// Some of the rows that a watch begins with, all as of one moment of their
/// partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Of which partition, and as of which index; its events follow behind it.
    pub at: Position,
    /// The rows.
    pub rows: Vec<KeyedRow>,
    /// These are the partition's last.
    pub is_last: bool,
}

/// A row with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedRow {
    /// Its key.
    pub key: Bytes,
    /// The index of the command that wrote it.
    pub revision: Index,
    /// Its content.
    pub value: Bytes,
    /// When it expires, by its partition's clock.
    pub expires: Option<SystemTime>,
}

impl Events {
    /// Of a message, if it goes on behind what was told before.
    pub(super) fn from_wire(
        at: Position,
        seen: Index,
        told: Vec<data::Event>,
        is_all: bool,
    ) -> Result<Events, Error> {
        let Position { partition, index, .. } = at;
        let mut last = seen.saturating_add(1);
        for event in &told {
            if event.index < last || event.index > index {
                let what = format!("partition {partition} has come to {seen}, and tells of {}", event.index);
                return Err(out_of_order(&what));
            }
            last = event.index;
        }
        if index < seen {
            return Err(out_of_order(&format!("partition {partition} goes back from {seen} to {index}")));
        }
        let events = told.into_iter().map(event_from_wire).collect::<Result<_, _>>()?;
        Ok(Events { at, events, is_all })
    }

    /// Does it only say how far the partition has come?
    pub fn is_mark(&self) -> bool {
        self.events.is_empty()
    }
}

pub(super) fn row_from_wire(row: data::ScannedRow) -> KeyedRow {
    let data::ScannedRow { key, revision, value, expires_ms } = row;
    KeyedRow { key, revision, value, expires: expires(expires_ms) }
}

fn event_from_wire(event: data::Event) -> Result<Event, Error> {
    let kind = match event.kind() {
        data::EventKind::Put => EventKind::Put,
        data::EventKind::Removed => EventKind::Removed,
        data::EventKind::Expired => EventKind::Expired,
        data::EventKind::Told => EventKind::Told,
        data::EventKind::Unspecified => {
            return Err(out_of_order(&format!("an event of kind {}", event.kind)));
        }
    };
    let data::Event { index, key, value, before, stamp, .. } = event;
    let before = before.map(|data::Before { revision, value }| Before { revision, value });
    let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(stamp));
    Ok(Event { index, kind, key, value, before, at: at.unwrap_or(SystemTime::UNIX_EPOCH) })
}

/// The node tells what cannot come next.
pub(super) fn out_of_order(what: &str) -> Error {
    Error::new(code::OUT_OF_ORDER, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{BootId, PartitionId};

    fn at(index: Index) -> Position {
        Position { partition: PartitionId(1), boot: BootId(7), index }
    }

    fn told(indexes: &[Index]) -> Vec<data::Event> {
        let event = |index: &Index| data::Event { index: *index, kind: 1, ..data::Event::default() };
        indexes.iter().map(event).collect()
    }

    #[test]
    fn what_was_told_or_cannot_follow_is_refused() {
        let table: [(Index, &[Index], Index, bool); 9] = [
            (5, &[], 5, true),
            (5, &[], 9, true),
            (5, &[6, 6, 8], 8, true),
            (5, &[6, 8], 9, true),
            (5, &[], 4, false),
            (5, &[5, 6], 6, false),
            (5, &[7, 6], 8, false),
            (5, &[6, 9], 8, false),
            (0, &[0], 1, false),
        ];
        for (seen, indexes, index, is_fine) in table {
            let events = Events::from_wire(at(index), seen, told(indexes), true);
            match events {
                Ok(events) => assert!(is_fine && events.events.len() == indexes.len(), "{indexes:?}"),
                Err(error) => assert!(!is_fine && error.is(code::OUT_OF_ORDER), "{indexes:?}: {error}"),
            }
        }
    }

    #[test]
    fn an_event_of_a_kind_to_come_is_not_passed_over() {
        let unknown = data::Event { index: 1, kind: 99, ..data::Event::default() };
        let events = Events::from_wire(at(1), 0, vec![unknown], true);
        assert!(events.is_err_and(|error| error.is(code::OUT_OF_ORDER)));
    }
}
