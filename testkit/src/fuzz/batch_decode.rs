//! Any bytes as a segment: what is taken for a batch is one.

use crate::fuzz::sparse::{IDENTITY, SEGMENT, checksums, lengths, to_segment};
use bytes::Bytes;
use wal::inspect::{BatchRow, batches_of};
use wal::{BLOCK_BYTES, Lsn};

/// Decodes the input's segment and checks every batch that comes out of it
/// against the bytes, by the page and not by the code.
pub fn batch_decode(input: &[u8]) {
    let segment = to_segment(input);
    let Ok(rows) = batches_of(IDENTITY, SEGMENT, Bytes::from(segment.clone())) else { return };
    let (mut end, mut last) = (0, Lsn(0));
    for row in &rows {
        assert!(row.offset >= end && row.offset % BLOCK_BYTES == 0, "rows do not overlap: {row:?}");
        end = row.offset + row.extent;
        if row.kind.is_some() {
            assert!(row.lsn >= last, "numbers rise: {row:?}");
            last = row.lsn;
            check(&segment, row);
        }
    }
}

fn check(segment: &[u8], row: &BatchRow) {
    let start = usize::try_from(row.offset).expect("within the segment");
    let (header, body) = lengths(segment, start).expect("a sound batch is all there");
    assert_eq!(row.used, (header + body) as u64);
    assert_eq!(row.extent, row.used.next_multiple_of(BLOCK_BYTES));
    assert_eq!(&segment[start..start + 6], b"SHLB\x01\x00");
    let field = |at: usize| u32::from_le_bytes(segment[start + at..start + at + 4].try_into().expect("four"));
    assert_eq!((field(52), field(56)), checksums(segment, start, header, body), "sound means its checksums");
    assert_eq!(field(40) as usize, row.records.len());
    let payloads: usize = row.records.iter().map(|record| 56 + record.payload_bytes).sum();
    assert_eq!(payloads, body, "records fill the body");
}
