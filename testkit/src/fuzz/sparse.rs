//! Segments from few bytes: blocks are 4 KiB and mostly zero, and a fuzzer that
//! has to find its way through zeroes finds nothing.
//!
//! An input is a flags byte and chunks: block, length, content. A chunk stands
//! at the start of its block. With the flag *seal*, each chunk that looks like
//! a batch gets checksums that fit its place, so that what lies behind them is
//! reached too; a checksum is no signature, and a defect of ours writes sound
//! ones.

use model::{ClusterId, DiskId};
use wal::{BLOCK_BYTES, LogIdentity, Place, SegmentId};

/// Blocks of a segment.
const BLOCKS: u8 = 16;
const SEAL: u8 = 1;
const FIXED_BYTES: usize = 64;

/// Whose log fuzzers read.
pub(super) const IDENTITY: LogIdentity = LogIdentity { cluster: ClusterId(0xc1), disk: DiskId(0xd1) };
/// The segment that the input is.
pub(super) const SEGMENT: SegmentId = SegmentId(3);

/// Shall checksums be made to fit?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seal {
    /// They are as they stand.
    AsFound,
    /// They are computed.
    Computed,
}

/// Are the input's checksums made to fit?
pub(super) fn is_sealed(input: &[u8]) -> bool {
    input.first().is_some_and(|flags| flags & SEAL != 0)
}

/// The segment that an input stands for.
pub(super) fn to_segment(input: &[u8]) -> Vec<u8> {
    let Some((_, mut rest)) = input.split_first() else { return Vec::new() };
    let mut segment = Vec::new();
    let mut starts = Vec::new();
    while let [block, low, high, content @ ..] = rest {
        let start = usize::from(block % BLOCKS) * BLOCK_BYTES as usize;
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(content.len());
        let (content, after) = content.split_at(length);
        let end = (start + length).next_multiple_of(BLOCK_BYTES as usize).max(segment.len());
        segment.resize(end, 0);
        segment[start..start + length].copy_from_slice(content);
        starts.push(start);
        rest = after;
    }
    if is_sealed(input) {
        for start in starts {
            seal(&mut segment, start);
        }
    }
    segment
}

/// The input that stands for a segment: its batches, without their padding.
pub fn from_segment(segment: &[u8], seal: Seal) -> Vec<u8> {
    let mut input = vec![if seal == Seal::Computed { SEAL } else { 0 }];
    for (block, content) in segment.chunks(BLOCK_BYTES as usize).take(usize::from(BLOCKS)).enumerate() {
        let used = content.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        if used > 0 {
            input.push(u8::try_from(block).expect("at most 16 blocks"));
            input.extend_from_slice(&u16::try_from(used).expect("at most 4096").to_le_bytes());
            input.extend_from_slice(&content[..used]);
        }
    }
    input
}

/// The length fields of a header, if they fit what is there.
pub(super) fn lengths(segment: &[u8], start: usize) -> Option<(usize, usize)> {
    let field =
        |at: usize| Some(u32::from_le_bytes(segment.get(start + at..start + at + 4)?.try_into().ok()?));
    let (header, body) = (field(32)? as usize, field(36)? as usize);
    let fits = header >= FIXED_BYTES && start.checked_add(header)?.checked_add(body)? <= segment.len();
    fits.then_some((header, body))
}

/// The checksums of body and header that fit the place.
pub(super) fn checksums(segment: &[u8], start: usize, header: usize, body: usize) -> (u32, u32) {
    let place = Place { identity: IDENTITY, segment: SEGMENT, offset: start as u64 };
    let body = &segment[start + header..start + header + body];
    let mut header = segment[start..start + header].to_vec();
    header[56..60].fill(0);
    (crc32c::crc32c_append(place.seed(), body), crc32c::crc32c_append(place.seed(), &header))
}

fn seal(segment: &mut [u8], start: usize) {
    let Some((header, body)) = lengths(segment, start) else { return };
    let (body_crc, _) = checksums(segment, start, header, body);
    segment[start + 52..start + 56].copy_from_slice(&body_crc.to_le_bytes());
    let (_, header_crc) = checksums(segment, start, header, body);
    segment[start + 56..start + 60].copy_from_slice(&header_crc.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_comes_back_from_its_input() {
        let mut segment = vec![0; 3 * BLOCK_BYTES as usize];
        segment[..3].copy_from_slice(b"abc");
        segment[2 * BLOCK_BYTES as usize] = 1;
        let input = from_segment(&segment, Seal::AsFound);
        assert_eq!(input, b"\x00\x00\x03\x00abc\x02\x01\x00\x01");
        assert_eq!(to_segment(&input), segment);
    }
}
