//! Three nodes that agree on the table.

use super::statehouse::{Statehouse, TABLE, Table, create_table};
use super::{Grpc, Place};
use crate::Failure;
use crate::compare::process::free_port;
use proto::control::control_client::ControlClient;
use proto::control::{Cluster, DescribeClusterRequest, FormClusterRequest};
use std::time::{Duration, Instant};
use tonic::transport::Channel;

const NODES: usize = 3;
/// A cluster is one within so long.
const FORM_MAX: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// Three nodes, each always at the same addresses.
pub struct Nodes(pub Vec<Statehouse>);

/// Starts them for a load that spreads over them.
pub async fn start(place: &Place<'_>) -> Result<Grpc, Failure> {
    let nodes = Nodes::start(place).await?;
    let data = nodes.data();
    Ok(Grpc { data, processes: nodes.0.into_iter().map(|node| node.process).collect() })
}

impl Nodes {
    /// Starts them, and waits until each of them keeps the catalog and the table is there.
    pub async fn start(place: &Place<'_>) -> Result<Nodes, Failure> {
        let mut nodes: Vec<Statehouse> = Vec::new();
        for number in 1..=NODES {
            let mut arguments = Vec::new();
            for name in ["data", "control", "peer", "metrics"] {
                arguments.extend(["--set".to_owned(), format!("listen.{name}=127.0.0.1:{}", free_port()?)]);
            }
            if let Some(first) = nodes.first() {
                arguments.extend(["--join".to_owned(), first.control.clone()]);
            }
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let dir = place.dir.join(format!("n{number}"));
            let node = Statehouse::start_with(place.statehouse, &dir, &arguments).await?;
            if nodes.is_empty() {
                control(&node).await?.form_cluster(FormClusterRequest::default()).await?;
            }
            nodes.push(node);
        }
        let nodes = Nodes(nodes);
        nodes.until("all keep the catalog", is_kept).await?;
        let table = Table { store: "rocksdb", machine: place.machine, replication: "raft(3)" };
        create_table(&nodes.0[0].control, &table).await?;
        Ok(nodes)
    }

    /// Where they take calls to tables, with commas between them.
    pub fn data(&self) -> String {
        let data: Vec<&str> = self.0.iter().map(|node| node.data.as_str()).collect();
        data.join(",")
    }

    /// The one that leads most partitions, once any of them may go.
    pub async fn owner(&self) -> Result<usize, Failure> {
        let seen = self.until("any of them may go", |seen| seen.may_go >= 1).await?;
        let most = seen.nodes.iter().max_by_key(|node| node.leads).ok_or("there are no nodes")?;
        let at = self.0.iter().position(|node| node.data == most.data);
        Ok(at.ok_or_else(|| format!("none of ours is at {}", most.data))?)
    }

    /// Waits until they say so of themselves.
    async fn until(&self, what: &str, is_so: impl Fn(&Cluster) -> bool) -> Result<Cluster, Failure> {
        let (began, mut seen) = (Instant::now(), None);
        while began.elapsed() < FORM_MAX {
            seen = self.describe().await.ok();
            if let Some(seen) = seen.as_ref().filter(|seen| is_so(seen)) {
                return Ok(seen.clone());
            }
            tokio::time::sleep(POLL).await;
        }
        Err(format!("`{TABLE}` on three nodes: it has not come to be so that {what}: {seen:?}").into())
    }

    async fn describe(&self) -> Result<Cluster, Failure> {
        let answer = control(&self.0[0]).await?.describe_cluster(DescribeClusterRequest::default()).await?;
        Ok(answer.into_inner().cluster.ok_or("a cluster without a description")?)
    }
}

async fn control(node: &Statehouse) -> Result<ControlClient<Channel>, Failure> {
    Ok(ControlClient::connect(format!("http://{}", node.control)).await?)
}

fn is_kept(cluster: &Cluster) -> bool {
    cluster.nodes.len() == NODES && cluster.nodes.iter().all(|node| node.there && node.keeps_catalog)
}
