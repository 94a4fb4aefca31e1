//! From the first word to the exit code: starting, refusing to start, ending.

use crate::contents;
use crate::probe;
use crate::process::{Launch, Node, Said, typed, until};
use crate::raw::{Raw, framed};
use crate::talk::{self, Table};
use std::net::TcpListener;
use std::path::PathBuf;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

const TABLE: Table = Table::durable("t");
const ROWS: [(&str, &[&str]); 1] = [("t", &["a", "b", "c"])];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dev_says_where_it_is_and_what_to_try_and_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let launch =
        Launch::plain(dir.path(), &["dev", "--random-ports"]).variable("TMPDIR", dir.path().display());
    let ports = launch.ports_file();
    let mut node = launch.with("--ports-file").with(ports.display()).start().await;
    let text = node.process.said("stdout");
    for address in [node.at.data, node.at.control, node.at.metrics] {
        assert!(text.contains(&address.to_string()), "{text}");
    }
    let commands = text.lines().skip_while(|line| !line.contains("From a second terminal")).skip(1);
    let printed = commands.filter(|line| line.starts_with("  ")).map(|line| typed(line, &[]));
    let printed: Vec<String> = printed.collect();
    assert!(
        matches!(&printed[..], [_, got, status] if got == "world" && status.contains("8 serving")),
        "{printed:?}"
    );
    let files = text.lines().find_map(|line| line.trim().strip_prefix("files")).expect("a line for it");
    let files = PathBuf::from(files.split_whitespace().next().expect("a path"));
    assert!(files.join("FORMAT").exists(), "{files:?}");
    let write = talk::upsert_of("kv", vec![talk::item("hello", "world")]);
    talk::data(&node).await.upsert(write).await.expect("its table is there");
    node.process.signal("INT");
    assert_eq!(node.process.end().await.code(), Some(0));
    assert!(!files.exists(), "{files:?} is still there");
}

fn refused(said: &Said, code: i32, words: &[&str]) {
    assert_eq!(said.code, Some(code), "{said:?}");
    for word in words {
        assert!(said.errors.contains(word), "no `{word}` in:\n{}", said.errors);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_start_says_why_and_makes_nothing() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = taken.local_addr().map(|address| (taken, address)).expect("its address");
    let at_taken = |name: &str| format!("listen.{name}={}", taken.1);
    let table: [(String, i32, &[&str]); 8] = [
        (at_taken("data"), 3, &["SH1401", "safe:", "next:", "data cannot listen"]),
        (at_taken("control"), 3, &["SH1401", "control cannot listen"]),
        (at_taken("peer"), 3, &["SH1401", "peer cannot listen"]),
        (at_taken("metrics"), 3, &["SH1401", "metrics cannot listen"]),
        ("listen.control=0.0.0.0:0".to_owned(), 3, &["SH1402", "0.0.0.0"]),
        ("listen.control=[::]:0".to_owned(), 3, &["SH1402"]),
        ("log.snyc=each".to_owned(), 2, &["log.snyc", "`log.sync`"]),
        ("log.sync=never".to_owned(), 2, &["log.sync", "every(TIME)"]),
    ];
    for (set, code, words) in table {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let launch = Launch::server(dir.path()).set(&set);
        refused(&launch.run().await, code, words);
        assert!(!launch.data_dir().exists() && !launch.ports_file().exists(), "{set}: something was made");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_configuration_is_printed_and_nothing_is_started() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let launch = Launch::server(dir.path()).set("log.sync=every(50ms)").set("requests.max=77");
    let toml = launch.clone().with("--print-config").run().await;
    assert_eq!(toml.code, Some(0), "{toml:?}");
    // What is printed can be used, and says the same.
    let file = dir.path().join("printed.toml");
    std::fs::write(&file, &toml.out).expect("a file");
    let again =
        Launch::plain(dir.path(), &["server", "--print-config=json", "--config"]).with(file.display());
    let json = again.run().await;
    let json: serde_json::Value = json.out.strip_prefix(&toml.out).expect("both").parse().expect("JSON");
    let json = json.to_string();
    assert!(json.contains("every(50ms)") && json.contains("77"), "{json}");
    assert!(!launch.data_dir().exists(), "printing made a directory");
}

async fn health(node: &Node) -> ServingStatus {
    let mut client = HealthClient::new(talk::channel(node.at.data).await);
    let request = HealthCheckRequest { service: "statehouse.data.v1.Data".to_owned() };
    client.check(request).await.expect("health is there").into_inner().status()
}

async fn readiness(node: &Node) -> u16 {
    probe::page(node.at.metrics, "/readyz").await.expect("probes answer").0
}

/// Waits until it says that it is not ready.
async fn draining(node: &Node) {
    while readiness(node).await != 503 {
        tokio::task::yield_now().await;
    }
}

async fn written(node: &Node) {
    TABLE.create(node).await;
    let items = ROWS[0].1.iter().map(|key| talk::item(key, format!("of {key}"))).collect();
    talk::data(node).await.upsert(talk::upsert_of("t", items)).await.expect("taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_to_end_it_answers_what_it_has() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let launch = Launch::server(dir.path()).set("drain.lame-duck=4s");
    let mut node = launch.start().await;
    written(&node).await;
    assert_eq!((readiness(&node).await, health(&node).await), (200, ServingStatus::Serving));
    // A request of which half has come.
    let raw = Raw::connect(node.at.data).await;
    let mut call = raw.begin("/statehouse.data.v1.Data/Upsert", &[]).await.expect("a call");
    let request = talk::upsert_of("t", vec![talk::item("b", "late, and yet in time")]);
    let mut body = framed(&prost::Message::encode_to_vec(&request));
    let rest = body.split_off(body.len() / 2);
    call.body.send_data(body.into(), false).expect("room");

    node.process.signal("TERM");
    draining(&node).await;
    // Lame: it is not ready, and serves.
    assert_eq!(health(&node).await, ServingStatus::NotServing);
    assert_eq!(probe::page(node.at.metrics, "/livez").await.map(|(status, _)| status), Some(200));
    let request = talk::upsert_of("t", vec![talk::item("c", "from a lame duck")]);
    talk::data(&node).await.upsert(request).await.expect("a lame duck serves");
    // Closed: nobody new is let in, and what is under way is finished.
    let is_closed = || std::net::TcpStream::connect(node.at.data).is_err().then_some(());
    until("a closed door", is_closed).await;
    assert_eq!(node.process.ended(), None, "something is under way");
    call.body.send_data(rest.into(), true).expect("room");
    let reply = call.end().await.expect("an answer");
    assert_eq!(reply.code(), Some(tonic::Code::Ok), "{reply:?}");
    assert_eq!(node.process.end().await.code(), Some(0), "{}", node.process.errors());

    let node = launch.start().await;
    let read = talk::data(&node).await.get(talk::get_of("t", ROWS[0].1)).await.expect("rows").into_inner();
    let values = talk::values(read).into_iter().flatten().collect::<Vec<_>>();
    assert_eq!(values, ["of a", "late, and yet in time", "from a lame duck"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_only_watches_does_not_hold_it_up() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let mut node = Launch::server(dir.path()).set("drain.timeout=1h").start().await;
    let mut client = HealthClient::new(talk::channel(node.at.data).await);
    let request = HealthCheckRequest { service: String::new() };
    let mut watched = client.watch(request).await.expect("a call").into_inner();
    watched.message().await.expect("an answer").expect("how it is");
    node.process.signal("TERM");
    while let Ok(Some(_)) = watched.message().await {}
    assert_eq!(node.process.end().await.code(), Some(0), "{}", node.process.errors());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_twice_it_ends_at_once() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let launch = Launch::server(dir.path()).set("drain.lame-duck=1h").set("drain.timeout=1h");
    let mut node = launch.start().await;
    written(&node).await;
    let before = contents::of(&node, &ROWS).await;
    node.process.signal("TERM");
    draining(&node).await;
    node.process.signal("INT");
    assert_eq!(node.process.end().await.code(), Some(0), "{}", node.process.errors());
    // Every partition stands where it stood: nothing was lost, nothing is new.
    assert_eq!(contents::of(&launch.start().await, &ROWS).await, before);
}
