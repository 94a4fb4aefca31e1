//! Randomness as labelled streams, so that a draw in one place never shifts
//! the draws of another.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// The root of all streams: one number decides them all.
#[derive(Clone, Debug)]
pub struct Rng {
    root: Arc<[u8; 32]>,
}

/// One stream of random numbers.
#[derive(Clone, Debug)]
pub struct Stream {
    chacha: ChaCha8Rng,
}

impl Rng {
    /// The streams of a seed: the same numbers on every machine, for ever.
    pub fn from_seed(seed: u64) -> Rng {
        let mut root = [0; 32];
        root[..8].copy_from_slice(&seed.to_le_bytes());
        Rng { root: Arc::new(root) }
    }

    /// Streams that nobody can foresee, from the operating system.
    pub fn from_os() -> std::io::Result<Rng> {
        let mut root = [0; 32];
        getrandom::fill(&mut root).map_err(std::io::Error::other)?;
        Ok(Rng { root: Arc::new(root) })
    }

    /// The stream of a label: independent of every other label's.
    pub fn stream(&self, label: &str) -> Stream {
        let low = xxh3_128_with_seed(label.as_bytes(), 1).to_le_bytes();
        let high = xxh3_128_with_seed(label.as_bytes(), 2).to_le_bytes();
        let mut seed = *self.root;
        for (byte, mix) in seed.iter_mut().zip(low.iter().chain(&high)) {
            *byte ^= mix;
        }
        Stream { chacha: ChaCha8Rng::from_seed(seed) }
    }
}

impl Stream {
    /// Any number.
    pub fn next_u64(&mut self) -> u64 {
        self.chacha.next_u64()
    }

    /// Any number of 128 bits: an identity.
    pub fn next_u128(&mut self) -> u128 {
        u128::from(self.next_u64()) << 64 | u128::from(self.next_u64())
    }

    /// A number below `bound`, which is not 0. The bias (below 2⁻³²) does not
    /// matter to simulation, which is all that uses it.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "nothing is below 0");
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// True `percent` times of a hundred.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_golden_and_independent() {
        let rng = Rng::from_seed(7);
        let mut disk = rng.stream("disk");
        let mut net = rng.stream("net");
        let first = disk.next_u64();
        assert_eq!(first, Rng::from_seed(7).stream("disk").next_u64());
        assert_ne!(first, net.next_u64());
        assert_ne!(first, Rng::from_seed(8).stream("disk").next_u64());
    }

    #[test]
    fn below_reaches_every_number() {
        let mut stream = Rng::from_seed(1).stream("below");
        let mut seen = [false; 5];
        for _ in 0..200 {
            seen[stream.below(5) as usize] = true;
        }
        assert_eq!(seen, [true; 5]);
    }
}
