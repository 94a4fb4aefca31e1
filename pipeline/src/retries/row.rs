//! A retry row: what became of the operations of one record.
//!
//! One row a record, not one an operation: a write of one row costs one more
//! put, however many are drained together. See `docs/formats/retries.md`.

use bytes::Bytes;
use model::keyspace::KeyKind;
use model::wire::Cursor;
use model::{Index, Stamp};

const VERSION: u8 = 1;
/// A longer reply is not kept: who asks again gets the revision alone.
pub const REPLY_BYTES_MAX: usize = 1024;
const NOT_KEPT: u16 = u16::MAX;
const GIVEN_UP: u16 = u16::MAX - 1;

/// One operation's outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The client's number for it.
    pub sequence: u64,
    /// Which command of the record it was.
    pub offset: u32,
    /// What is kept of it.
    pub kept: Kept,
}

/// What is kept of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It was done: the machine's reply.
    Reply(Bytes),
    /// It was done, and the reply was too long.
    TooLong,
    /// It was asked for before it came: it is not done.
    GivenUp,
}

/// What one client did in the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Its id.
    pub client: u128,
    /// It has the answers to everything up to here.
    pub answered_upto: u64,
    /// What it did.
    pub entries: Vec<Entry>,
}

/// A row taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryRow {
    /// When: the record's stamp.
    pub stamp: Stamp,
    /// By client, in order of their ids.
    pub shares: Vec<Share>,
}

/// The row's key: the record's first index.
pub fn key_of(first_index: Index) -> Bytes {
    let mut key = Vec::with_capacity(9);
    key.push(KeyKind::Retry as u8);
    key.extend_from_slice(&first_index.to_be_bytes());
    Bytes::from(key)
}

/// The index that a key names, if it is one of these.
pub fn index_of(key: &[u8]) -> Option<Index> {
    let (kind, index) = key.split_first()?;
    let index = Index::from_be_bytes(index.try_into().ok()?);
    (*kind == KeyKind::Retry as u8).then_some(index)
}

impl RetryRow {
    /// The row's bytes.
    pub fn encode(&self) -> Bytes {
        let mut out = vec![VERSION];
        out.extend_from_slice(&self.stamp.0.to_le_bytes());
        for share in &self.shares {
            out.extend_from_slice(&share.client.to_le_bytes());
            out.extend_from_slice(&share.answered_upto.to_le_bytes());
            let count = u32::try_from(share.entries.len()).expect("no more than commands of a record");
            out.extend_from_slice(&count.to_le_bytes());
            share.entries.iter().for_each(|entry| entry.put(&mut out));
        }
        Bytes::from(out)
    }

    /// The row of these bytes; none if this build did not write them.
    pub fn decode(bytes: &Bytes) -> Option<RetryRow> {
        let mut cursor = Cursor::new(bytes);
        if cursor.u8()? != VERSION {
            return None;
        }
        let stamp = Stamp(cursor.u64()?);
        let mut shares = Vec::new();
        while !cursor.is_empty() {
            let (client, answered_upto) = (cursor.u128()?, cursor.u64()?);
            let count = cursor.u32()?;
            let entries = (0..count).map(|_| Entry::take(&mut cursor, bytes)).collect::<Option<_>>()?;
            shares.push(Share { client, answered_upto, entries });
        }
        Some(RetryRow { stamp, shares })
    }
}

impl Entry {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.sequence.to_le_bytes());
        out.extend_from_slice(&self.offset.to_le_bytes());
        let (length, reply) = match &self.kept {
            Kept::Reply(reply) => (u16::try_from(reply.len()).expect("a KiB at most"), &reply[..]),
            Kept::TooLong => (NOT_KEPT, &[][..]),
            Kept::GivenUp => (GIVEN_UP, &[][..]),
        };
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(reply);
    }

    fn take(cursor: &mut Cursor<'_>, row: &Bytes) -> Option<Entry> {
        let (sequence, offset) = (cursor.u64()?, cursor.u32()?);
        let kept = match cursor.u16()? {
            NOT_KEPT => Kept::TooLong,
            GIVEN_UP => Kept::GivenUp,
            length => Kept::Reply(row.slice_ref(cursor.take(usize::from(length))?)),
        };
        Some(Entry { sequence, offset, kept })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_golden_and_round_trip() {
        let kept = Entry { sequence: 7, offset: 1, kept: Kept::Reply(Bytes::new()) };
        let share = Share { client: 2, answered_upto: 6, entries: vec![kept] };
        let row = RetryRow { stamp: Stamp(9), shares: vec![share] };
        let mut bytes = b"\x01\x09\0\0\0\0\0\0\0\x02".to_vec();
        bytes.extend_from_slice(&[0; 15]);
        bytes.extend_from_slice(b"\x06\0\0\0\0\0\0\0\x01\0\0\0");
        bytes.extend_from_slice(b"\x07\0\0\0\0\0\0\0\x01\0\0\0\0\0");
        assert_eq!(row.encode(), bytes);
        assert_eq!(key_of(5), &b"\x03\0\0\0\0\0\0\0\x05"[..]);
        assert_eq!(index_of(&key_of(5)), Some(5));
        let too_long = Entry { sequence: 8, offset: 0, kept: Kept::TooLong };
        let given_up = Entry { sequence: 9, offset: 1, kept: Kept::GivenUp };
        let share = Share { client: 3, answered_upto: 0, entries: vec![too_long, given_up] };
        let row = RetryRow { shares: vec![share], ..row };
        assert_eq!(RetryRow::decode(&row.encode()), Some(row));
    }

    #[test]
    fn what_is_no_row_is_none() {
        let good = RetryRow { stamp: Stamp(9), shares: Vec::new() }.encode();
        let cut = good.slice(..good.len() - 1);
        let later = Bytes::from([&[2], &good[1..]].concat());
        let torn = Bytes::from([&good[..], &[0; 20]].concat());
        for bytes in [Bytes::new(), cut, later, torn] {
            assert_eq!(RetryRow::decode(&bytes), None);
        }
    }
}
