//! Where a batch stands, and the checksum seed that ties it to that place.
//!
//! A batch in the wrong place, of another cluster or disk, or of a segment
//! file's former life must read as invalid. So every checksum starts from the
//! place, and a sound batch anywhere else is just noise.

use crate::BLOCK_BYTES;
use model::{ClusterId, DiskId};
use std::fmt;

/// Numbers the batches of a node's log, from 1, densely. Never leaves the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lsn(pub u64);

/// Numbers the segments of a node's log, from 1. 0 is "no segment".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(pub u64);

/// Whose log it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogIdentity {
    /// The cluster.
    pub cluster: ClusterId,
    /// The disk: not even another node's log of the same cluster passes.
    pub disk: DiskId,
}

/// A place in a log where a batch may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whose log.
    pub identity: LogIdentity,
    /// Which segment.
    pub segment: SegmentId,
    /// Where in it; a multiple of the block size.
    pub offset: u64,
}

impl Lsn {
    /// The LSN of the batch after this one.
    #[must_use]
    pub fn next(self) -> Lsn {
        Lsn(self.0.saturating_add(1))
    }
}

impl Place {
    /// The CRC32C of the place: what every checksum at it continues from.
    pub fn seed(&self) -> u32 {
        let mut bytes = [0; 48];
        bytes[..16].copy_from_slice(&self.identity.cluster.0.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.identity.disk.0.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.segment.0.to_le_bytes());
        bytes[40..].copy_from_slice(&self.offset.to_le_bytes());
        crc32c::crc32c(&bytes)
    }
}

/// The length of a batch on disk: whole blocks.
pub fn padded(bytes: u64) -> u64 {
    bytes.next_multiple_of(BLOCK_BYTES)
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
