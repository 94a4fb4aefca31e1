//! Frames: a length, a checksum, bytes. Every frame has the checksum: TCP's own
//! misses one error in sixty thousand, and what comes through here is written to
//! logs that have to be equal.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use std::io;

/// What one frame may measure: a record and what stands around it.
pub const FRAME_BYTES_MAX: usize = 16 << 20;
const HEAD_BYTES: usize = 8;

/// Puts a frame behind others. An empty one only says that the link is there.
pub(crate) fn put(out: &mut BytesMut, frame: &[u8]) {
    out.reserve(HEAD_BYTES + frame.len());
    out.put_u32_le(u32::try_from(frame.len()).expect("bounded by FRAME_BYTES_MAX"));
    out.put_u32_le(crc32c::crc32c(frame));
    out.put_slice(frame);
}

/// Takes the next frame that is there whole.
pub(crate) fn take(buffer: &mut BytesMut) -> io::Result<Option<Bytes>> {
    let Some(head) = buffer.get(..HEAD_BYTES) else { return Ok(None) };
    let (mut length, mut sum) = (&head[..4], &head[4..]);
    let (length, sum) = (length.get_u32_le() as usize, sum.get_u32_le());
    if length > FRAME_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame is longer than frames may be"));
    }
    if buffer.len() < HEAD_BYTES + length {
        buffer.reserve(HEAD_BYTES + length - buffer.len());
        return Ok(None);
    }
    buffer.advance(HEAD_BYTES);
    let frame = buffer.split_to(length).freeze();
    if crc32c::crc32c(&frame) != sum {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame's checksum is wrong"));
    }
    Ok(Some(frame))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn frames_round_trip_however_they_are_cut(
            frames in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..10),
            cut in 1usize..20,
        ) {
            let mut wire = BytesMut::new();
            frames.iter().for_each(|frame| put(&mut wire, frame));
            let (mut buffer, mut found) = (BytesMut::new(), Vec::new());
            for piece in wire.chunks(cut) {
                buffer.extend_from_slice(piece);
                while let Some(frame) = take(&mut buffer).expect("our own") {
                    found.push(frame.to_vec());
                }
            }
            prop_assert_eq!(found, frames);
            prop_assert!(buffer.is_empty());
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut buffer = BytesMut::from(&bytes[..]);
            while let Ok(Some(_)) = take(&mut buffer) {}
        }
    }

    #[test]
    fn a_flipped_bit_and_an_endless_frame_are_refused() {
        let mut wire = BytesMut::new();
        put(&mut wire, b"vote");
        for at in [4, 9] {
            let mut flipped = wire.clone();
            flipped[at] ^= 1;
            assert!(take(&mut flipped).is_err(), "byte {at}");
        }
        let mut endless = BytesMut::from(&[0xff; 8][..]);
        assert!(take(&mut endless).is_err());
        assert!(endless.capacity() < FRAME_BYTES_MAX, "nothing is made ready for it");
    }
}
