//! What rot has hit: what may be refused from then on, and what must not.

use model::PartitionId;
use std::collections::BTreeSet;
use std::path::Path;

/// Files in which bits have changed.
#[derive(Clone, Debug, Default)]
pub struct Rotten {
    /// One without which a node does not start.
    node: bool,
    /// The log: damage in it is charged to whoever has records there.
    log: bool,
    /// Checkpoints of these.
    checkpoints: BTreeSet<PartitionId>,
}

impl Rotten {
    /// A bit of this file has changed.
    pub fn hit(&mut self, path: &Path) {
        let text = path.to_string_lossy();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match name.strip_suffix(".rows").and_then(|id| id.parse().ok()) {
            Some(id) => drop(self.checkpoints.insert(PartitionId(id))),
            None if text.contains("/log/") => self.log = true,
            // Half a file that was never put in place is thrown away.
            None if name.ends_with(".new") => {}
            None => self.node = true,
        }
    }

    /// Has anything been hit?
    pub fn any(&self) -> bool {
        self.node || self.log || !self.checkpoints.is_empty()
    }

    /// May the node refuse to start?
    pub fn may_stop_node(&self) -> bool {
        self.node || self.log
    }

    /// May the partition be refused?
    pub fn may_cost(&self, partition: PartitionId) -> bool {
        self.node || self.log || self.checkpoints.contains(&partition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_costs_its_own_partition() {
        let mut rotten = Rotten::default();
        rotten.hit(Path::new("/node/checkpoints/3.rows.new"));
        assert!(!rotten.any());
        rotten.hit(Path::new("/node/checkpoints/3.rows"));
        assert!(rotten.any() && !rotten.may_stop_node());
        assert!(rotten.may_cost(PartitionId(3)) && !rotten.may_cost(PartitionId(4)));
        rotten.hit(Path::new("/node/log/00000000000000000007.log"));
        assert!(rotten.may_cost(PartitionId(4)));
    }
}
