//! The rows that everyone writes and reads: 100,000 keys of 16 B, values of
//! 256 B that do not compress, the same for every run.

use bytes::Bytes;
pub use proto::data::Item;

/// Distinct keys.
pub const KEYS: usize = 100_000;
/// Bytes of a key.
pub const KEY_BYTES: usize = 16;
/// Bytes of a value.
pub const VALUE_BYTES: usize = 256;
/// What a row counts for in bytes a second.
pub const ROW_BYTES: usize = KEY_BYTES + VALUE_BYTES;

/// Coprime to the number of keys: steps of it pass every key before one twice.
const STEP: usize = 7_919;
/// Values are cut from a pool of so many bytes.
const POOL_BYTES: usize = 1 << 20;

/// Keys and a pool of values. A row is made without copying: generating load
/// must cost little beside serving it.
pub struct Rows {
    keys: Bytes,
    pool: Bytes,
}

impl Rows {
    /// All of them.
    pub fn new() -> Rows {
        let mut keys = Vec::with_capacity(KEYS * KEY_BYTES);
        for number in 0..KEYS as u64 {
            // A bijection, so the keys are distinct.
            keys.extend_from_slice(format!("{:016x}", mix(number)).as_bytes());
        }
        let mut random = Random::new(1);
        let words = (POOL_BYTES + VALUE_BYTES) / 8;
        let pool: Vec<u8> = (0..words).flat_map(|_| random.next().to_le_bytes()).collect();
        Rows { keys: keys.into(), pool: pool.into() }
    }

    /// A key by its number.
    pub fn key(&self, number: usize) -> Bytes {
        let start = number % KEYS * KEY_BYTES;
        self.keys.slice(start..start + KEY_BYTES)
    }

    /// A row with any value.
    pub fn row(&self, number: usize, random: &mut Random) -> Item {
        let start = random.below(POOL_BYTES);
        Item { key: self.key(number), value: self.pool.slice(start..start + VALUE_BYTES), ..Item::default() }
    }

    /// One of any number of rows, in the order of their keys.
    pub fn numbered(&self, number: usize, random: &mut Random) -> Item {
        let start = random.below(POOL_BYTES);
        let key = Bytes::from(format!("{number:0KEY_BYTES$x}"));
        Item { key, value: self.pool.slice(start..start + VALUE_BYTES), ..Item::default() }
    }

    /// Rows of distinct keys, as etcd demands of a transaction. They stand at
    /// these positions of a cycle through all keys.
    pub fn cycle(&self, from: usize, count: usize, random: &mut Random) -> Vec<Item> {
        // Reduced first: positions grow as long as a run lasts.
        (from..from + count).map(|at| self.row(at % KEYS * STEP, random)).collect()
    }
}

/// Cheap random numbers from a seed.
pub struct Random(u64);

impl Random {
    /// The numbers of this seed.
    pub fn new(seed: u64) -> Random {
        Random(mix(seed))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// Uniform below a limit that is small beside 2^64.
    pub fn below(&mut self, limit: usize) -> usize {
        ((u128::from(self.next()) * limit as u128) >> 64) as usize
    }
}

/// 2^64 over the golden ratio, odd: the increment of splitmix64.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// splitmix64's finalizer.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(GOLDEN);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_cycle_passes_every_key_once() {
        let (rows, mut random) = (Rows::new(), Random::new(7));
        for from in [0, 1, 99_999, 3 * KEYS + 17] {
            let cycle = rows.cycle(from, KEYS, &mut random);
            let keys: BTreeSet<_> = cycle.iter().map(|row| row.key.clone()).collect();
            assert_eq!(keys.len(), KEYS);
            assert!(cycle.iter().all(|row| row.key.len() == KEY_BYTES && row.value.len() == VALUE_BYTES));
        }
    }

    #[test]
    fn draws_are_spread_and_repeatable() {
        let draw = |seed| {
            let mut random = Random::new(seed);
            (0..10_000).map(|_| random.below(10)).collect::<Vec<_>>()
        };
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
        for digit in 0..10 {
            let count = draw(3).iter().filter(|drawn| **drawn == digit).count();
            assert!((900..1_100).contains(&count), "{digit}: {count}");
        }
    }
}
