//! Events: what happened to keys, told in the order in which it happened. Those
//! of one record are one row of the binlog: laid out in `docs/formats/events.md`.

use crate::key::Key;
use crate::record::{Index, Stamp};
use crate::wire::{Cursor, put_prefixed};
use bytes::Bytes;

const VERSION: u8 = 1;
const HAS_BEFORE: u8 = 0b1000_0000;
/// From this size on, the next command's events are another row: so a row is little
/// larger than one command makes it.
const ROW_BYTES: usize = 512 << 10;

/// What happened. These numbers are on disk for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum EventKind {
    /// The row has this value from now on.
    Put = 1,
    /// The row was removed.
    Removed = 2,
    /// The row's time was up.
    Expired = 3,
    /// Something that only the table's machine can tell of.
    Told = 4,
}

impl EventKind {
    const ALL: [EventKind; 4] = [EventKind::Put, EventKind::Removed, EventKind::Expired, EventKind::Told];

    fn from_byte(byte: u8) -> Option<EventKind> {
        EventKind::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// A row as it was before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Before {
    /// The index of the command that had written it.
    pub revision: Index,
    /// What it held.
    pub value: Bytes,
}

/// Something that happened to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// To which.
    pub key: Key,
    /// What.
    pub kind: EventKind,
    /// The row's value, or what the machine tells.
    pub body: Bytes,
    /// The row before, where the table keeps that.
    pub before: Option<Before>,
    /// It says how the key stands: of several of one record, one behind the other,
    /// the last says it all. Not on disk.
    pub standing: bool,
}

impl Event {
    /// Nothing was there before that is kept.
    pub fn new(kind: EventKind, key: Key, body: Bytes) -> Event {
        Event { key, kind, body, before: None, standing: false }
    }
}

/// The events of one record, on their way into rows.
#[derive(Debug, Default)]
pub struct EventDraft {
    /// Each with the place of the command that it begins at.
    rows: Vec<(u32, Vec<u8>)>,
    /// The command whose events were packed last.
    packed: u32,
    /// The last one, while the next may say as much.
    last: Option<(Stamp, u32, Event)>,
}

impl EventDraft {
    /// One more, of the record's command at this place from 0.
    pub fn add(&mut self, stamp: Stamp, place: u32, event: Event) {
        let says_all = |last: &Event| last.standing && event.standing && last.key == event.key;
        match self.last.take() {
            Some((stamp, place, last)) if !says_all(&last) => self.pack(stamp, place, &last),
            _ => {}
        }
        self.last = Some((stamp, place, event));
    }

    fn pack(&mut self, stamp: Stamp, place: u32, event: &Event) {
        let is_full = |row: &Vec<u8>| row.len() >= ROW_BYTES && place != self.packed;
        if self.rows.last().is_none_or(|(_, row)| is_full(row)) {
            // The first begins where its record does.
            let begins = if self.rows.is_empty() { 0 } else { place };
            self.rows.push((begins, [&[VERSION], &stamp.0.to_le_bytes()[..]].concat()));
        }
        self.packed = place;
        let (begins, out) = self.rows.last_mut().expect("one was just looked at or made");
        out.extend_from_slice(&(place - *begins).to_le_bytes());
        out.push(event.kind as u8 | if event.before.is_some() { HAS_BEFORE } else { 0 });
        let length = u16::try_from(event.key.as_bytes().len()).expect("a key has at most 1,024 bytes");
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(event.key.as_bytes());
        put_prefixed(out, &event.body);
        if let Some(Before { revision, value }) = &event.before {
            out.extend_from_slice(&revision.to_le_bytes());
            put_prefixed(out, value);
        }
    }

    /// The rows, if anything happened, each with the place of the record's command
    /// under whose index it is stored.
    pub fn finish(mut self) -> impl Iterator<Item = (u32, Bytes)> {
        if let Some((stamp, place, last)) = self.last.take() {
            self.pack(stamp, place, &last);
        }
        self.rows.into_iter().map(|(place, row)| (place, row.into()))
    }
}

/// The events of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Events {
    /// The record's stamp.
    pub stamp: Stamp,
    /// Each with the index of its command, in order.
    pub events: Vec<(Index, Event)>,
}

impl Events {
    /// The row that is stored under this index; they share its memory. `None` for
    /// what this build did not write.
    pub fn decode(first_index: Index, row: &Bytes) -> Option<Events> {
        let mut cursor = Cursor::new(row);
        let (version, stamp) = (cursor.u8()?, Stamp(cursor.u64()?));
        let mut events = Vec::new();
        while !cursor.is_empty() {
            let (place, kind) = (cursor.u32()?, cursor.u8()?);
            let length = cursor.u16()?;
            let key = Key::new(row.slice_ref(cursor.take(usize::from(length))?)).ok()?;
            let body = row.slice_ref(cursor.prefixed()?);
            let before = match kind & HAS_BEFORE {
                0 => None,
                _ => Some(Before { revision: cursor.u64()?, value: row.slice_ref(cursor.prefixed()?) }),
            };
            let kind = EventKind::from_byte(kind & !HAS_BEFORE)?;
            let event = Event { before, ..Event::new(kind, key, body) };
            events.push((first_index.checked_add(u64::from(place))?, event));
        }
        (version == VERSION).then_some(Events { stamp, events })
    }

    /// When the record of a row was made, without reading the rest.
    pub fn stamp_of(row: &[u8]) -> Option<Stamp> {
        let mut cursor = Cursor::new(row);
        cursor.u8().filter(|version| *version == VERSION).and_then(|_| cursor.u64()).map(Stamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event(kind: EventKind, body: &'static str) -> Event {
        Event::new(kind, Key::new("k").expect("a valid key"), Bytes::from(body))
    }

    fn one_row(draft: EventDraft) -> Bytes {
        let rows: Vec<(u32, Bytes)> = draft.finish().collect();
        let [(0, row)] = &rows[..] else { panic!("{rows:?}") };
        row.clone()
    }

    #[test]
    fn bytes_are_golden_and_round_trip() {
        let mut draft = EventDraft::default();
        draft.add(Stamp(9), 0, event(EventKind::Put, "v"));
        let before = Some(Before { revision: 5, value: Bytes::from("v") });
        draft.add(Stamp(9), 2, Event { before, ..event(EventKind::Removed, "") });
        let row = one_row(draft);
        let golden = b"\x01\x09\0\0\0\0\0\0\0\
            \0\0\0\0\x01\x01\0k\x01\0\0\0v\
            \x02\0\0\0\x82\x01\0k\0\0\0\0\x05\0\0\0\0\0\0\0\x01\0\0\0v";
        assert_eq!(&row[..], golden);
        let events = Events::decode(5, &row).expect("our own");
        assert_eq!((events.stamp, Events::stamp_of(&row)), (Stamp(9), Some(Stamp(9))));
        let told: Vec<_> = events.events.iter().map(|(index, event)| (*index, event.kind)).collect();
        assert_eq!(told, [(5, EventKind::Put), (7, EventKind::Removed)]);
        assert_eq!(EventDraft::default().finish().count(), 0);
    }

    #[test]
    fn of_several_that_say_how_a_key_stands_the_last_is_told() {
        let mut draft = EventDraft::default();
        let stands = |body| Event { standing: true, ..event(EventKind::Told, body) };
        let other = Event { key: Key::new("other").expect("a valid key"), ..stands("4") };
        for (place, event) in
            [stands("1"), stands("2"), other, stands("5"), event(EventKind::Told, "6"), stands("7")]
                .into_iter()
                .enumerate()
        {
            draft.add(Stamp(9), place as u32, event);
        }
        let told = Events::decode(1, &one_row(draft)).expect("our own");
        let told: Vec<_> = told.events.iter().map(|(index, event)| (*index, &event.body[..])).collect();
        assert_eq!(told, [(2, &b"2"[..]), (3, b"4"), (4, b"5"), (5, b"6"), (6, b"7")]);
    }

    #[test]
    fn rows_end_between_commands_when_they_are_large() {
        let large = |body: usize| Event { body: Bytes::from(vec![b'v'; body]), ..event(EventKind::Told, "") };
        let mut draft = EventDraft::default();
        let sizes = [(0, 10), (3, ROW_BYTES), (3, ROW_BYTES), (4, 10), (9, ROW_BYTES), (10, 10)];
        sizes.iter().for_each(|(place, body)| draft.add(Stamp(9), *place, large(*body)));
        let rows: Vec<(u32, Vec<(Index, usize)>)> = draft
            .finish()
            .map(|(begins, row)| {
                let events = Events::decode(100 + Index::from(begins), &row).expect("our own");
                assert_eq!(events.stamp, Stamp(9));
                (begins, events.events.iter().map(|(index, event)| (*index, event.body.len())).collect())
            })
            .collect();
        let expected = [
            (0, vec![(100, 10), (103, ROW_BYTES), (103, ROW_BYTES)]),
            (4, vec![(104, 10), (109, ROW_BYTES)]),
            (10, vec![(110, 10)]),
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn what_a_later_build_wrote_is_refused() {
        for bytes in [&b""[..], b"\x02\x09\0\0\0\0\0\0\0", b"\x01\0\0\0\0\0\0\0\0\0\0\0\0\x09\x01\0k\0\0\0\0"]
        {
            assert_eq!(Events::decode(1, &Bytes::from_static(bytes)), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64), first in any::<u64>()) {
            let _ = Events::decode(first, &Bytes::from(bytes));
        }
    }
}
