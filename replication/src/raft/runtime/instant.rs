//! The library's instants, read from the executor's clock.

use super::executor::Shared;
use env::Mono;
use openraft_rt::Instant;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::time::Duration;

/// A reading of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub Mono);

impl Moment {
    /// So much later than now.
    pub(super) fn after(duration: Duration) -> Moment {
        Moment::now() + duration
    }
}

impl Instant for Moment {
    fn now() -> Moment {
        Moment(Shared::current().now())
    }
}

fn ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Add<Duration> for Moment {
    type Output = Moment;

    fn add(self, duration: Duration) -> Moment {
        Moment(Mono(self.0.0.saturating_add(ns(duration))))
    }
}

impl Sub<Duration> for Moment {
    type Output = Moment;

    fn sub(self, duration: Duration) -> Moment {
        Moment(Mono(self.0.0.saturating_sub(ns(duration))))
    }
}

impl Sub for Moment {
    type Output = Duration;

    fn sub(self, earlier: Moment) -> Duration {
        Duration::from_nanos(self.0.0.saturating_sub(earlier.0.0))
    }
}

impl AddAssign<Duration> for Moment {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl SubAssign<Duration> for Moment {
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}
