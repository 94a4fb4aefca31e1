//! Latencies in buckets that grow with them: within 1 % at any size, a few
//! instructions for a sample.

use std::time::Duration;

/// Buckets of each doubling.
const STEPS: usize = 128;
const STEPS_LOG2: u32 = STEPS.trailing_zeros();

/// Samples, counted by size.
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
}

impl Histogram {
    /// Without samples.
    pub fn new() -> Histogram {
        Histogram { buckets: vec![0; STEPS * (65 - STEPS_LOG2 as usize)], count: 0 }
    }

    /// Takes a sample.
    pub fn add(&mut self, sample: Duration) {
        let nanos = u64::try_from(sample.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[bucket(nanos)] += 1;
        self.count += 1;
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The microseconds that this part of all samples stay within; 0 without any.
    pub fn quantile_us(&self, part: f64) -> f64 {
        let wanted = (part * self.count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (at, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return middle(at) / 1000.0;
            }
        }
        0.0
    }
}

/// The first two rows of buckets are exact, each further one is twice as wide.
fn bucket(nanos: u64) -> usize {
    let shift = (64 - nanos.leading_zeros()).saturating_sub(STEPS_LOG2 + 1);
    (shift as usize) * STEPS + (nanos >> shift) as usize
}

fn middle(bucket: usize) -> f64 {
    let shift = (bucket / STEPS).saturating_sub(1);
    let first = (bucket - shift * STEPS) as f64;
    (first + 0.5) * (shift as f64).exp2() - 0.5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_has_a_bucket_close_to_it() {
        for power in 0..64 {
            for nanos in [1u64 << power, (1 << power) + (1 << power) / 3, ((1u128 << (power + 1)) - 1) as u64]
            {
                let near = middle(bucket(nanos));
                assert!((near / nanos as f64 - 1.0).abs() < 0.01, "{nanos}: {near}");
            }
        }
        assert!(bucket(u64::MAX) < Histogram::new().buckets.len());
    }

    #[test]
    fn quantiles_are_those_of_the_samples() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.quantile_us(0.5), 0.0);
        for micros in 1..=1000 {
            histogram.add(Duration::from_micros(micros));
        }
        assert_eq!(histogram.count(), 1000);
        for (part, micros) in [(0.0, 1.0), (0.5, 500.0), (0.99, 990.0), (1.0, 1000.0)] {
            let told = histogram.quantile_us(part);
            assert!((told / micros - 1.0).abs() < 0.01, "{part}: {told}");
        }
    }
}
