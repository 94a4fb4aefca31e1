//! `sometimes!`: rare things that simulation should meet, counted.
//!
//! A branch that no seed ever takes is a branch that no seed tests. A site
//! counts in simulation and does nothing anywhere else.

use std::cell::RefCell;
use std::collections::BTreeMap;

thread_local! {
    static COUNTS: RefCell<Option<BTreeMap<&'static str, u64>>> = const { RefCell::new(None) };
}

/// Counts from zero until the guard is dropped.
pub fn arm() -> Disarm {
    COUNTS.set(Some(BTreeMap::new()));
    Disarm(())
}

/// Stops counting on drop.
pub struct Disarm(());

impl Drop for Disarm {
    fn drop(&mut self) {
        COUNTS.set(None);
    }
}

/// How often each was met so far.
pub fn counts() -> BTreeMap<String, u64> {
    COUNTS.with_borrow(|counts| {
        let counts = counts.iter().flatten();
        counts.map(|(site, count)| ((*site).to_owned(), *count)).collect()
    })
}

/// It was met. Use [`crate::sometimes!`].
pub fn meet(site: &'static str) {
    COUNTS.with_borrow_mut(|counts| {
        if let Some(counts) = counts {
            *counts.entry(site).or_default() += 1;
        }
    });
}

/// `sometimes!("site")`: counts in simulation that this place was reached.
#[macro_export]
macro_rules! sometimes {
    ($site:literal) => {
        $crate::sometimes::meet($site)
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_count_while_armed() {
        sometimes!("before");
        let armed = arm();
        sometimes!("twice");
        sometimes!("twice");
        assert_eq!(counts(), BTreeMap::from([("twice".to_owned(), 2)]));
        drop(armed);
        assert_eq!(counts(), BTreeMap::new());
    }
}
