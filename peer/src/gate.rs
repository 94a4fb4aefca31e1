//! Who is let in.

use crate::hello::{Hello, Refusal};
use crate::{Identity, Lane};
use model::{DiskId, NodeId};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is known of the nodes that may come, and how far each disk has come: one
/// that is behind that was copied or rolled back, and may have promised what it
/// does not know any more.
pub struct Gate {
    own: Identity,
    known: Mutex<BTreeMap<NodeId, Known>>,
}

#[derive(Clone, Copy)]
struct Known {
    disk: DiskId,
    boot: u64,
}

impl Gate {
    /// Knows nobody.
    pub fn new(own: Identity) -> Gate {
        Gate { own, known: Mutex::default() }
    }

    /// Who this node is.
    pub fn own(&self) -> Identity {
        self.own
    }

    /// A node belongs to the cluster, on this disk, at this start or a later one.
    pub fn know(&self, node: NodeId, disk: DiskId, boot: u64) {
        let mut known = self.known();
        match known.get_mut(&node).filter(|known| known.disk == disk) {
            Some(before) => before.boot = before.boot.max(boot),
            None => drop(known.insert(node, Known { disk, boot })),
        }
    }

    /// A node does not belong to it any more.
    pub fn forget(&self, node: NodeId) {
        self.known().remove(&node);
    }

    /// Is this one let in? Whoever is raises what is known of its disk.
    pub(crate) fn admit(&self, hello: &Hello) -> Result<Lane, Refusal> {
        let from = hello.from;
        if from.cluster != self.own.cluster {
            return Err(Refusal::Cluster);
        }
        if hello.to != self.own.node || from.node == self.own.node {
            return Err(Refusal::Node);
        }
        let mut known = self.known();
        let known = known.get_mut(&from.node).ok_or(Refusal::Stranger)?;
        if known.disk != from.disk || from.boot < known.boot {
            return Err(Refusal::Disk);
        }
        known.boot = from.boot;
        Ok(hello.lane)
    }

    /// Has this node begun again since?
    pub(crate) fn is_latest(&self, from: &Identity) -> bool {
        let known = self.known();
        known.get(&from.node).is_some_and(|known| known.disk == from.disk && known.boot == from.boot)
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<NodeId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::ClusterId;

    fn identity(cluster: u128, node: u64, disk: u128, boot: u64) -> Identity {
        Identity { cluster: ClusterId(cluster), node: NodeId(node), disk: DiskId(disk), boot }
    }

    #[test]
    fn only_who_belongs_here_and_is_not_behind_is_let_in() {
        let gate = Gate::new(identity(1, 1, 11, 5));
        gate.know(NodeId(2), DiskId(22), 3);
        let cases = [
            ("its first start", identity(1, 2, 22, 3), 1, Ok(Lane::Swift)),
            ("a later one", identity(1, 2, 22, 4), 1, Ok(Lane::Swift)),
            ("the first again: a disk that was rolled back", identity(1, 2, 22, 3), 1, Err(Refusal::Disk)),
            ("another disk under its name", identity(1, 2, 23, 9), 1, Err(Refusal::Disk)),
            ("another cluster's", identity(2, 2, 22, 9), 1, Err(Refusal::Cluster)),
            ("nobody that is known", identity(1, 3, 33, 1), 1, Err(Refusal::Stranger)),
            ("for somebody else", identity(1, 2, 22, 9), 3, Err(Refusal::Node)),
            ("ourselves", identity(1, 1, 11, 5), 1, Err(Refusal::Node)),
        ];
        for (who, from, to, expected) in cases {
            let hello = Hello { from, to: NodeId(to), lane: Lane::Swift };
            assert_eq!(gate.admit(&hello), expected, "{who}");
        }
        gate.know(NodeId(2), DiskId(22), 1);
        let old = Hello { from: identity(1, 2, 22, 3), to: NodeId(1), lane: Lane::Bulk };
        assert_eq!(gate.admit(&old), Err(Refusal::Disk), "what is known never goes back");
        gate.forget(NodeId(2));
        assert_eq!(gate.admit(&Hello { from: identity(1, 2, 22, 9), ..old }), Err(Refusal::Stranger));
    }
}
