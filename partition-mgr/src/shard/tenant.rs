//! A partition as its shard keeps it.

use partition::Partition;

/// A partition, and where it stands in the shard's round.
pub(super) struct Tenant {
    pub partition: Partition,
    /// It is in the line of those that have something to drain.
    pub queued: bool,
    /// It is in the list of those that have something to apply.
    pub listed: bool,
    /// A batch for its store is under way, or waits until that takes it.
    pub storing: bool,
    /// It is to end once nothing is under way.
    pub closing: bool,
}

impl Tenant {
    pub fn new(partition: Partition) -> Tenant {
        Tenant { partition, queued: false, listed: false, storing: false, closing: false }
    }
}
