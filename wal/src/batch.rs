//! The batch: all that is written between two syncs.
//!
//! It starts on a block boundary with a header that says what it is, how far
//! the log was durable when it was written, and whose records are in it and in
//! the batch before it. Header and body have a checksum each, both continued
//! from the place. The bytes are laid out in `docs/formats/log.md`.

use crate::BLOCK_BYTES;
use crate::packet::Packet;
use crate::place::{Lsn, Place, SegmentId, padded};
use crate::roster::{Roster, SPAN_BYTES};
use bytes::Bytes;
use model::wire::Cursor;

/// First bytes of every batch.
pub(crate) const MAGIC: [u8; 4] = *b"SHLB";
/// The only format so far.
pub const FORMAT: u16 = 1;
/// Bytes before the rosters.
const FIXED_BYTES: usize = 64;
const CRC_AT: usize = 56;
/// A header longer than this is no header: it would name 2^21 partitions.
const HEADER_BYTES_MAX: u32 = 64 << 20;
/// A segment whose roster is longer ends early, so that its footer and the
/// opening behind it stay within that with room to spare.
pub(crate) const SEGMENT_SPANS_MAX: usize = 1 << 20;

/// What a batch is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum BatchKind {
    /// Records that somebody appended.
    Data = 1,
    /// Only a header: says how far the log is durable.
    Mark = 2,
    /// The first of a segment: where the log comes from, and carrier states.
    Opening = 3,
    /// The last of a segment: its roster.
    Footer = 4,
    /// The second of a segment: the opening again, without the records that
    /// recovery kept. What stands in an opening stands nowhere else.
    Repeat = 5,
}

/// A batch's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the batch is for.
    pub kind: BatchKind,
    /// Its number.
    pub lsn: Lsn,
    /// Every batch up to this one was on disk when this one was written. This,
    /// and not its presence, is what a header proves.
    pub durable_upto: Lsn,
    /// Bytes of header and rosters.
    pub header_bytes: u32,
    /// Bytes of records.
    pub body_bytes: u32,
    /// How many records.
    pub records: u32,
    /// Whose records are in this batch; in a footer, in the segment.
    pub own: Roster,
    /// Whose records are in the batch before; in an opening, in the segment before.
    pub prior: Roster,
    body_crc: u32,
}

impl Header {
    /// Bytes on disk: whole blocks.
    pub fn extent(&self) -> u64 {
        padded(u64::from(self.header_bytes) + u64::from(self.body_bytes))
    }
}

/// What a batch to be written says of itself.
pub(crate) struct Draft<'a> {
    pub kind: BatchKind,
    pub lsn: Lsn,
    pub durable_upto: Lsn,
    pub own: &'a Roster,
    pub prior: &'a Roster,
}

/// Bytes that a batch of these records and rosters takes on disk.
pub(crate) fn extent(own: &Roster, prior: &Roster, body_bytes: usize) -> u64 {
    padded((FIXED_BYTES + own.bytes() + prior.bytes() + body_bytes) as u64)
}

/// Writes the header of a batch with this body into `out`, which is reused.
/// Returns the zeroes that pad the batch to whole blocks.
pub(crate) fn encode_header(
    place: &Place,
    draft: &Draft<'_>,
    body: &[&Packet],
    out: &mut Vec<u8>,
) -> &'static [u8] {
    out.clear();
    out.resize(FIXED_BYTES, 0);
    draft.own.encode(out);
    draft.prior.encode(out);
    let header_bytes = out.len();
    let seed = place.seed();
    let body_bytes: usize = body.iter().map(|packet| packet.bytes()).sum();
    let body_crc = body.iter().fold(seed, |crc, packet| packet.checksum().behind(crc));
    let count: u32 = body.iter().map(|packet| packet.count()).sum();
    let spans = |roster: &Roster| length(roster.spans().len());

    out[0..4].copy_from_slice(&MAGIC);
    out[4..6].copy_from_slice(&FORMAT.to_le_bytes());
    out[6] = draft.kind as u8;
    out[8..16].copy_from_slice(&place.segment.0.to_le_bytes());
    out[16..24].copy_from_slice(&draft.lsn.0.to_le_bytes());
    out[24..32].copy_from_slice(&draft.durable_upto.0.to_le_bytes());
    out[32..36].copy_from_slice(&length(header_bytes).to_le_bytes());
    out[36..40].copy_from_slice(&length(body_bytes).to_le_bytes());
    out[40..44].copy_from_slice(&count.to_le_bytes());
    out[44..48].copy_from_slice(&spans(draft.own).to_le_bytes());
    out[48..52].copy_from_slice(&spans(draft.prior).to_le_bytes());
    out[52..56].copy_from_slice(&body_crc.to_le_bytes());
    let header_crc = crc32c::crc32c_append(seed, &out[..header_bytes]);
    out[CRC_AT..CRC_AT + 4].copy_from_slice(&header_crc.to_le_bytes());
    let used = header_bytes + body_bytes;
    &PADDING[..used.next_multiple_of(PADDING.len()) - used]
}

const PADDING: [u8; BLOCK_BYTES as usize] = [0; BLOCK_BYTES as usize];

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("bounded by log_batch_bytes_max")
}

/// The header at the start of `bytes`, if a sound one stands there.
pub(crate) fn decode_header(place: &Place, bytes: &[u8]) -> Option<Header> {
    let header = parse_header(place, bytes, true)?;
    Some(header)
}

/// The segment and the LSN that bytes with our magic name, sound or not.
pub(crate) fn stated(bytes: &[u8]) -> Option<(SegmentId, Lsn)> {
    let mut at = Cursor::new(bytes.get(..FIXED_BYTES)?);
    let ours = at.take(4)? == MAGIC;
    at.take(4)?;
    ours.then_some((SegmentId(at.u64()?), Lsn(at.u64()?)))
}

/// What stands where a header should be, believed without its checksum. For
/// messages only, and for one planted bug.
pub(crate) fn parse_unchecked(place: &Place, bytes: &[u8]) -> Option<Header> {
    parse_header(place, bytes, false)
}

fn parse_header(place: &Place, bytes: &[u8], checked: bool) -> Option<Header> {
    let mut at = Cursor::new(bytes.get(..FIXED_BYTES)?);
    let magic = at.take(4)?;
    let (format, kind, room) = (at.u16()?, at.u8()?, at.u8()?);
    let segment = at.u64()?;
    let (lsn, durable_upto) = (Lsn(at.u64()?), Lsn(at.u64()?));
    let (header_bytes, body_bytes, records) = (at.u32()?, at.u32()?, at.u32()?);
    let (own, prior) = (at.u32()?, at.u32()?);
    let (body_crc, header_crc, more_room) = (at.u32()?, at.u32()?, at.u32()?);
    let spans = (own as usize).checked_add(prior as usize)?;
    let whole = FIXED_BYTES.checked_add(spans.checked_mul(SPAN_BYTES)?)?;
    let shaped = magic == MAGIC
        && format == FORMAT
        && room == 0
        && more_room == 0
        && durable_upto < lsn
        && header_bytes <= HEADER_BYTES_MAX
        && header_bytes as usize == whole;
    if !shaped {
        return None;
    }
    let header = bytes.get(..whole)?;
    if checked && (segment != place.segment.0 || header_crc != crc_of(place, header)) {
        return None;
    }
    let kind = kind_of(kind)?;
    let mut rosters = Cursor::new(&header[FIXED_BYTES..]);
    let own = Roster::decode(&mut rosters, own)?;
    let prior = Roster::decode(&mut rosters, prior)?;
    Some(Header { kind, lsn, durable_upto, header_bytes, body_bytes, records, own, prior, body_crc })
}

/// The header's checksum: over all of it, the checksum's own bytes as zeroes.
fn crc_of(place: &Place, header: &[u8]) -> u32 {
    let crc = crc32c::crc32c_append(place.seed(), &header[..CRC_AT]);
    let crc = crc32c::crc32c_append(crc, &[0; 4]);
    crc32c::crc32c_append(crc, &header[CRC_AT + 4..])
}

/// The body behind a header, if it is all there and sound.
pub(crate) fn body(place: &Place, header: &Header, bytes: &Bytes) -> Option<Bytes> {
    let start = header.header_bytes as usize;
    let end = start.checked_add(header.body_bytes as usize)?;
    let body = bytes.get(start..end)?;
    (crc32c::crc32c_append(place.seed(), body) == header.body_crc).then(|| bytes.slice(start..end))
}

/// The format number of a batch that would be sound but for it: a later
/// build's, and not a flipped bit, whose checksum would still name this format.
pub(crate) fn foreign_format(place: &Place, bytes: &[u8]) -> Option<u16> {
    let fixed = bytes.get(..FIXED_BYTES)?;
    let format = u16::from_le_bytes([fixed[4], fixed[5]]);
    if fixed[..4] != MAGIC || format == FORMAT {
        return None;
    }
    let mut as_ours = bytes.to_vec();
    as_ours[4..6].copy_from_slice(&FORMAT.to_le_bytes());
    match decode_header(place, &as_ours) {
        Some(_) => None,
        None => Some(format),
    }
}

fn kind_of(byte: u8) -> Option<BatchKind> {
    use BatchKind::{Data, Footer, Mark, Opening, Repeat};
    [Data, Mark, Opening, Footer, Repeat].into_iter().find(|kind| *kind as u8 == byte)
}
