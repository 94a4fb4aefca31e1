//! Three nodes that agree on a table: who answers, who says where to ask, and what
//! is there when one of them is gone.

use crate::get;
use client::Client;
use coordinator::{Desired, NodeSpec, Placement, TableName, TableSpec};
use env::Env;
use model::{ClusterId, Layout, NodeId, PartitionId, ReplicaId, code};
use partition_mgr::directory::{Handle, Standing};
use partition_mgr::{DataDir, Expect};
use pipeline::{LogChoice, Profile, ReplicationChoice, StoreChoice};
use proto::common::Header;
use proto::data::GetRequest;
use proto::data::stream_request::Request;
use proto::data::stream_response::Response;
use router::{DataService, Desk, House};
use server::config::Config;
use server::serve::embedded::{self, Outfit};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU8;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Whatever is waited for comes within this.
const PATIENCE_MS: u64 = 30_000;

/// A node that runs.
struct Member {
    house: Arc<House>,
    client: Client,
    serving: JoinSet<()>,
    _stop: watch::Sender<bool>,
}

struct Cluster {
    env: Env,
    dirs: BTreeMap<NodeId, TempDir>,
    desired: Desired,
    members: BTreeMap<NodeId, Member>,
}

impl Cluster {
    async fn new() -> Cluster {
        let env = env::real::env().expect("an environment");
        let mut cluster =
            Cluster { env, dirs: BTreeMap::new(), desired: Desired::default(), members: BTreeMap::new() };
        for id in (1..=3).map(NodeId) {
            cluster.add(id).await;
        }
        let replication = ReplicationChoice::Raft(3);
        let profile = Profile { replication, ..Profile::new(StoreChoice::Memory, LogChoice::LocalEach) };
        let name = TableName::new("default", "t").expect("a name");
        let spec = TableSpec { layout: Layout::Hashed, machine: "kv".into(), profile };
        cluster.desired.create_table(name.clone(), spec).expect("new");
        cluster.desired.add_partition(&name, model::KeyRange::all(), None).expect("free");
        cluster.tell();
        cluster
    }

    /// One more node, on a disk of its own.
    async fn add(&mut self, id: NodeId) {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let (cluster, stores) = (Some(ClusterId(7)), NonZeroU8::MIN);
        let expect = Expect { cluster, node: Some(id), stores, disk: None, may_set_up: true };
        let set_up = DataDir::open(&self.env, &dir.path().join("data"), expect).expect("set up");
        let node = NodeSpec { disk: set_up.disk(), peers: String::new(), data: String::new() };
        drop(set_up);
        self.desired.nodes.insert(id, node);
        self.dirs.insert(id, dir);
        self.start(id).await;
    }

    /// Changes where the partition's replicas are to be, and tells everybody.
    fn place(&mut self, change: impl FnOnce(&mut Placement)) {
        let spec = self.desired.partitions.values_mut().next().expect("there is one");
        change(spec.placement.as_mut().expect("it is placed"));
        self.desired.version += 1;
        self.tell();
    }

    /// Starts a node, at addresses that are new.
    async fn start(&mut self, id: NodeId) {
        let mut config = Config { data_dir: self.dirs[&id].path().join("data"), ..Config::default() };
        config.threads.shards = Some(1);
        // What is written is soon in the store, so that the log lets go of it.
        config.limits.checkpoint_bytes = 4096;
        let house = embedded::open(&self.env, &config, machine::Registry::built_in(), &mut |_| ());
        let (config, house) = (Arc::new(config), house.expect("a node"));
        let anywhere = ([127, 0, 0, 1], 0).into();
        let data = self.env.net.listen(anywhere).await.expect("a free port");
        let peers = self.env.net.listen(anywhere).await.expect("a free port");
        let address = data.address().expect("an address").to_string();
        let spec = self.desired.nodes.get_mut(&id).expect("it is one of them");
        spec.peers = peers.address().expect("an address").to_string();
        spec.data.clone_from(&address);
        self.desired.version += 1;
        let client = Client::builder(address).connections(1).rng(&self.env.rng).retries(false);
        let (stop, stopped) = watch::channel(false);
        let mut serving = JoinSet::new();
        serving.spawn(house.node.peers().serve(self.env.clone(), peers));
        serving.spawn(Outfit::new(house.clone(), config, stopped).data(data));
        let client = client.build().expect("settings");
        self.members.insert(id, Member { house, client, serving, _stop: stop });
    }

    /// Everybody hears what is desired.
    fn tell(&self) {
        for member in self.members.values() {
            member.house.node.adopt(self.desired.clone()).expect("it can be done");
        }
    }

    /// Its process ends, in order.
    async fn stop(&mut self, id: NodeId) {
        let mut member = self.members.remove(&id).expect("it runs");
        drop(member.client);
        member.serving.shutdown().await;
        // Calls that were cut off let go of it in their own time.
        let others = || Arc::strong_count(&member.house) > 1;
        self.until("nobody holds it", async |_| !others()).await;
        assert!(embedded::close(member.house), "nobody holds the node");
    }

    /// Writes, by whichever node does it first, and says who leads then.
    async fn put(&self, key: &str, value: &str) -> NodeId {
        self.until("a write", async |cluster| {
            for member in cluster.members.values() {
                if member.client.table("t").put(key.to_owned(), value.to_owned()).await.is_ok() {
                    return true;
                }
            }
            false
        })
        .await;
        self.leader().await
    }

    async fn leader(&self) -> NodeId {
        let mut found = None;
        self.until("somebody leads", async |cluster| {
            let leads = |id: &NodeId| cluster.handle(*id).is_some_and(|handle| handle.leads().is_ok());
            found = cluster.members.keys().copied().find(leads);
            found.is_some()
        })
        .await;
        found.expect("just found")
    }

    async fn get(&self, key: &str) -> Option<String> {
        let mut found = None;
        self.until("a read", async |cluster| {
            for member in cluster.members.values() {
                if let Ok(row) = member.client.table("t").get(key.to_owned()).await {
                    found = row.map(|row| String::from_utf8(row.value.to_vec()).expect("text"));
                    return true;
                }
            }
            false
        })
        .await;
        found
    }

    async fn until(&self, what: &str, mut is_so: impl AsyncFnMut(&Cluster) -> bool) {
        let until = self.env.clock.mono().plus_ms(PATIENCE_MS);
        while !is_so(self).await {
            assert!(self.env.clock.mono() < until, "not in time: {what}");
            tokio::task::yield_now().await;
        }
    }

    fn handle(&self, id: NodeId) -> Option<Handle> {
        let map = self.members[&id].house.node.directory().current();
        match map.table("default", "t")?.places.first()?.standing.clone() {
            Standing::Serving(handle) => Some(handle),
            Standing::Failed(_) | Standing::Elsewhere(_) => None,
        }
    }

    fn applied(&self, id: NodeId) -> u64 {
        self.handle(id).map_or(0, |handle| handle.published.applied())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_asked_answers_or_says_where_to_ask() {
    let cluster = Cluster::new().await;
    let leader = cluster.put("a", "1").await;
    let own = &cluster.desired.nodes[&leader].data;
    for (id, member) in &cluster.members {
        cluster
            .until("it is passed on", async |_| member.client.table("t").put("a", "2").await.is_ok())
            .await;
        let value = format!("of {id}");
        member.client.table("t").put("a", value.clone()).await.expect("it knows who leads by now");
        for other in cluster.members.values() {
            let row = other.client.table("t").get("a").await.expect("it asks who leads").expect("a row");
            assert_eq!(row.value, value, "everybody sees it at once");
        }
    }
    for member in cluster.members.iter().filter(|(id, _)| **id != leader).map(|(_, member)| member) {
        let desk = Desk::new(member.house.clock.clone(), member.house.meters.deliveries.clone());
        let plane = DataService::new(member.house.clone(), desk);
        // One who knows the map does not want it to be passed on.
        let read =
            GetRequest { header: Some(Header::default()), table: "t".to_owned(), keys: vec!["a".into()] };
        let answer = get(&plane, 1, Some(Request::Get(read))).await;
        let Some(Response::Error(error)) = answer.response else { panic!("{answer:?}") };
        let address = error.bad_node.map(|node| node.address);
        assert_eq!((error.code, address.as_ref()), (code::BAD_NODE.to_string(), Some(own)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_about_to_end_hands_over() {
    let cluster = Cluster::new().await;
    let leader = cluster.put("a", "1").await;
    let node = cluster.members[&leader].house.node.clone();
    node.hand_over();
    assert_ne!(cluster.leader().await, leader);
    assert_eq!(cluster.get("a").await.as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_is_there_when_a_node_is_gone_and_back() {
    let mut cluster = Cluster::new().await;
    let first = cluster.put("a", "1").await;
    cluster.stop(first).await;
    let second = cluster.put("b", "2").await;
    assert_ne!(first, second);
    assert_eq!(cluster.get("a").await.as_deref(), Some("1"));
    // It has another address by now, of which all are told.
    cluster.start(first).await;
    cluster.tell();
    let upto = cluster.applied(second);
    cluster.until("it has caught up", async |cluster| cluster.applied(first) >= upto).await;
    // All start again on what they have.
    for id in (1..=3).map(NodeId) {
        cluster.stop(id).await;
    }
    for id in (1..=3).map(NodeId) {
        cluster.start(id).await;
    }
    cluster.tell();
    assert_eq!(cluster.get("b").await.as_deref(), Some("2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_away_for_too_long_is_given_all_of_it() {
    let mut cluster = Cluster::new().await;
    let leader = cluster.put("0", "first").await;
    let away = NodeId(leader.0 % 3 + 1);
    cluster.until("it is there", async |cluster| cluster.applied(away) > 0).await;
    cluster.stop(away).await;
    for number in 0..200 {
        cluster.put(&format!("{}", number % 50), &format!("{number:01000}")).await;
    }
    // Its leader's log has let go of what it lacks.
    cluster.members.values().for_each(|member| member.house.node.keep_house());
    cluster.start(away).await;
    cluster.tell();
    let upto = cluster.applied(leader);
    cluster.until("it has all", async |cluster| cluster.applied(away) >= upto).await;
    let other = cluster.members.keys().copied().find(|id| ![leader, away].contains(id)).expect("three");
    cluster.stop(other).await;
    cluster.put("more", "value").await;
    let upto = cluster.applied(leader);
    cluster.until("it goes on", async |cluster| cluster.applied(away) >= upto).await;
    // It stands on what it was given when it starts again.
    cluster.stop(away).await;
    cluster.start(away).await;
    cluster.start(other).await;
    cluster.tell();
    cluster.until("it is there again", async |cluster| cluster.applied(away) >= upto).await;
    cluster.stop(leader).await;
    assert_eq!(cluster.get("more").await.as_deref(), Some("value"));
    assert_eq!(cluster.get("49").await, Some(format!("{:01000}", 199)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_moves_and_the_one_before_stays_until_it_is_not_needed() {
    let mut cluster = Cluster::new().await;
    cluster.put("a", "1").await;
    cluster.add(NodeId(4)).await;
    let seats = |all: [u64; 3]| all.map(|id| (ReplicaId(id), NodeId(id))).into_iter().collect();
    cluster.place(|placement| placement.want(seats([1, 2, 4])));
    assert!(cluster.handle(NodeId(3)).is_some(), "its vote may be needed");
    let wanted: BTreeSet<ReplicaId> = [1, 2, 4].map(ReplicaId).into();
    let mut settled = (0, BTreeSet::new());
    cluster
        .until("they have settled", async |cluster| {
            let leader = cluster.leader().await;
            let members = cluster.members[&leader].house.node.settled();
            let Some(members) = members.get(&PartitionId(1)) else { return false };
            settled = (members.generation(), members.everybody().into_keys().collect());
            settled.1 == wanted
        })
        .await;
    cluster.place(|placement| placement.settled(settled.0, &settled.1));
    assert!(cluster.handle(NodeId(3)).is_none(), "it is needed no more");
    // Whoever has no replica passes on what is to be written.
    cluster
        .until("a write", async |cluster| {
            cluster.members[&NodeId(3)].client.table("t").put("b", "2").await.is_ok()
        })
        .await;
    let upto = cluster.applied(cluster.leader().await);
    cluster.until("it has all", async |cluster| cluster.applied(NodeId(4)) >= upto).await;
    cluster.stop(NodeId(1)).await;
    assert_eq!(cluster.get("a").await.as_deref(), Some("1"));
}
