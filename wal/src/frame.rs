//! One record within a batch's body. Its bytes are on disk for ever; they are
//! laid out in `docs/formats/log.md`.
//!
//! A record has no checksum of its own: a batch is recovered whole or not at
//! all, and the batch's checksum covers it.

use bytes::Bytes;
use model::wire::Cursor;
use model::{Epoch, PartitionId, Record, RecordKind, Stamp};

/// Bytes before the payload.
pub(crate) const FRAME_BYTES: usize = 56;

/// Bytes of the record in a body.
pub(crate) fn bytes(record: &Record) -> usize {
    FRAME_BYTES + record.payload.len()
}

/// What stands before the payload.
pub(crate) fn head(record: &Record) -> [u8; FRAME_BYTES] {
    let length = u32::try_from(bytes(record)).expect("bounded by log_record_bytes_max");
    let mut head = [0; FRAME_BYTES];
    head[..4].copy_from_slice(&length.to_le_bytes());
    head[4] = record.kind as u8;
    // 5..8 are flags and room, zero in this format.
    head[8..16].copy_from_slice(&record.partition.0.to_le_bytes());
    head[16..24].copy_from_slice(&record.epoch.generation.to_le_bytes());
    head[24..32].copy_from_slice(&record.epoch.term.to_le_bytes());
    head[32..40].copy_from_slice(&record.first_index.to_le_bytes());
    head[40..48].copy_from_slice(&record.stamp.0.to_le_bytes());
    head[48..52].copy_from_slice(&record.count.to_le_bytes());
    // 52..56 are room, zero in this format.
    head
}

/// Why a body with a sound checksum cannot be read: a later build wrote it, or
/// this one has a defect. Either way the reader stops rather than skips.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A record's length does not fit the body.
    #[error("a record's length does not fit its batch")]
    Length,
    /// A kind that this build does not know.
    #[error("a record has kind {0}, which this build does not know")]
    Kind(u8),
    /// Flags that this build does not know.
    #[error("a record has flags that this build does not know")]
    Flags,
}

/// The records of a body; payloads share its memory.
pub(crate) fn decode_all(body: &Bytes, count: u32) -> Result<Vec<Record>, FrameError> {
    let mut records = Vec::new();
    let mut rest = Cursor::new(body);
    while !rest.is_empty() {
        let record = decode(&mut rest, body)?;
        records.push(record);
    }
    if records.len() == count as usize { Ok(records) } else { Err(FrameError::Length) }
}

/// The record at the cursor, which walks `body`.
pub(crate) fn decode(cursor: &mut Cursor<'_>, body: &Bytes) -> Result<Record, FrameError> {
    let mut at = *cursor;
    let length = at.u32().ok_or(FrameError::Length)? as usize;
    let frame = cursor.take(length).ok_or(FrameError::Length)?;
    if length < FRAME_BYTES {
        return Err(FrameError::Length);
    }
    let head = fields(&mut Cursor::new(&frame[4..FRAME_BYTES])).ok_or(FrameError::Length)?;
    let kind = RecordKind::from_byte(head.kind).ok_or(FrameError::Kind(head.kind))?;
    if head.flags != 0 || kind.counts() != (head.count > 0) {
        return Err(FrameError::Flags);
    }
    if head.first_index.checked_add(u64::from(head.count)).is_none() {
        return Err(FrameError::Length);
    }
    Ok(Record {
        partition: PartitionId(head.partition),
        epoch: head.epoch,
        first_index: head.first_index,
        count: head.count,
        stamp: head.stamp,
        kind,
        payload: body.slice_ref(&frame[FRAME_BYTES..]),
    })
}

struct Fields {
    kind: u8,
    /// All flag and room bytes: any that is set belongs to a later format.
    flags: u64,
    partition: u64,
    epoch: Epoch,
    first_index: u64,
    stamp: Stamp,
    count: u32,
}

fn fields(at: &mut Cursor<'_>) -> Option<Fields> {
    let kind = at.u8()?;
    let flags = u64::from(at.u8()?) | u64::from(at.u16()?) << 8;
    let partition = at.u64()?;
    let epoch = Epoch { generation: at.u64()?, term: at.u64()? };
    let (first_index, stamp, count) = (at.u64()?, Stamp(at.u64()?), at.u32()?);
    let room = u64::from(at.u32()?);
    Some(Fields { kind, flags: flags | room << 24, partition, epoch, first_index, stamp, count })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(kind: RecordKind, count: u32, payload: &'static [u8]) -> Record {
        Record {
            partition: PartitionId(7),
            epoch: Epoch { generation: 2, term: 3 },
            first_index: 11,
            count,
            stamp: Stamp(0x0102),
            kind,
            payload: Bytes::from_static(payload),
        }
    }

    fn encode(record: &Record) -> Vec<u8> {
        [&head(record)[..], &record.payload].concat()
    }

    #[test]
    fn bytes_are_golden() {
        let out = encode(&record(RecordKind::Commands, 2, b"ab"));
        let golden = b"\x3a\0\0\0\x01\0\0\0\x07\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\
            \x0b\0\0\0\0\0\0\0\x02\x01\0\0\0\0\0\0\x02\0\0\0\0\0\0\0ab";
        assert_eq!(out, golden);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let good = encode(&record(RecordKind::Blank, 0, b"x"));
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            decode_all(&Bytes::from(bytes), 1)
        };
        assert!(with(0, good[0]).is_ok());
        assert_eq!(with(0, 200), Err(FrameError::Length));
        assert_eq!(with(4, 99), Err(FrameError::Kind(99)));
        assert_eq!(with(6, 1), Err(FrameError::Flags));
        assert_eq!(with(48, 1), Err(FrameError::Flags), "a blank record takes no index");
        assert_eq!(decode_all(&Bytes::from(good), 2), Err(FrameError::Length));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), count in 0u32..4) {
            let _ = decode_all(&Bytes::from(bytes), count);
        }
    }
}
