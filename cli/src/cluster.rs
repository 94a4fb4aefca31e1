//! `cluster` and `node`: who makes up the cluster, and how it is.

use crate::columns::Columns;
use crate::exit;
use crate::failed::Failed;
use crate::server::{Output, ServerArgs};
use crate::stage::Stage;
use clap::{Args, Subcommand};
use proto::control::{Cluster, ClusterNode};
use serde_json::json;
use std::io::{self, Write};

pub(crate) const INIT_EXAMPLES: &str = "\
Examples:
  statehouse cluster init
  statehouse server --data-dir ./two --random-ports --join 127.0.0.1:7401";

#[derive(Debug, Subcommand)]
pub(crate) enum ClusterVerb {
    /// Make of a node a cluster that others may join
    ///
    /// What the node has stays where it is. Asked again, it only says how the
    /// cluster is.
    #[command(after_help = INIT_EXAMPLES, verbatim_doc_comment)]
    Init(ClusterArgs),
    /// How the cluster is: its nodes, and what it can lose
    Status(ClusterArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum NodeVerb {
    /// The nodes of the cluster
    Ls(ClusterArgs),
}

#[derive(Args, Debug)]
pub(crate) struct ClusterArgs {
    #[command(flatten)]
    server: ServerArgs,
}

impl ClusterVerb {
    pub(crate) fn output(&self) -> Output {
        match self {
            ClusterVerb::Init(args) | ClusterVerb::Status(args) => args.server.output,
        }
    }

    pub(crate) async fn carry_out(self, stage: &mut Stage<'_>) -> Result<u8, Failed> {
        match self {
            ClusterVerb::Init(args) => {
                let formed = args.server.client()?.control().form_cluster().await?;
                show(formed, args.server.output, stage)
            }
            ClusterVerb::Status(args) => {
                let cluster = args.server.client()?.control().cluster().await?;
                show(cluster, args.server.output, stage)
            }
        }
    }
}

impl NodeVerb {
    pub(crate) fn output(&self) -> Output {
        let NodeVerb::Ls(args) = self;
        args.server.output
    }

    pub(crate) async fn carry_out(self, stage: &mut Stage<'_>) -> Result<u8, Failed> {
        let NodeVerb::Ls(args) = self;
        let Some(cluster) = args.server.client()?.control().cluster().await? else {
            return alone(args.server.output, stage);
        };
        match args.server.output {
            Output::Json => cluster.nodes.iter().try_for_each(|one| writeln!(stage.out, "{}", node(one)))?,
            output => nodes(&cluster, output == Output::Wide, stage.out)?,
        }
        Ok(exit::OK)
    }
}

fn show(cluster: Option<Cluster>, output: Output, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let Some(cluster) = cluster else { return alone(output, stage) };
    match output {
        Output::Json => writeln!(stage.out, "{}", object(&cluster))?,
        output => {
            writeln!(stage.out, "cluster  {}", cluster.id)?;
            writeln!(stage.out, "verdict  {}\n", verdict(&cluster))?;
            nodes(&cluster, output == Output::Wide, stage.out)?;
        }
    }
    Ok(exit::OK)
}

fn alone(output: Output, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    match output {
        Output::Json => writeln!(stage.out, "null")?,
        _ => writeln!(stage.err, "the node is no cluster; `statehouse cluster init` makes it one")?,
    }
    Ok(exit::NO)
}

/// In one line.
fn verdict(cluster: &Cluster) -> String {
    let nodes = |count: u64| if count == 1 { "1 node".to_owned() } else { format!("{count} nodes") };
    let away = cluster.nodes.iter().filter(|node| !node.there).count();
    let away = if away == 0 { String::new() } else { format!("; {away} away now") };
    if cluster.without_quorum > 0 {
        let what = if cluster.without_quorum == 1 { "partition" } else { "partitions" };
        return format!(
            "{} {what} cannot be written: most of the replicas are away{away}",
            cluster.without_quorum
        );
    }
    let (go, lost) = (nodes(cluster.may_go), nodes(cluster.may_be_lost));
    format!("can lose {go} without losing availability, {lost} without losing data{away}")
}

fn nodes(cluster: &Cluster, wide: bool, out: &mut dyn Write) -> io::Result<()> {
    let state = |node: &ClusterNode| match (node.there, node.undone, node.version < cluster.version) {
        (false, _, _) => "away".to_owned(),
        (true, 0, false) => "ready".to_owned(),
        (true, 0, true) => "behind".to_owned(),
        (true, undone, _) => format!("{undone} undone"),
    };
    let catalog = |node: &ClusterNode| if node.keeps_catalog { "catalog" } else { "" }.to_owned();
    let mut columns = match wide {
        true => {
            Columns::new(["NODE", "STATE", "DATA", "REPLICAS", "LEADS", "KEEPS", "PEERS", "VERSION", "DISK"])
        }
        false => Columns::new(["NODE", "STATE", "DATA", "REPLICAS", "LEADS", "KEEPS"]),
    };
    for node in &cluster.nodes {
        let cells = [
            node.id.to_string(),
            state(node),
            node.data.clone(),
            node.replicas.to_string(),
            node.leads.to_string(),
            catalog(node),
        ];
        match wide {
            false => columns.row(cells),
            true => {
                let [id, state, data, replicas, leads, keeps] = cells;
                let rest = [node.peers.clone(), node.version.to_string(), node.disk.clone()];
                let [peers, version, disk] = rest;
                columns.row([id, state, data, replicas, leads, keeps, peers, version, disk]);
            }
        }
    }
    columns.print("", out)
}

fn node(node: &ClusterNode) -> serde_json::Value {
    json!({
        "node": node.id,
        "there": node.there,
        "data": node.data,
        "peers": node.peers,
        "disk": node.disk,
        "version": node.version,
        "replicas": node.replicas,
        "leads": node.leads,
        "undone": node.undone,
        "keeps_catalog": node.keeps_catalog,
    })
}

fn object(cluster: &Cluster) -> serde_json::Value {
    json!({
        "cluster": cluster.id,
        "seen_by": cluster.seen_by,
        "version": cluster.version,
        "verdict": verdict(cluster),
        "may_go": cluster.may_go,
        "may_be_lost": cluster.may_be_lost,
        "without_quorum": cluster.without_quorum,
        "nodes": cluster.nodes.iter().map(node).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_is_one_line() {
        let there = |there| ClusterNode { there, ..ClusterNode::default() };
        let cluster = |may_go, may_be_lost, without_quorum, nodes: &[bool]| Cluster {
            may_go,
            may_be_lost,
            without_quorum,
            nodes: nodes.iter().map(|is_there| there(*is_there)).collect(),
            ..Cluster::default()
        };
        let table = [
            (
                cluster(1, 1, 0, &[true; 3]),
                "can lose 1 node without losing availability, 1 node without losing data",
            ),
            (
                cluster(0, 0, 0, &[true, true, false]),
                "can lose 0 nodes without losing availability, 0 nodes without losing data; 1 away now",
            ),
            (
                cluster(0, 0, 2, &[true, false, false]),
                "2 partitions cannot be written: most of the replicas are away; 2 away now",
            ),
        ];
        for (cluster, expected) in table {
            assert_eq!(verdict(&cluster), expected);
        }
    }
}
