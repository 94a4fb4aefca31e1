//! Lives of a log, drawn at random: whatever crashes, what was acknowledged and
//! not purged is read back in order, twice.
#![allow(missing_docs, reason = "a test")]

use proptest::prelude::*;
use testkit::fuzz::log_crash;

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_acknowledged_is_read_back(input in proptest::collection::vec(any::<u8>(), 20..160)) {
        log_crash(&input);
    }
}
