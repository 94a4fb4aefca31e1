//! What opens a segment: where the log comes from, and the carrier states.
//!
//! The opening is one batch, so it is there whole or not at all. It names where
//! its predecessor ends: nothing beyond that point is read or judged again. It
//! repeats every partition's carrier state, so that an old vote of an idle
//! group pins no old segment. After a crash it also carries the records that
//! recovery keeps, so that opening and keeping them is one step.

use crate::carrier::Carriers;
use crate::place::{LogIdentity, Lsn, SegmentId};
use bytes::Bytes;
use model::wire::Cursor;
use model::{ClusterId, DiskId, Epoch, PartitionId, Record, RecordKind, Stamp};

/// Where a segment's predecessor ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Predecessor {
    /// Which segment; 0 for the first of a log.
    pub segment: SegmentId,
    /// The offset behind its last batch.
    pub end: u64,
    /// The LSN of its last batch.
    pub lsn: Lsn,
    /// The offset of its footer; 0 when it ended without one.
    pub footer: u64,
}

/// The opening record's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Whose log; the checksums say so too, but only this can name it.
    pub identity: LogIdentity,
    /// The size at which the segment was laid out.
    pub capacity: u64,
    /// What came before.
    pub predecessor: Predecessor,
    /// Segments up to this one may be gone.
    pub released: SegmentId,
}

impl Opening {
    /// The opening as the segment's first record.
    pub(crate) fn record(&self) -> Record {
        let mut out = Vec::with_capacity(80);
        out.extend_from_slice(&self.identity.cluster.0.to_le_bytes());
        out.extend_from_slice(&self.identity.disk.0.to_le_bytes());
        let before = &self.predecessor;
        for field in
            [self.capacity, before.segment.0, before.end, before.lsn.0, before.footer, self.released.0]
        {
            out.extend_from_slice(&field.to_le_bytes());
        }
        of_the_log(RecordKind::Opening, Bytes::from(out))
    }

    /// Reads it back.
    pub(crate) fn decode(payload: &[u8]) -> Option<Opening> {
        let mut at = Cursor::new(payload);
        let identity = LogIdentity { cluster: ClusterId(at.u128()?), disk: DiskId(at.u128()?) };
        let capacity = at.u64()?;
        let predecessor = Predecessor {
            segment: SegmentId(at.u64()?),
            end: at.u64()?,
            lsn: Lsn(at.u64()?),
            footer: at.u64()?,
        };
        let released = SegmentId(at.u64()?);
        at.is_empty().then_some(Opening { identity, capacity, predecessor, released })
    }
}

/// The record that allows segments up to `upto` to be gone.
pub(crate) fn released(upto: SegmentId) -> Record {
    of_the_log(RecordKind::Released, Bytes::copy_from_slice(&upto.0.to_le_bytes()))
}

/// The segment that a `Released` record names.
pub(crate) fn decode_released(payload: &[u8]) -> Option<SegmentId> {
    payload.try_into().ok().map(|bytes| SegmentId(u64::from_le_bytes(bytes)))
}

fn of_the_log(kind: RecordKind, payload: Bytes) -> Record {
    Record {
        partition: PartitionId::LOG,
        epoch: Epoch::default(),
        first_index: 0,
        count: 0,
        stamp: Stamp(0),
        kind,
        payload,
    }
}

/// The records of an opening batch taken apart.
#[derive(Debug)]
pub(crate) struct Opened {
    pub opening: Opening,
    pub carriers: Carriers,
    /// What recovery kept when it opened the segment.
    pub kept: Vec<Record>,
}

/// Takes an opening batch apart; `None` when it is none.
pub(crate) fn take_apart(records: Vec<Record>) -> Option<Opened> {
    let mut records = records.into_iter();
    let first = records.next().filter(|record| record.kind == RecordKind::Opening)?;
    let opening = Opening::decode(&first.payload)?;
    let mut carriers = Carriers::default();
    let mut kept = Vec::new();
    for record in records {
        match record.kind {
            RecordKind::Checkpoint => carriers.restore(&record)?,
            _ => kept.push(record),
        }
    }
    Some(Opened { opening, carriers, kept })
}
