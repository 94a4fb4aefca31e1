//! How a table orders its keys: by their bytes, or by a hash of their tag.

use crate::key::Key;
use std::fmt;
use std::str::FromStr;
use xxhash_rust::xxh3::xxh3_64;

/// Bits of the Redis Cluster slot at the top of a hash.
const SLOT_BITS: u32 = 14;
/// Bits of xxh3 below it.
const SPREAD_BITS: u32 = 64 - SLOT_BITS;

/// A table's layout; fixed when the table is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layout {
    /// Stored by key bytes: ranges and prefix scans.
    Ordered,
    /// Stored by [`point`] first: spreads, keeps equal tags together, and
    /// refuses prefix scans.
    Hashed,
}

/// Where a key lies in a hashed table: 14 bits of Redis Cluster slot (CRC16),
/// then 50 bits of xxh3, both of the tag. Keys with equal tags are one point,
/// which no split separates.
pub fn point(key: &Key) -> u64 {
    let tag = key.tag();
    let spread = xxh3_64(tag) & ((1 << SPREAD_BITS) - 1);
    (u64::from(slot(tag)) << SPREAD_BITS) | spread
}

/// The Redis Cluster slot of a tag, 0 to 16383.
pub fn slot(tag: &[u8]) -> u16 {
    crc16_xmodem(tag) & ((1 << SLOT_BITS) - 1)
}

/// CRC-16/XMODEM (polynomial 0x1021, no reflection, start 0), a byte at a time:
/// it stands in the way of every request, and ten lines cost less than a
/// dependency.
fn crc16_xmodem(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc: u16, byte| {
        let [high, low] = crc.to_be_bytes();
        (u16::from(low) << 8) ^ CRC16[usize::from(high ^ byte)]
    })
}

/// What each leading byte does to the rest.
const CRC16: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Layout::Ordered => "ordered",
            Layout::Hashed => "hashed",
        })
    }
}

impl FromStr for Layout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "ordered" => Ok(Layout::Ordered),
            "hashed" => Ok(Layout::Hashed),
            other => Err(format!("layout `{other}` is unknown; choose `ordered` or `hashed`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINT_OF_FOO: u64 = 0xbe5a_5f64_077e_7d8a;

    fn key(text: &str) -> Key {
        Key::new(text.to_owned()).expect("a valid key")
    }

    #[test]
    fn slots_are_those_of_redis_cluster() {
        // The check value of CRC-16/XMODEM, then slots as `CLUSTER KEYSLOT` prints them.
        assert_eq!(crc16_xmodem(b"123456789"), 0x31c3);
        assert_eq!(slot(b"somekey"), 11058);
        assert_eq!(slot(b"foo"), 12182);
        assert_eq!(slot(b"bar"), 5061);
    }

    #[test]
    fn equal_tags_are_one_point() {
        assert_eq!(point(&key("{u1}.name")), point(&key("{u1}.mail")));
        assert_ne!(point(&key("{u1}.name")), point(&key("{u2}.name")));
    }

    #[test]
    fn points_are_golden() {
        // On disk for ever: a change here is a new layout, not a fix. The low
        // bits were checked against the reference implementation of xxh3.
        assert_eq!(point(&key("foo")), POINT_OF_FOO);
        assert_eq!(point(&key("foo")) >> SPREAD_BITS, 12182);
    }
}
