//! Connections that are silent, too many, or deaf.

use crate::process::{Launch, Node};
use crate::raw::{Raw, framed};
use crate::talk::{self, Table};
use bytes::Bytes;
use proto::data::StreamRequest;
use proto::data::stream_request::Request;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

const TABLE: Table = Table::durable("t");

/// Waits until the other side has closed; what it says until then is ignored.
async fn closed(mut stream: TcpStream) {
    let mut said = Vec::new();
    // A reset is an end, too.
    let _ = stream.read_to_end(&mut said).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_says_nothing_is_let_go() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).set("connections.handshake-timeout=50ms").start().await;
    TABLE.create(&node).await;
    let mut data = talk::data(&node).await;
    let beginnings: [&[u8]; 3] = [b"", b"PRI * HTTP/2.0\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"];
    for address in [node.at.data, node.at.control, node.at.metrics] {
        for beginning in beginnings {
            let mut stream = TcpStream::connect(address).await.expect("a node that listens");
            stream.write_all(beginning).await.expect("room");
            closed(stream).await;
        }
    }
    // Who has shaken hands is silent as long as it likes.
    data.upsert(talk::upsert_of("t", vec![talk::item("k", "v")])).await.expect("it is still connected");
}

/// Is it served? Otherwise it was turned away.
async fn gets_in(address: SocketAddr) -> Option<Raw> {
    let stream = TcpStream::connect(address).await.ok()?;
    let raw = Raw::on(stream).await.ok()?;
    serves(&raw).await.then_some(raw)
}

async fn serves(raw: &Raw) -> bool {
    let call = raw.call("/grpc.health.v1.Health/Check", &[], framed(b"").into()).await;
    call.is_ok_and(|reply| reply.code() == Some(tonic::Code::Ok))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_has_so_many_connections_and_no_more() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).set("connections.per-address-max=2").start().await;
    for address in [node.at.data, node.at.control] {
        let first = gets_in(address).await.expect("the first");
        let second = gets_in(address).await.expect("the second");
        for _ in 0..10 {
            assert!(gets_in(address).await.is_none(), "a third got in");
        }
        assert!(serves(&first).await && serves(&second).await, "those inside go on");
        drop(first);
        // Its place is free as soon as its end is noticed.
        while gets_in(address).await.is_none() {
            tokio::task::yield_now().await;
        }
    }
}

/// A client that asks and asks and never reads.
async fn deaf(node: &Node, keys: &[String]) -> impl Drop + use<> {
    let (requests, outgoing) = mpsc::channel(1);
    let mut data = talk::data(node).await;
    let answers = data.stream(ReceiverStream::new(outgoing)).await.expect("a call").into_inner();
    let request = Some(Request::Get(talk::get_of("t", keys)));
    for sequence in 0..1000 {
        requests.send(StreamRequest { sequence, request: request.clone() }).await.expect("it is taken");
    }
    Held((requests, data, answers))
}

/// Keeps something until it is dropped.
struct Held<T>(#[allow(dead_code, reason = "held, not used")] T);

impl<T> Drop for Held<T> {
    fn drop(&mut self) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_listen_stops_nobody_else() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).set("requests.bytes-max=64MiB").start().await;
    TABLE.create(&node).await;
    let mut data = talk::data(&node).await;
    let keys: Vec<String> = (0..16).map(|number| format!("large {number}")).collect();
    for key in &keys {
        let large = talk::item(key, Bytes::from(vec![b'x'; 256 << 10]));
        data.upsert(talk::upsert_of("t", vec![large])).await.expect("room");
    }
    let before = node.process.resident_bytes();
    // Their answers measure 4 MiB each, 16 GiB together.
    let mut deaf_ones = Vec::new();
    for _ in 0..4 {
        deaf_ones.push(deaf(&node, &keys).await);
    }
    for round in 0..200 {
        let value = format!("{round}");
        data.upsert(talk::upsert_of("t", vec![talk::item("k", &value)])).await.expect("it is served");
        let read = data.get(talk::get_of("t", &["k"])).await.expect("it is served").into_inner();
        assert_eq!(talk::values(read), [Some(Bytes::from(value))]);
    }
    let grown = node.process.resident_bytes().saturating_sub(before);
    assert!(grown < 400 << 20, "{grown} bytes more than before");
    drop(deaf_ones);
}
