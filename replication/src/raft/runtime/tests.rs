//! The runtime is one.

use super::ShardRuntime;
use openraft_rt::testing::Suite;

/// The library's own suite for runtimes.
#[test]
fn it_is_a_runtime() {
    Suite::<ShardRuntime>::test_all();
}
