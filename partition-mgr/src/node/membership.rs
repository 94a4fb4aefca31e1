//! Belonging to a cluster: it is formed by one node, and others join it.

use super::catalog::CatalogError;
use super::{ChangeError, Core, Node};
use crate::calls::Tidings;
use coordinator::{Desired, NodeSpec, PartitionSpec, Refused, catalog_profile, decode, encode};
use env::Mono;
use model::{ClusterId, DiskId, NodeId, PartitionId};
use replication::raft::Members;
use std::collections::BTreeMap;

/// A cluster is formed, or joined, within so long.
const JOIN_MS: u64 = 10_000;
/// Between two looks.
const LOOK_MS: u64 = 2;

/// What a node needs to belong to a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Which cluster it is.
    pub cluster: ClusterId,
    /// Who the node is there.
    pub node: NodeId,
    /// What is desired there, as text.
    pub map: String,
}

/// A node of the cluster, as this one sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Which.
    pub node: NodeId,
    /// Its disk and its addresses.
    pub spec: NodeSpec,
    /// Has it said something of late? This one has.
    pub is_there: bool,
    /// The version of the desired state that it goes by, as it said last.
    pub version: u64,
    /// Replicas that are to be on it.
    pub replicas: u64,
    /// Partitions that it leads, as it said last.
    pub leads: u64,
    /// What it should do and cannot, as it said last.
    pub undone: u64,
    /// Does it keep the catalog?
    pub keeps: bool,
}

/// A cluster, as one of its nodes sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbourhood {
    /// Which cluster.
    pub cluster: ClusterId,
    /// Who says so.
    pub own: NodeId,
    /// The version of the desired state that it goes by.
    pub version: u64,
    /// All nodes, this one too.
    pub nodes: Vec<Neighbour>,
    /// So many more nodes may go, whichever they are, and all partitions are served.
    pub may_go: u64,
    /// So many more nodes may be lost for good, and nothing is that was acknowledged.
    pub may_be_lost: u64,
    /// Partitions that cannot be written now: most of their replicas are away.
    pub without_quorum: u64,
}

impl Node {
    /// Which cluster its directory is of, and who it is there.
    pub fn identity(&self) -> (ClusterId, NodeId, DiskId) {
        let dir = &self.core.data_dir;
        (dir.cluster(), dir.node(), dir.disk())
    }

    /// Other nodes, and clients, reach it there from now on.
    pub fn reachable_at(&self, peers: String, data: String) {
        *self.core.address.hold() = Some((peers, data));
        self.core.peers.neighbours().ring();
    }

    /// Does it belong to a cluster that others may join?
    pub fn is_member(&self) -> bool {
        self.core.state().desired.catalog_partition().is_some()
    }

    /// Makes of this node, which is all there is, a cluster that others may join. What
    /// it has stays where it is.
    pub fn form(&self) -> Result<(), ChangeError> {
        if self.is_member() {
            return Ok(());
        }
        let until = self.core.env.clock.mono().plus_ms(JOIN_MS);
        let spec = self.core.own_spec()?;
        let own = self.core.data_dir.node();
        catalog_profile(1).check(self.core.log_reaches).map_err(Refused::from)?;
        self.core.change_alone(|desired, _| desired.form(own, spec.clone()).map(|()| Vec::new()))?;
        self.core.peers.neighbours().ring();
        self.core.until_catalog(until)
    }

    /// Lets a node into the cluster: as whom, and into which. One that asks again is told
    /// the same.
    pub fn admit(&self, spec: NodeSpec) -> Result<Admission, ChangeError> {
        let until = self.core.env.clock.mono().plus_ms(JOIN_MS);
        if !self.is_member() {
            return Err(Refused::NoCluster.into());
        }
        let mut node = None;
        let mut join = |desired: &mut Desired, _: &_| {
            node = Some(desired.join(spec.clone())?);
            Ok(Vec::new())
        };
        let (_, desired) = self.core.make_change(&mut join, true, until)?;
        let cluster = self.core.data_dir.cluster();
        let node = node.ok_or(Refused::NoCluster)?;
        Ok(Admission { cluster, node, map: encode(&desired) })
    }

    /// Goes by what was told when it was let in.
    pub fn enter(&self, admission: &Admission) -> Result<(), ChangeError> {
        let (cluster, node, disk) = self.identity();
        let unable = |why: String| Err(ChangeError::NotJoined(why));
        if (cluster, node) != (admission.cluster, admission.node) {
            return unable(format!(
                "its data directory is that of node {node} of cluster {cluster}, and it was let in as node {} of cluster {}",
                admission.node, admission.cluster
            ));
        }
        let Ok(map) = decode(admission.map.as_bytes()) else {
            return unable("this build cannot read what the cluster says is desired".to_owned());
        };
        if map.nodes.get(&node).is_none_or(|spec| spec.disk != disk) {
            return unable(format!("the cluster knows node {node} on another disk"));
        }
        {
            let state = self.core.state();
            if state.desired.nodes.is_empty() && !state.desired.tables.is_empty() {
                return unable("there are tables on it, and a node joins with nothing".to_owned());
            }
        }
        self.core.adopt(map)?;
        if !self.is_member() {
            return unable("what is desired on it is later than what is desired in the cluster".to_owned());
        }
        self.core.peers.neighbours().ring();
        Ok(())
    }

    /// The cluster, as this node sees it.
    pub fn neighbourhood(&self) -> Option<Neighbourhood> {
        self.core.neighbourhood()
    }
}

impl Core {
    /// Of this node, as it is reached.
    fn own_spec(&self) -> Result<NodeSpec, ChangeError> {
        let Some((peers, data)) = self.address.hold().clone() else {
            return Err(ChangeError::NotJoined("nobody has said where other nodes reach it".to_owned()));
        };
        Ok(NodeSpec { disk: self.data_dir.disk(), peers, data })
    }

    /// Waits until the catalog has been put down.
    fn until_catalog(&self, until: Mono) -> Result<(), ChangeError> {
        while self.read_catalog().map_err(ChangeError::Catalog)?.is_none() {
            if self.env.clock.mono() >= until {
                let why = "it has not been written yet".to_owned();
                return Err(ChangeError::Catalog(CatalogError::Away(why)));
            }
            self.env.pause_ms(LOOK_MS);
        }
        Ok(())
    }

    fn neighbourhood(&self) -> Option<Neighbourhood> {
        let (desired, tidings) = {
            let state = self.state();
            (state.desired.clone(), state.tidings())
        };
        let catalog = desired.catalog_partition()?;
        let (own, there, settled) = (self.data_dir.node(), self.there(), self.reports.settled());
        let keepers = deciders(&settled, catalog, desired.partitions.get(&catalog)?);
        let told = self.peers.neighbours().tidings();
        let of = |(node, spec): (&NodeId, &NodeSpec)| {
            let last = told.get(node).map(|(tidings, _)| *tidings).unwrap_or_default();
            let Tidings { version, leads, undone } = if *node == own { tidings } else { last };
            let replicas = desired.partitions.values().filter(|spec| spec.is_on(*node)).count() as u64;
            let (is_there, keeps) = (there.contains(node), keepers.contains(node));
            Neighbour { node: *node, spec: spec.clone(), is_there, version, replicas, leads, undone, keeps }
        };
        let nodes = desired.nodes.iter().map(of).collect();
        let (mut may_go, mut may_be_lost, mut without_quorum) = (u64::MAX, u64::MAX, 0);
        let placed = desired.partitions.iter().map(|(id, spec)| deciders(&settled, *id, spec));
        for placed in placed {
            let (all, up) =
                (placed.len() as u64, placed.iter().filter(|node| there.contains(node)).count() as u64);
            let quorum = all / 2 + 1;
            without_quorum += u64::from(up < quorum);
            may_go = may_go.min(up.saturating_sub(quorum));
            // Whoever is away may be lost already.
            may_be_lost = may_be_lost.min((quorum - 1).saturating_sub(all - up));
        }
        let (cluster, version) = (self.data_dir.cluster(), desired.version);
        Some(Neighbourhood { cluster, own, version, nodes, may_go, may_be_lost, without_quorum })
    }
}

/// The nodes most of which a partition needs: those that vote, where that is known
/// here; else those on which it is to be.
fn deciders(settled: &BTreeMap<PartitionId, Members>, id: PartitionId, spec: &PartitionSpec) -> Vec<NodeId> {
    let of = |members: &Members| {
        let votes = members.who_votes();
        let everybody = members.everybody().into_iter();
        everybody.filter(|(replica, _)| votes.contains(replica)).map(|(_, node)| node).collect::<Vec<_>>()
    };
    settled.get(&id).map(of).filter(|nodes| !nodes.is_empty()).unwrap_or_else(|| spec.nodes())
}
