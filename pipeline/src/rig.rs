//! What only the simulated world gives to a partition.

use crate::answer::Reply;
use env::Plants;
use model::Record;
use std::sync::Arc;

/// Nothing, in production.
#[derive(Clone, Default)]
pub struct Rig {
    /// Known mistakes that are switched on.
    pub plants: Plants,
    /// Who sees what is applied.
    pub witness: Option<Arc<dyn Witness>>,
}

/// Sees records as they are applied, live and in replay alike, in order. The
/// simulated world compares what it saw the first time with what it sees the
/// next.
pub trait Witness: Send + Sync {
    /// A record was applied by its machine; its rows are about to reach the
    /// store. What became of each of its commands comes with it.
    fn applied(&self, record: &Record, replies: &[Reply]);
}
