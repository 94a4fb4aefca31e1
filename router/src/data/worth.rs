//! What an answer of a table is worth, and the receipt that says so.

use super::DataPlane;
use env::Wall;
use model::{BootId, Durability, Epoch, Index, PartitionId, Stamp};
use pipeline::Done;
use proto::convert::Receipt;

/// What all receipts of one answer share.
#[derive(Clone, Copy)]
pub(super) struct Worth {
    /// What may fail.
    pub durability: Durability,
    /// Which boot answers.
    boot: BootId,
    /// When it was begun.
    now: Wall,
}

impl Worth {
    /// Of an answer that is worth so much.
    pub fn new(plane: &DataPlane, durability: Durability) -> Worth {
        Worth { durability, boot: plane.house.node.boot(), now: plane.house.clock.wall() }
    }

    /// Of an answer that looked at so much of a partition. It lacks nothing, but for
    /// one that shows what a replica had come to, of which that is known up to a stamp.
    pub fn receipt(
        self,
        partition: PartitionId,
        epoch: Epoch,
        index: Index,
        as_of: Option<Stamp>,
    ) -> Receipt {
        let Worth { durability, boot, now } = self;
        let age = |stamp: Stamp| u32::try_from(now.0.saturating_sub(stamp.0) / 1_000_000).unwrap_or(u32::MAX);
        let (stale, age_ms) = (as_of.is_some(), as_of.map_or(0, age));
        Receipt { partition, epoch, index, durability, stale, age_ms, boot }
    }
}

/// Of commands that were done.
pub(super) fn receipt(plane: &DataPlane, done: &Done) -> Receipt {
    let (epoch, durability, boot) = (done.epoch, done.durability, plane.house.node.boot());
    let (partition, index) = (done.partition, done.last_index());
    Receipt { partition, epoch, index, durability, stale: false, age_ms: 0, boot }
}
