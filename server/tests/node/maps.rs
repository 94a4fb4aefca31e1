//! Who leads what, as nodes tell it, and clients that go by that.

use crate::clusters::{client, table, three};
use crate::probe::page;
use crate::process::Node;
use crate::talk;
use client::Client;
use proto::control::DropTableRequest;
use proto::data::{WatchMapRequest, WatchMapResponse};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tonic::Streaming;

/// Waits this long for what takes a cluster a moment.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a node tells of a table, kept up.
struct Told {
    stream: Streaming<WatchMapResponse>,
    leaders: BTreeMap<u64, String>,
    gone: bool,
}

impl Told {
    async fn by(node: &Node, table: &str) -> Told {
        let request = WatchMapRequest { tables: vec![table.to_owned()], ..WatchMapRequest::default() };
        let stream = talk::data(node).await.watch_map(request).await.expect("it tells").into_inner();
        Told { stream, leaders: BTreeMap::new(), gone: false }
    }

    async fn until(&mut self, what: &str, is_so: impl Fn(&Told) -> bool) {
        let told = async {
            while !is_so(self) {
                let message = self.stream.message().await.expect("it goes on").expect("it does not end");
                if let Some(anew) = message.anew.first() {
                    (self.leaders, self.gone) = (BTreeMap::new(), anew.gone);
                }
                let entries = message.entries.into_iter();
                self.leaders.extend(entries.map(|entry| (entry.partition, entry.address)));
            }
        };
        let told = tokio::time::timeout(PATIENCE, told).await;
        assert!(told.is_ok(), "waited in vain for {what}: {:?}", self.leaders);
    }

    /// Is every partition led, and by one of these?
    fn is_led_by(&self, nodes: &BTreeSet<String>) -> bool {
        self.leaders.len() == 4 && self.leaders.values().all(|leader| nodes.contains(leader))
    }
}

fn addresses<'n>(nodes: impl Iterator<Item = &'n Node>) -> BTreeSet<String> {
    nodes.map(|node| node.at.data.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_map_is_told_and_kept_up() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let mut nodes = three(dir.path()).await;
    let mut early = Told::by(&nodes[&2], "t").await;
    early.until("that there is no such table", |told| told.gone).await;
    client(&nodes[&1]).control().create_table(table("t", "raft(3)")).await.expect("made");
    let all = addresses(nodes.values());
    early.until("leaders of all partitions", |told| told.is_led_by(&all)).await;

    // Somebody goes who leads something: whoever is left tells who leads instead.
    let leader = early.leaders.values().next().cloned().expect("four");
    let (gone, _) = nodes.iter().find(|(_, node)| node.at.data.to_string() == leader).expect("one of ours");
    let gone = *gone;
    nodes.remove(&gone).expect("it ran").process.kill();
    let left = addresses(nodes.values());
    for node in nodes.values() {
        let mut told = Told::by(node, "t").await;
        told.until("leaders that are left", |told| told.is_led_by(&left)).await;
    }
    let node = nodes.values().next().expect("two are left");
    let mut told = Told::by(node, "t").await;
    client(node)
        .control()
        .drop_table(DropTableRequest { name: "t".into(), with_partitions: true, ..Default::default() })
        .await
        .expect("dropped");
    told.until("that the table is gone", |told| told.gone).await;
}

/// Upserts that a node has answered: well, and otherwise.
async fn upserts(nodes: &BTreeMap<usize, Node>) -> (u64, u64) {
    let (mut well, mut refused) = (0, 0);
    for node in nodes.values() {
        let (_, text) = page(node.at.metrics, "/metrics").await.expect("a page");
        for line in text.lines().filter(|line| line.starts_with("statehouse_calls_total{method=\"Upsert\"")) {
            let count: u64 = line.rsplit(' ').next().and_then(|count| count.parse().ok()).expect("a count");
            let counted = if line.contains("status=\"0\"") { &mut well } else { &mut refused };
            *counted += count;
        }
    }
    (well, refused)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_asks_whoever_leads_and_finds_whoever_leads_next() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let mut nodes = three(dir.path()).await;
    client(&nodes[&1]).control().create_table(table("t", "raft(3)")).await.expect("made");
    let all: Vec<String> = addresses(nodes.values()).into_iter().collect();
    let own = Client::builder(all.join(",")).map(true).build().expect("addresses");
    let rows = own.table("t");
    let mut told = Told::by(&nodes[&3], "t").await;
    let three = addresses(nodes.values());
    told.until("leaders of all partitions", |told| told.is_led_by(&three)).await;
    // The first calls may come before the map.
    let mut rounds = 0;
    loop {
        let before = upserts(&nodes).await;
        for key in 0..100 {
            rows.put(format!("k{key}"), "1").await.expect("written");
        }
        let after = upserts(&nodes).await;
        // Nobody may pass on what should come to whoever leads: it would be refused.
        if (after.0 - before.0, after.1 - before.1) == (100, 0) && rounds > 0 {
            break;
        }
        rounds += 1;
        assert!(rounds < 50, "{before:?} {after:?}");
    }
    // By the batcher, too, and without whoever led a moment ago.
    let batcher = rows.batcher();
    let leader = told.leaders.values().next().cloned().expect("four");
    nodes.retain(|_, node| node.at.data.to_string() != leader);
    assert_eq!(nodes.len(), 2);
    for key in 0..100 {
        rows.put(format!("k{key}"), "2").await.expect("written without it");
        batcher.put(format!("b{key}"), "2").await.expect("written without it");
    }
    for key in 0..100 {
        for kind in ["k", "b"] {
            let row = rows.get(format!("{kind}{key}")).await.expect("read").expect("a row");
            assert_eq!(row.value, "2");
        }
    }
}
