//! Checksums that are joined without reading the bytes again.
//!
//! A batch's checksum runs over all its packets. Taken on the writer's thread it
//! would cost that thread a pass over every byte; so each submitter takes its
//! packet's own, and the writer joins them. CRC32C is a remainder of polynomials
//! over GF(2): bytes appended multiply what came before by a power of x, and one
//! multiplication by that power, made ready beforehand, is the whole joint.

/// The Castagnoli polynomial, its highest power left out, lowest bit last.
const POLYNOMIAL: u32 = 0x82F6_3B78;
/// The polynomial 1: bit 31 is the power 0.
const ONE: u32 = 1 << 31;

/// x to the power 8·2^k, for each k.
const POWERS: [u32; 32] = powers();

/// The checksum of some bytes, and what they do to a checksum before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checksum {
    crc: u32,
    /// x to the power of their bits.
    shift: u32,
}

impl Default for Checksum {
    fn default() -> Checksum {
        Checksum { crc: 0, shift: ONE }
    }
}

impl Checksum {
    /// Of the parts, one behind the other.
    pub fn of<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Checksum {
        let (crc, bytes) =
            parts.fold((0, 0), |(crc, bytes), part| (crc32c::crc32c_append(crc, part), bytes + part.len()));
        Checksum { crc, shift: power(bytes) }
    }

    /// Of what `before` covers with these bytes behind it.
    pub fn behind(self, before: u32) -> u32 {
        times(before, self.shift) ^ self.crc
    }
}

/// x to the power 8·`bytes`.
fn power(bytes: usize) -> u32 {
    let bit = |k: &usize| bytes >> k & 1 == 1;
    (0..POWERS.len()).filter(bit).fold(ONE, |product, k| times(product, POWERS[k]))
}

/// The product of two polynomials, less the multiples of ours.
const fn times(a: u32, b: u32) -> u32 {
    let (mut product, mut term, mut left) = (0, b, a);
    while left != 0 {
        if left & ONE != 0 {
            product ^= term;
        }
        left <<= 1;
        // The term times x.
        term = if term & 1 == 0 { term >> 1 } else { term >> 1 ^ POLYNOMIAL };
    }
    product
}

const fn powers() -> [u32; 32] {
    // x^8, and then each the square of the one before.
    let mut powers = [ONE >> 8; 32];
    let mut k = 1;
    while k < powers.len() {
        powers[k] = times(powers[k - 1], powers[k - 1]);
        k += 1;
    }
    powers
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn joined_is_as_if_read_through(
            seed: u32,
            parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..6),
        ) {
            let through = crc32c::crc32c_append(seed, &parts.concat());
            prop_assert_eq!(Checksum::of(parts.iter().map(Vec::as_slice)).behind(seed), through);
            let join = |crc, part: &Vec<u8>| Checksum::of([&part[..]].into_iter()).behind(crc);
            let one_by_one = parts.iter().fold(seed, join);
            prop_assert_eq!(one_by_one, through);
        }
    }

    #[test]
    fn long_bytes_too() {
        let bytes: Vec<u8> = (0..3_000_001u32).map(|at| (at >> 3) as u8).collect();
        assert_eq!(Checksum::of([&bytes[..]].into_iter()).behind(7), crc32c::crc32c_append(7, &bytes));
        assert_eq!(Checksum::default().behind(7), 7, "nothing appended changes nothing");
    }
}
