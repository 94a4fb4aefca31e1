//! Time, as two readings that must not be mixed up.

/// Nanoseconds on a clock that never goes back; it starts anywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mono(pub u64);

/// Nanoseconds since the Unix epoch, on a clock that an operator may set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wall(pub u64);

/// Where time comes from.
pub trait Clock: Send + Sync {
    /// For durations and deadlines.
    fn mono(&self) -> Mono;

    /// For stamps and for people.
    fn wall(&self) -> Wall;
}

impl Mono {
    /// The reading `ms` milliseconds later.
    #[must_use]
    pub fn plus_ms(self, ms: u64) -> Mono {
        Mono(self.0.saturating_add(ms.saturating_mul(1_000_000)))
    }

    /// Milliseconds since an earlier reading; 0 if it is not earlier.
    pub fn ms_since(self, earlier: Mono) -> u64 {
        self.0.saturating_sub(earlier.0) / 1_000_000
    }
}
