//! What an answer of a table is worth, and the receipt that says so.

use super::DataPlane;
use model::{BootId, Durability, Epoch, Index, PartitionId};
use pipeline::Done;
use proto::convert::Receipt;

/// What all receipts of one answer share.
#[derive(Clone, Copy)]
pub(super) struct Worth {
    /// What may fail.
    pub durability: Durability,
    /// Which boot answers.
    pub boot: BootId,
}

impl Worth {
    /// Of an answer that looked at so much of a partition. The only copy is its
    /// owner's, which lacks nothing: it is never stale.
    pub fn receipt(self, partition: PartitionId, epoch: Epoch, index: Index) -> Receipt {
        let Worth { durability, boot } = self;
        Receipt { partition, epoch, index, durability, stale: false, age_ms: 0, boot }
    }
}

/// Of commands that were done.
pub(super) fn receipt(plane: &DataPlane, done: &Done) -> Receipt {
    let worth = Worth { durability: done.durability, boot: plane.house.node.boot() };
    worth.receipt(done.partition, done.epoch, done.last_index())
}
