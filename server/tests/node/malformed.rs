//! Ten thousand requests that nobody in their right mind would send: the node
//! answers or hangs up, does not grow, does not change, and goes on.

mod noise;

use crate::contents;
use crate::process::{Launch, Node};
use crate::raw::Raw;
use crate::talk::{self, Table};
use bytes::Bytes;
use env::Rng;
use env::rng::Stream;
use model::code;
use proto::Failure;
use proto::control::{AddPartitionRequest, Range, RemovePartitionRequest};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const SEED: u64 = 20_261_122;
/// Each on connections of its own.
const SENDERS: u64 = 8;
const CALLS_EACH: u64 = 1125;
const CONNECTIONS_EACH: u64 = 125;
const GROWTH_BYTES_MAX: u64 = 200 << 20;

/// Ids that no accident hits.
const IDS: [u64; 2] = [0x3A5C_96E1_7B2D_48F0, 0x2B7E_1516_28AE_D2A6];
const TABLE: Table =
    Table { name: "kept-through-all-of-it", layout: "ordered", partitions: 1, ..Table::durable("") };
const ROWS: [(&str, &[&str]); 1] = [(TABLE.name, &["a", "n", "z"])];

async fn furnished(launch: &Launch) -> Node {
    let node = launch.start().await;
    let id = TABLE.create(&node).await[0];
    let mut control = talk::control(&node).await;
    let remove = RemovePartitionRequest { id, ..RemovePartitionRequest::default() };
    control.remove_partition(remove).await.expect("it is there");
    for (id, start, end) in [(IDS[0], "", "m"), (IDS[1], "m", "")] {
        let range = Some(Range { start: start.into(), end: end.into() });
        let add = AddPartitionRequest { header: None, table: TABLE.name.to_owned(), range, id };
        control.add_partition(add).await.expect("nobody has those keys");
    }
    let items = ROWS[0].1.iter().map(|key| talk::item(key, format!("of {key}"))).collect();
    talk::data(&node).await.upsert(talk::upsert_of(TABLE.name, items)).await.expect("taken");
    node
}

/// Calls over HTTP/2 that is sound, with everything inside it wrong.
async fn call(ports: [SocketAddr; 2], mut random: Stream) -> u64 {
    let mut answered = 0;
    let mut raw: Option<Raw> = None;
    for _ in 0..CALLS_EACH {
        let connected = match raw.take() {
            Some(raw) if random.chance(98) => raw,
            _ => Raw::connect(ports[random.below(2) as usize]).await,
        };
        let noise::Call { path, headers, body } = noise::call(&mut random);
        let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, &value[..])).collect();
        // A connection that was hung up on is not used again.
        let Ok(reply) = connected.call(&path, &headers, body.into()).await else { continue };
        raw = Some(connected);
        answered += 1;
        let Some(status) = reply.status else { continue };
        // Health and reflection speak for themselves.
        if status.code() != tonic::Code::Ok && path.starts_with("/statehouse.") {
            let failure = Failure::from(status);
            assert!(!failure.is(code::INTERNAL), "{path}: {failure}");
        }
    }
    answered
}

/// Bytes that are not even HTTP/2.
async fn shout(addresses: [SocketAddr; 3], mut random: Stream) {
    for _ in 0..CONNECTIONS_EACH {
        let address = addresses[random.below(3) as usize];
        let mut stream = TcpStream::connect(address).await.expect("a node that listens");
        // It may hang up before it has heard all.
        let _ = stream.write_all(&noise::bytes_of_a_connection(&mut random)).await;
        let _ = stream.shutdown().await;
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_malformed_requests_change_nothing() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let launch = Launch::server(dir.path());
    let mut node = furnished(&launch).await;
    let before = contents::of(&node, &ROWS).await;
    let resident = node.process.resident_bytes();
    // Shown when the test fails, wherever.
    println!("seed {SEED}");
    let rng = Rng::from_seed(SEED);
    let (calls, all) = ([node.at.data, node.at.control], [node.at.data, node.at.control, node.at.metrics]);
    let mut tasks = Vec::new();
    for sender in 0..SENDERS {
        let (call, shout) = (
            call(calls, rng.stream(&format!("call {sender}"))),
            shout(all, rng.stream(&format!("shout {sender}"))),
        );
        tasks.push(tokio::spawn(async move { tokio::join!(call, shout).0 }));
    }
    let mut answered = 0;
    for task in tasks {
        answered += task.await.expect("no sender finds anything");
    }
    assert_eq!(node.process.ended(), None, "{}", node.process.errors());
    assert!(!node.process.errors().contains("panicked"), "{}", node.process.errors());
    // Most reached a method; otherwise this looked at the transport alone.
    assert!(answered > SENDERS * CALLS_EACH / 2, "only {answered} calls were answered");
    assert_eq!(contents::of(&node, &ROWS).await, before, "it changed");
    let grown = node.process.resident_bytes().saturating_sub(resident);
    assert!(grown < GROWTH_BYTES_MAX, "{grown} bytes more than before");
    let write = talk::upsert_of(TABLE.name, vec![talk::item("a", "after all")]);
    talk::data(&node).await.upsert(write).await.expect("it goes on");
    // What it wrote down in the meantime can be read.
    node.process.kill();
    let node = launch.start().await;
    let read =
        talk::data(&node).await.get(talk::get_of(TABLE.name, &["a"])).await.expect("a row").into_inner();
    assert_eq!(talk::values(read), [Some(Bytes::from("after all"))]);
}
