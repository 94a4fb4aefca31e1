//! Three processes that are a cluster: formed and joined by hand, changed through any
//! of them, and going on without one.

use crate::process::{Launch, Node, until};
use client::Client;
use model::code;
use proto::control::{Cluster, CreateTableRequest, Profile};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// Waits this long for what takes a cluster a moment.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn client(node: &Node) -> Client {
    let (data, control) = (node.at.data.to_string(), node.at.control.to_string());
    Client::builder(data).control(control).build().expect("an address")
}

fn launch(dir: &Path, number: usize) -> Launch {
    let dir = dir.join(format!("n{number}"));
    std::fs::create_dir_all(&dir).expect("made");
    Launch::server(&dir)
}

/// What a node says of its cluster, once that is so.
async fn cluster_until(node: &Node, what: &str, is_so: impl Fn(&Cluster) -> bool) -> Cluster {
    let (began, client) = (Instant::now(), client(node));
    loop {
        let seen = client.control().cluster().await.expect("it answers");
        if let Some(cluster) = seen.as_ref().filter(|cluster| is_so(cluster)) {
            return cluster.clone();
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}: {seen:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn is_whole(cluster: &Cluster, nodes: usize) -> bool {
    let is_ready = |node: &proto::control::ClusterNode| {
        node.there && node.undone == 0 && node.version == cluster.version && node.keeps_catalog
    };
    cluster.nodes.len() == nodes && cluster.nodes.iter().all(is_ready)
}

/// One node that is a cluster, and two that have joined it.
pub async fn three(dir: &Path) -> BTreeMap<usize, Node> {
    let first = launch(dir, 1).start().await;
    client(&first).control().form_cluster().await.expect("formed");
    let mut nodes = BTreeMap::new();
    for number in [2, 3] {
        let joins = launch(dir, number).with("--join").with(first.at.control);
        nodes.insert(number, joins.start().await);
    }
    nodes.insert(1, first);
    for node in nodes.values() {
        cluster_until(node, "three nodes that keep the catalog", |cluster| is_whole(cluster, 3)).await;
    }
    nodes
}

pub fn table(name: &str, replication: &str) -> CreateTableRequest {
    let profile = Profile { replication: replication.into(), store: "memory".into(), ..Profile::default() };
    CreateTableRequest {
        name: name.into(),
        layout: "hashed".into(),
        machine: "kv".into(),
        profile: Some(profile),
        partitions: 4,
        ..CreateTableRequest::default()
    }
}

/// Writes a row, however often that has to be tried.
async fn put(node: &Node, table: &str, key: &str, value: &str) {
    let (began, client) = (Instant::now(), client(node));
    while let Err(error) = client.table(table).put(key.to_owned(), value.to_owned()).await {
        assert!(began.elapsed() < PATIENCE, "{key}: {error}");
    }
}

async fn get(node: &Node, table: &str, key: &str) -> String {
    let (began, client) = (Instant::now(), client(node));
    loop {
        match client.table(table).get(key.to_owned()).await {
            Ok(row) => return String::from_utf8_lossy(&row.expect("it was written").value).into_owned(),
            Err(error) => assert!(began.elapsed() < PATIENCE, "{key}: {error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_formed_serves_and_goes_on_without_a_node() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let mut nodes = three(dir.path()).await;

    // Any node takes a change, and all of them know it then.
    client(&nodes[&2]).control().create_table(table("t", "raft(3)")).await.expect("made");
    let again = client(&nodes[&3]).control().create_table(table("t", "raft(3)")).await.expect_err("there");
    assert!(again.is(code::TABLE_EXISTS), "{again}");
    let five = client(&nodes[&3]).control().create_table(table("five", "raft(5)")).await.expect_err("three");
    assert!(five.is(code::TOO_FEW_NODES), "{five}");
    for (number, node) in &nodes {
        put(node, "t", &format!("through {number}"), "1").await;
    }
    for number in nodes.keys() {
        for node in nodes.values() {
            assert_eq!(get(node, "t", &format!("through {number}")).await, "1");
        }
    }

    // Nobody but the cluster itself changes its own table; anybody may read it.
    let own =
        Client::builder(nodes[&1].at.data.to_string()).namespace("statehouse").build().expect("an address");
    let refused = own.table("catalog").put("last-id", "7").await.expect_err("it is not ours");
    assert!(refused.is(code::OWN_TABLE), "{refused}");
    assert_eq!(own.table("catalog").get("last-node").await.expect("read").expect("a row").value, "3");

    // Without a node it goes on, reads, writes and changes alike.
    nodes.remove(&1).expect("it ran").process.kill();
    for (number, node) in &nodes {
        put(node, "t", &format!("without, through {number}"), "2").await;
        assert_eq!(get(node, "t", "through 1").await, "1");
    }
    client(&nodes[&3]).control().create_table(table("later", "raft(3)")).await.expect("made without it");
    put(&nodes[&2], "later", "k", "v").await;
    let seen = cluster_until(&nodes[&2], "that one is away", |cluster| !cluster.nodes[0].there).await;
    assert_eq!((seen.may_go, seen.without_quorum), (0, 0), "{seen:?}");

    // It comes back at other addresses, is told of what it has missed, and serves it.
    let back = launch(dir.path(), 1).start().await;
    for node in nodes.values().chain([&back]) {
        let seen = cluster_until(node, "that all are back", |cluster| is_whole(cluster, 3)).await;
        assert_eq!((seen.may_go, seen.may_be_lost), (1, 1), "{seen:?}");
    }
    assert_eq!(get(&back, "t", "without, through 2").await, "2");
    assert_eq!(get(&back, "later", "k").await, "v");
    put(&back, "later", "k", "w").await;
    assert_eq!(get(&nodes[&3], "later", "k").await, "w");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_belong_to_a_cluster_is_told_so() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let first = launch(dir.path(), 1).start().await;

    // It waits for a cluster to join, and says so.
    let joins = launch(dir.path(), 2).with("--join").with(first.at.control);
    let mut waiting = joins.spawn();
    until("a node that waits", || waiting.errors().contains("SH2122").then_some(())).await;
    waiting.kill();

    client(&first).control().form_cluster().await.expect("formed");
    client(&first).control().form_cluster().await.expect("it is formed already");
    // Somebody else's, with a table in it.
    let other = launch(dir.path(), 3).start().await;
    client(&other).control().create_table(table("t", "none")).await.expect("made");
    drop(other);
    let said = launch(dir.path(), 3).with("--join").with(first.at.control).run().await;
    assert!(said.code == Some(3) && said.errors.contains("SH2123"), "{said:?}");
    // What others cannot reach is no address.
    let nowhere = launch(dir.path(), 4).with("--join").with(first.at.control);
    let said = nowhere.set("advertise-peer=0.0.0.0:7402").run().await;
    assert!(said.code == Some(3) && said.errors.contains("advertise-peer"), "{said:?}");
    let cluster = client(&first).control().cluster().await.expect("it answers").expect("a cluster");
    assert_eq!(cluster.nodes.len(), 1, "nobody has become a node of it by being refused: {cluster:?}");
}
