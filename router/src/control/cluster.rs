//! The cluster: who is let in, and how it looks from here.

use super::failure;
use coordinator::NodeSpec;
use model::{ClusterId, DiskId, code};
use partition_mgr::{Admission, Neighbour, Neighbourhood, Node};
use proto::Failure;
use proto::control::{Cluster, ClusterNode, JoinClusterRequest, JoinClusterResponse};

/// A node that asks to be let in, and the cluster that it is of already.
pub(super) fn node_from_wire(request: JoinClusterRequest) -> Result<(NodeSpec, Option<ClusterId>), Failure> {
    let JoinClusterRequest { disk, peers, data, cluster, .. } = request;
    let none = |_| Failure::new(code::MALFORMED, "`disk` and `cluster` are 32 hexadecimal digits");
    let disk: DiskId = disk.parse().map_err(none)?;
    let cluster = if cluster.is_empty() { None } else { Some(cluster.parse().map_err(none)?) };
    Ok((NodeSpec { disk, peers, data }, cluster))
}

/// Lets it in.
pub(super) fn admit(
    node: &Node,
    spec: NodeSpec,
    cluster: Option<ClusterId>,
) -> Result<JoinClusterResponse, Failure> {
    let (own, ..) = node.identity();
    if let Some(other) = cluster.filter(|cluster| *cluster != own) {
        let what = format!("the data directory is of cluster {other}, and this is cluster {own}");
        return Err(Failure::new(code::NOT_JOINED, what));
    }
    let Admission { cluster, node, map } = node.admit(spec).map_err(failure)?;
    Ok(JoinClusterResponse { cluster: cluster.to_string(), node: node.0, map: map.into() })
}

/// None where the node is all there is.
pub(super) fn describe(node: &Node) -> Option<Cluster> {
    let Neighbourhood { cluster, own, version, nodes, may_go, may_be_lost, without_quorum } =
        node.neighbourhood()?;
    let of = |neighbour: Neighbour| ClusterNode {
        id: neighbour.node.0,
        disk: neighbour.spec.disk.to_string(),
        peers: neighbour.spec.peers,
        data: neighbour.spec.data,
        there: neighbour.is_there,
        version: neighbour.version,
        leads: neighbour.leads,
        undone: neighbour.undone,
        replicas: neighbour.replicas,
        keeps_catalog: neighbour.keeps,
    };
    let nodes = nodes.into_iter().map(of).collect();
    let (id, seen_by) = (cluster.to_string(), own.0);
    Some(Cluster { id, seen_by, version, nodes, may_go, may_be_lost, without_quorum })
}
