//! Three nodes that agree on the table.

use super::statehouse::{Statehouse, Table, create_table};
use super::{Grpc, Place};
use crate::Failure;
use proto::control::control_client::ControlClient;
use proto::control::{Cluster, DescribeClusterRequest, FormClusterRequest};
use std::time::{Duration, Instant};

const NODES: usize = 3;
/// A cluster is one within so long.
const FORM_MAX: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// Starts them, and waits until each of them keeps the catalog and the table is there.
pub async fn start(place: &Place<'_>) -> Result<Grpc, Failure> {
    let node = |number: usize| place.dir.join(format!("n{number}"));
    let first = Statehouse::start(place.statehouse, &node(1)).await?;
    let mut control = ControlClient::connect(format!("http://{}", first.control)).await?;
    control.form_cluster(FormClusterRequest::default()).await?;
    let mut nodes = Vec::new();
    for number in 2..=NODES {
        let join = ["--join", &first.control];
        nodes.push(Statehouse::start_with(place.statehouse, &node(number), &join).await?);
    }
    let began = Instant::now();
    loop {
        let seen = control.describe_cluster(DescribeClusterRequest::default()).await?.into_inner();
        if seen.cluster.as_ref().is_some_and(is_whole) {
            break;
        }
        if began.elapsed() > FORM_MAX {
            return Err(format!("the nodes have not become a cluster: {seen:?}").into());
        }
        tokio::time::sleep(POLL).await;
    }
    let table = Table { store: "rocksdb", machine: place.machine, replication: "raft(3)" };
    create_table(&first.control, &table).await?;
    nodes.insert(0, first);
    let data: Vec<String> = nodes.iter().map(|node| node.data.clone()).collect();
    Ok(Grpc { data: data.join(","), processes: nodes.into_iter().map(|node| node.process).collect() })
}

fn is_whole(cluster: &Cluster) -> bool {
    cluster.nodes.len() == NODES && cluster.nodes.iter().all(|node| node.there && node.keeps_catalog)
}
