//! The keyspace of one partition: a kind byte, then what the kind says.
//!
//! No partition id stands in a key: files are shared by link when a partition
//! splits, and each store already keeps partitions apart.

use crate::key::{KEY_BYTES_MAX, Key};
use crate::layout::{Layout, point};
use crate::range::KeyRange;
use crate::record::{Index, Stamp};
use bytes::Bytes;

/// The first byte of a stored key. These numbers are on disk for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum KeyKind {
    /// What the partition knows of itself: applied index, lineage, profile.
    Meta = 0x00,
    /// The table's rows.
    Data = 0x01,
    /// Events, by index: the binlog.
    Event = 0x02,
    /// Retry rows: answers given, by the first index of their record.
    Retry = 0x03,
    /// Deadlines, by stamp: what a `Tick` has to expire.
    Deadline = 0x04,
    /// What machines other than `kv` keep under a key.
    Part = 0x05,
}

impl KeyKind {
    /// Every kind, in stored order.
    pub const ALL: [KeyKind; 6] =
        [KeyKind::Meta, KeyKind::Data, KeyKind::Event, KeyKind::Retry, KeyKind::Deadline, KeyKind::Part];

    /// The kind of a stored byte; an unknown one is refused, not guessed.
    pub fn from_byte(byte: u8) -> Option<KeyKind> {
        KeyKind::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// Meta rows, by their one-byte name after the kind byte.
pub mod meta {
    use super::KeyKind;

    /// The applied index, a little-endian `u64`. Every write batch carries it.
    pub const APPLIED: [u8; 2] = [KeyKind::Meta as u8, 0x01];
    /// The partition's id, a little-endian `u64`: column families are slots.
    pub const PARTITION: [u8; 2] = [KeyKind::Meta as u8, 0x02];
    /// The stamp of the last applied record, a little-endian `u64`: where the
    /// partition's clock goes on.
    pub const STAMP: [u8; 2] = [KeyKind::Meta as u8, 0x03];
    /// Clients up to this id, a little-endian `u128`, are forgotten: what is
    /// asked for again under one of them may have been done.
    pub const FORGOTTEN: [u8; 2] = [KeyKind::Meta as u8, 0x04];
    /// The machine's version, a little-endian `u32`. Absent, it is the first.
    pub const MACHINE: [u8; 2] = [KeyKind::Meta as u8, 0x05];
    /// For how long nobody owned the partition, in all: nanoseconds, a
    /// little-endian `u64`.
    pub const PAUSED: [u8; 2] = [KeyKind::Meta as u8, 0x06];
    /// The binlog: up to which index it was given up, and its bytes; two
    /// little-endian `u64`.
    pub const BINLOG: [u8; 2] = [KeyKind::Meta as u8, 0x07];
    /// The rolling hash of all changes so far, a little-endian `u64`.
    pub const HASH: [u8; 2] = [KeyKind::Meta as u8, 0x08];
    /// How many indexes owners have taken of their own accord, a little-endian
    /// `u64`.
    pub const OWN: [u8; 2] = [KeyKind::Meta as u8, 0x09];
}

/// A stored key taken apart again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// For a hashed table, the point the key lies at.
    pub point: Option<u64>,
    /// The key as the client sent it.
    pub key: Key,
}

/// The bytes under which a row is stored: kind, point (hashed only), key.
pub fn encode_data(layout: Layout, key: &Key) -> Bytes {
    let mut out = Vec::with_capacity(1 + 8 + key.as_bytes().len());
    out.push(KeyKind::Data as u8);
    if layout == Layout::Hashed {
        // Big-endian, so that bytes order as points do.
        out.extend_from_slice(&point(key).to_be_bytes());
    }
    out.extend_from_slice(key.as_bytes());
    Bytes::from(out)
}

/// Where the rows of a table begin that lie at these bytes or behind them: bytes
/// of keys, or of points, as the layout has them.
pub fn data_bound(at: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(1 + at.len());
    out.push(KeyKind::Data as u8);
    out.extend_from_slice(at);
    Bytes::from(out)
}

/// The bytes behind all rows of any table.
pub const DATA_END: [u8; 1] = [KeyKind::Data as u8 + 1];

/// The client's key in a stored data key, where that is read in passing: whether
/// its point is its own is not asked.
pub fn key_of_data(layout: Layout, stored: &[u8]) -> Option<&[u8]> {
    let (&kind, rest) = stored.split_first()?;
    let key = match layout {
        Layout::Ordered => rest,
        Layout::Hashed => rest.get(8..)?,
    };
    (kind == KeyKind::Data as u8 && (1..=KEY_BYTES_MAX).contains(&key.len())).then_some(key)
}

/// The bytes under which a part of a key is stored: kind, point (hashed only), the
/// key so that no other begins like it, the part's name. Parts lie in the order of
/// their keys, and under a key in that of their names.
pub fn encode_part(layout: Layout, key: &Key, name: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(1 + 8 + key.as_bytes().len() + 2 + name.len());
    out.push(KeyKind::Part as u8);
    if layout == Layout::Hashed {
        out.extend_from_slice(&point(key).to_be_bytes());
    }
    for byte in key.as_bytes() {
        out.push(*byte);
        if *byte == 0 {
            // Above the end of a key that stops here.
            out.push(0xff);
        }
    }
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(name);
    Bytes::from(out)
}

/// Key and part's name of a stored part, or `None` when it is none of this layout.
pub fn decode_part(layout: Layout, stored: &[u8]) -> Option<(Key, &[u8])> {
    let (&kind, rest) = stored.split_first()?;
    let mut rest = match layout {
        Layout::Ordered => rest,
        Layout::Hashed => rest.get(8..)?,
    };
    let mut key = Vec::new();
    loop {
        let zero = rest.iter().position(|byte| *byte == 0)?;
        key.extend_from_slice(&rest[..zero]);
        match rest.get(zero + 1)? {
            0 => {
                let key = Key::new(key).ok().filter(|_| kind == KeyKind::Part as u8)?;
                return Some((key, &rest[zero + 2..]));
            }
            0xff => key.push(0),
            _ => return None,
        }
        rest = &rest[zero + 2..];
    }
}

/// The bytes under which events are stored that begin with this index.
pub fn encode_events(first_index: Index) -> Bytes {
    number_key(KeyKind::Event, first_index, &[])
}

/// The index that the events stored there begin with.
pub fn index_of_events(stored: &[u8]) -> Option<Index> {
    let (&kind, rest) = stored.split_first()?;
    (kind == KeyKind::Event as u8).then_some(Index::from_be_bytes(rest.try_into().ok()?))
}

/// Where the events of records from this index on are stored.
pub fn events_from(first_index: Index) -> KeyRange {
    numbers_from(KeyKind::Event, first_index, KeyKind::Retry)
}

/// The bytes under which it is noted that a stored row is due at this stamp.
pub fn encode_deadline(due: Stamp, subject: &[u8]) -> Bytes {
    number_key(KeyKind::Deadline, due.0, subject)
}

/// When something is due, and which stored row; the row shares the memory.
pub fn decode_deadline(stored: &Bytes) -> Option<(Stamp, Bytes)> {
    let (&kind, rest) = stored.split_first()?;
    let (due, _) = rest.split_first_chunk()?;
    (kind == KeyKind::Deadline as u8).then(|| (Stamp(u64::from_be_bytes(*due)), stored.slice(9..)))
}

/// Where deadlines from this stamp on are noted.
pub fn deadlines_from(due: Stamp) -> KeyRange {
    numbers_from(KeyKind::Deadline, due.0, KeyKind::Part)
}

fn number_key(kind: KeyKind, number: u64, rest: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(9 + rest.len());
    out.push(kind as u8);
    out.extend_from_slice(&number.to_be_bytes());
    out.extend_from_slice(rest);
    Bytes::from(out)
}

fn numbers_from(kind: KeyKind, number: u64, next: KeyKind) -> KeyRange {
    let end = Bytes::copy_from_slice(&[next as u8]);
    KeyRange::new(number_key(kind, number, &[]), Some(end)).expect("one kind is below the other")
}

/// The row that stored bytes name, or `None` when they are no data key of this
/// layout (a wrong kind, a wrong length, a point that is not the key's own).
pub fn decode_data(layout: Layout, stored: &[u8]) -> Option<StoredKey> {
    let (&kind, rest) = stored.split_first()?;
    if KeyKind::from_byte(kind)? != KeyKind::Data || rest.len() > KEY_BYTES_MAX + 8 {
        return None;
    }
    let (stored_point, key) = match layout {
        Layout::Ordered => (None, rest),
        Layout::Hashed => {
            let (head, key) = rest.split_first_chunk::<8>()?;
            (Some(u64::from_be_bytes(*head)), key)
        }
    };
    let key = Key::new(Bytes::copy_from_slice(key)).ok()?;
    let own = stored_point.is_none_or(|p| p == point(&key));
    own.then_some(StoredKey { point: stored_point, key })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bytes_are_golden() {
        let key = Key::new("ab").expect("a valid key");
        assert_eq!(&encode_data(Layout::Ordered, &key)[..], b"\x01ab");
        let hashed = encode_data(Layout::Hashed, &key);
        assert_eq!(hashed[0], 0x01);
        assert_eq!(hashed[1..9], point(&key).to_be_bytes());
        assert_eq!(&hashed[9..], b"ab");
    }

    #[test]
    fn parts_lie_in_the_order_of_keys_and_no_key_hides_in_another() {
        let part = |key: &'static [u8], name: &[u8]| {
            encode_part(Layout::Ordered, &Key::new(key).expect("a valid key"), name)
        };
        assert_eq!(&part(b"a\0b", b"n")[..], b"\x05a\0\xffb\0\0n");
        let sorted = [
            part(b"a", b""),
            part(b"a", b"\xff"),
            part(b"a\0", b""),
            part(b"a\0\0", b"z"),
            part(b"a\0b", b""),
            part(b"ab", b""),
            part(b"b", b"a"),
        ];
        assert!(sorted.is_sorted(), "{sorted:?}");
        let key = Key::new("ab").expect("a valid key");
        let hashed = encode_part(Layout::Hashed, &key, b"n");
        assert_eq!(
            (hashed[0], &hashed[1..9], &hashed[9..]),
            (5, &point(&key).to_be_bytes()[..], &b"ab\0\0n"[..])
        );
    }

    #[test]
    fn deadlines_and_events_lie_in_the_order_of_their_numbers() {
        let due = encode_deadline(Stamp(0x0102), b"\x01k");
        assert_eq!(&due[..], b"\x04\0\0\0\0\0\0\x01\x02\x01k");
        assert_eq!(decode_deadline(&due), Some((Stamp(0x0102), Bytes::from("\x01k"))));
        assert!(
            deadlines_from(Stamp(0x0102)).contains(&due) && !deadlines_from(Stamp(0x0103)).contains(&due)
        );
        let events = encode_events(7);
        assert_eq!(&events[..], b"\x02\0\0\0\0\0\0\0\x07");
        assert_eq!(index_of_events(&events), Some(7));
        assert!(events_from(7).contains(&events) && !events_from(8).contains(&events));
        for bytes in [&b""[..], b"\x04\0", b"\x01\0\0\0\0\0\0\0\x07"] {
            assert_eq!(decode_deadline(&Bytes::from_static(bytes)), None);
            assert_eq!(index_of_events(bytes), None);
        }
    }

    #[test]
    fn what_is_no_data_key_is_refused() {
        let table: [(&str, Layout, &[u8]); 6] = [
            ("nothing", Layout::Ordered, b""),
            ("no key", Layout::Ordered, b"\x01"),
            ("a meta row", Layout::Ordered, b"\x00\x01"),
            ("an unknown kind", Layout::Ordered, b"\x7fa"),
            ("a point cut short", Layout::Hashed, b"\x01abc"),
            ("another key's point", Layout::Hashed, b"\x01\0\0\0\0\0\0\0\0ab"),
        ];
        for (name, layout, bytes) in table {
            assert_eq!(decode_data(layout, bytes), None, "{name}");
        }
        for (name, layout, bytes) in &table[..5] {
            assert_eq!(key_of_data(*layout, bytes), None, "{name}");
        }
        assert!(data_bound(b"\xff") < DATA_END[..]);
    }

    proptest! {
        #[test]
        fn keys_round_trip(bytes in proptest::collection::vec(any::<u8>(), 1..=KEY_BYTES_MAX)) {
            let key = Key::new(bytes).expect("a valid length");
            for layout in [Layout::Ordered, Layout::Hashed] {
                let part = encode_part(layout, &key, b"name\0");
                prop_assert_eq!(decode_part(layout, &part), Some((key.clone(), &b"name\0"[..])));
                prop_assert_eq!(decode_part(layout, &part[..part.len() - 6]), None);
                let encoded = encode_data(layout, &key);
                let stored = decode_data(layout, &encoded).expect("our own bytes");
                prop_assert_eq!(&stored.key, &key);
                prop_assert_eq!(key_of_data(layout, &encoded), Some(key.as_bytes()));
            }
        }

        #[test]
        fn ordered_keys_order_as_their_bytes(a in "[a-c{}]{1,6}", b in "[a-c{}]{1,6}") {
            let (ka, kb) = (Key::new(a.clone()).expect("valid"), Key::new(b.clone()).expect("valid"));
            prop_assert_eq!(
                encode_data(Layout::Ordered, &ka).cmp(&encode_data(Layout::Ordered, &kb)),
                a.as_bytes().cmp(b.as_bytes())
            );
        }
    }
}
