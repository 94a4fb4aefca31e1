//! Connections that are silent, too many, deaf, or never done.

use crate::probe;
use crate::process::{Launch, Node};
use crate::raw::{Call, Raw, Reply, framed, repeat};
use crate::talk::{self, Table};
use bytes::Bytes;
use model::code;
use prost::Message;
use proto::Failure;
use proto::data::StreamRequest;
use proto::data::stream_request::Request;
use proto::data::stream_response::Response;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
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
        if round % 20 == 0 {
            data.get(talk::get_of("t", &keys)).await.expect("half of all room is kept from streams");
        }
    }
    let grown = node.process.resident_bytes().saturating_sub(before);
    assert!(grown < 400 << 20, "{grown} bytes more than before");
    drop(deaf_ones);
}

/// What a body has in it, and what more of it comes, every so often, without
/// end.
type Endless = (&'static str, Vec<u8>, Option<(Vec<u8>, Duration)>);

fn endless() -> [Endless; 6] {
    let whole = framed(&talk::upsert_of("t", vec![talk::item("k", "never whole")]).encode_to_vec());
    let half = whole[..whole.len() / 2].to_vec();
    let mut large = framed(b"");
    large[1..5].copy_from_slice(&(1_u32 << 20).to_be_bytes());
    let (slowly, at_once) = (Duration::from_millis(20), Duration::ZERO);
    [
        ("nothing at all", vec![], None),
        ("half a message", half, None),
        ("a message, and no end of the body", whole.clone(), None),
        ("a byte at a time", large, Some((vec![0], slowly))),
        ("one message after another", whole, Some((framed(b""), at_once))),
        ("bytes and bytes", vec![], Some((vec![0xFF; 16 << 10], at_once))),
    ]
}

/// Begins an upsert that never ends; what is answered, if anybody does.
async fn upsert_without_end(node: &Node, once: Vec<u8>, again: Option<(Vec<u8>, Duration)>) -> Option<Reply> {
    let raw = Raw::connect(node.at.data).await;
    let call = raw.begin("/statehouse.data.v1.Data/Upsert", &[]).await.expect("a call");
    let Call { mut body, answer } = call;
    body.send_data(once.into(), false).expect("room");
    let sending = async {
        if let Some((bytes, pause)) = again {
            repeat(&mut body, bytes.into(), pause).await;
        }
        // The body stays open until there is an answer.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        reply = Call::answer(answer) => reply.ok(),
        () = sending => unreachable!("it never ends"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_never_ends_is_not_waited_for() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).set("requests.deadline=300ms").start().await;
    TABLE.create(&node).await;
    for (name, once, again) in endless() {
        let floods = again.as_ref().is_some_and(|(_, pause)| pause.is_zero());
        match upsert_without_end(&node, once, again).await {
            Some(reply) => {
                let failure = Failure::from(reply.status.expect("a gRPC status"));
                // A flood is refused as soon as one sees that it makes no sense.
                let refused = [code::MALFORMED, code::BATCH_TOO_LARGE, code::UNIMPLEMENTED];
                let expected = failure.is(code::DEADLINE_EXCEEDED)
                    || floods && refused.into_iter().any(|code| failure.is(code));
                assert!(expected && !failure.hint.is_empty(), "{name}: {failure}");
            }
            None => assert!(floods, "{name}: who is quiet is not hung up on"),
        }
        let read = talk::data(&node).await.get(talk::get_of("t", &["k"])).await.expect("it goes on");
        assert_eq!(talk::values(read.into_inner()), [None], "{name}: it was done");
    }
    // Each gives its place back.
    loop {
        let (_, page) = probe::page(node.at.metrics, "/metrics").await.expect("a page");
        if page.contains("\nstatehouse_requests_under_way 0\n") {
            break;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_on_an_old_connection_end_when_they_have_answered() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).set("connections.age-max=200ms").start().await;
    TABLE.create(&node).await;
    let (requests, outgoing) = mpsc::channel(1);
    let mut data = talk::data(&node).await;
    let mut answers = data.stream(ReceiverStream::new(outgoing)).await.expect("a call").into_inner();
    let request = Some(Request::Upsert(talk::upsert_of("t", vec![talk::item("k", "v")])));
    let mut sent = 0;
    // As a client does that wants to hear of what it asks: one that sends without
    // end, and does not come to reading, is cut off at last.
    let unanswered = Semaphore::new(64);
    let sending = async {
        while let Ok(permit) = unanswered.acquire().await {
            permit.forget();
            let next = StreamRequest { sequence: sent, request: request.clone() };
            if requests.send(next).await.is_err() {
                // Nobody takes them any more.
                return;
            }
            sent += 1;
        }
    };
    let (mut served, mut refused) = (0, 0);
    let hearing = async {
        while let Some(answer) = answers.message().await.expect("it is not cut") {
            unanswered.add_permits(1);
            match answer.response.expect("an answer") {
                Response::Upsert(_) => served += 1,
                // Nothing was done: to be sent again on another connection.
                Response::Error(error) if error.code == code::STOPPING.to_string() => refused += 1,
                other => panic!("{other:?}"),
            }
        }
    };
    tokio::select! {
        () = hearing => {}
        () = async { sending.await; std::future::pending().await } => {}
    }
    assert!(served > 0 && refused > 0, "{served} served, {refused} refused");
    let write = talk::upsert_of("t", vec![talk::item("k", "v")]);
    talk::data(&node).await.upsert(write).await.expect("a new connection is served");
}

/// What the metrics say is held of bodies and answers.
async fn bytes_under_way(node: &Node) -> u64 {
    let (_, page) = probe::page(node.at.metrics, "/metrics").await.expect("a page");
    let line = page.lines().find_map(|line| line.strip_prefix("statehouse_bytes_under_way "));
    line.expect("a gauge").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_request_takes_room_and_gives_it_back() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).set("requests.bytes-max=64MiB").start().await;
    TABLE.create(&node).await;
    let mut half = framed(b"");
    half[1..5].copy_from_slice(&(1_u32 << 20).to_be_bytes());
    half.resize(600 << 10, 0);
    let half = Bytes::from(half);
    let raw = Raw::connect(node.at.data).await;
    let mut begun = Vec::new();
    // Each takes a MiB: the next power of two.
    for _ in 0..64 {
        let mut call = raw.begin("/statehouse.data.v1.Data/Upsert", &[]).await.expect("a call");
        call.body.send_data(half.clone(), false).expect("a call that is open");
        begun.push(call);
    }
    while bytes_under_way(&node).await < 64 << 20 {
        tokio::task::yield_now().await;
    }
    let one_more = raw.call("/statehouse.data.v1.Data/Upsert", &[], half.clone()).await.expect("an answer");
    let failure = Failure::from(one_more.status.expect("a gRPC status"));
    assert!(failure.is(code::OVERLOADED), "{failure}");
    let small = talk::upsert_of("t", vec![talk::item("k", "small")]);
    talk::data(&node).await.upsert(small).await.expect("short ones need no room");
    drop(begun);
    while bytes_under_way(&node).await > 0 {
        tokio::task::yield_now().await;
    }
}

/// A connection that can stop reading.
struct Ear {
    stream: TcpStream,
    closed: Arc<AtomicBool>,
}

impl AsyncRead for Ear {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if self.closed.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Ear {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Windows say that there is room for everything, and then nothing is read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_count_until_they_are_written() {
    const CALLS: usize = 32;
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    TABLE.create(&node).await;
    let large = talk::item("large", Bytes::from(vec![b'x'; 1_000_000]));
    talk::data(&node).await.upsert(talk::upsert_of("t", vec![large])).await.expect("room");
    let closed = Arc::new(AtomicBool::new(false));
    let stream = TcpStream::connect(node.at.data).await.expect("a node that listens");
    let ear = Ear { stream, closed: closed.clone() };
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(1 << 30).initial_connection_window_size(1 << 30);
    let (mut requests, connection) = builder.handshake(ear).await.expect("HTTP/2");
    let driver = tokio::spawn(async move { drop(connection.await) });
    let get = Bytes::from(framed(&talk::get_of("t", &["large"]).encode_to_vec()));
    // What windows there are has been said once there is an answer.
    let mut calls = Vec::new();
    for number in 0..=CALLS {
        let request = http::Request::post("http://node/statehouse.data.v1.Data/Get").body(());
        requests = requests.ready().await.expect("open");
        let sent = requests.send_request(request.expect("a request"), false).expect("open");
        let (answer, mut body) = sent;
        body.send_data(get.clone(), true).expect("open");
        match number {
            0 => drop(answer.await.expect("an answer")),
            _ => calls.push(answer),
        }
        closed.store(true, Ordering::Relaxed);
    }
    let answered = format!("\nstatehouse_calls_total{{method=\"Get\",status=\"0\"}} {}\n", CALLS + 1);
    while !probe::page(node.at.metrics, "/metrics").await.expect("a page").1.contains(&answered) {
        tokio::task::yield_now().await;
    }
    // The system takes some of it. The rest is in the node, and it knows.
    for _ in 0..50 {
        assert!(bytes_under_way(&node).await > 16 << 20);
    }
    driver.abort();
    drop((requests, calls));
    while bytes_under_way(&node).await > 0 {
        tokio::task::yield_now().await;
    }
}
