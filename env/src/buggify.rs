//! `buggify!`: rare branches that simulation takes often.
//!
//! A site is a place where the code may legally do something unusual: flush
//! early, rotate early, take a short batch. Outside simulation no site ever
//! fires. Within, a quarter of the sites are live, chosen by the seed, and a
//! live site fires with its own probability.

use crate::rng::{Rng, Stream};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Sites live per hundred.
const LIVE_PERCENT: u64 = 25;

struct Armed {
    rng: Rng,
    sites: BTreeMap<&'static str, Option<Stream>>,
}

thread_local! {
    static ARMED: RefCell<Option<Armed>> = const { RefCell::new(None) };
}

/// Arms the sites of this thread's simulated world until the guard is dropped.
pub fn arm(rng: &Rng) -> Disarm {
    ARMED.with_borrow_mut(|armed| {
        *armed = Some(Armed { rng: rng.clone(), sites: BTreeMap::new() });
    });
    Disarm(())
}

/// Disarms on drop.
pub struct Disarm(());

impl Drop for Disarm {
    fn drop(&mut self) {
        ARMED.with_borrow_mut(|armed| *armed = None);
    }
}

/// Does the site fire this time? Use [`crate::buggify!`].
pub fn fires(site: &'static str, percent: u64) -> bool {
    ARMED.with_borrow_mut(|armed| {
        let Some(armed) = armed else { return false };
        let rng = &armed.rng;
        let live = armed.sites.entry(site).or_insert_with(|| {
            let mut stream = rng.stream(site);
            stream.chance(LIVE_PERCENT).then_some(stream)
        });
        live.as_mut().is_some_and(|stream| stream.chance(percent))
    })
}

/// `buggify!("site", percent)`: true now and then in simulation, false outside.
#[macro_export]
macro_rules! buggify {
    ($site:literal, $percent:expr) => {
        $crate::buggify::fires($site, $percent)
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_fires_unless_armed() {
        assert!((0..1000).all(|_| !buggify!("never", 100)));
        let live = (0..64).filter(|seed| {
            let _armed = arm(&Rng::from_seed(*seed));
            buggify!("site", 100)
        });
        let live = live.count();
        assert!((4..32).contains(&live), "{live} of 64 seeds have the site live");
        assert!(!buggify!("site", 100), "disarmed again");
    }
}
