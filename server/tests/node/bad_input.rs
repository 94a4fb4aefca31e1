//! Requests that are wrong: each is refused with the right status, a code and a
//! hint, changes nothing, and the node goes on.

mod control_cases;
mod data_cases;

use crate::contents;
use crate::process::{Launch, Node};
use crate::raw::{Raw, framed};
use crate::talk::{self, Table};
use bytes::Bytes;
use model::{Code, code};
use proto::Failure;
use proto::common::Header;
use proto::control::{AddPartitionRequest, EraseQuarantinedRequest, Range, RemovePartitionRequest};
use proto::data::{Item, UpsertRequest, item_result, row_result};
use router::door::TABLE as METHODS;
use tonic::Status;

/// Hashed, 4 partitions: the ids 1 to 4.
const HASHED: Table = Table::durable("hashed");
/// Ordered, with keys from `b` to below `m` alone: [`PART`].
const SORTED: Table = Table { name: "sorted", layout: "ordered", partitions: 1, ..HASHED };
const PART: u64 = 900;
const QUARANTINED: u64 = 5;
const ERASED: u64 = 901;

/// What is there before, and has to be there after.
const ROWS: [(&str, &[&str]); 2] = [("hashed", &["a", "b", "c"]), ("sorted", &["b", "c"])];

/// One wrong request, and what has to become of it.
pub struct Refused {
    pub name: &'static str,
    pub grpc: tonic::Code,
    pub code: Code,
}

/// Compares a refusal with what it should be.
fn expect(case: &Refused, status: Status) {
    let Refused { name, grpc, code } = case;
    assert_eq!(status.code(), *grpc, "{name}: {status:?}");
    assert!(!status.details().is_empty(), "{name}: no details in {status:?}");
    let failure = Failure::from(status);
    assert!(failure.is(*code), "{name}: {failure}, expected {code}");
    assert!(!failure.hint.is_empty() && !failure.message.is_empty(), "{name}: {failure:?}");
}

pub fn range(start: &'static str, end: &'static str) -> Option<Range> {
    Some(Range { start: Bytes::from(start), end: Bytes::from(end) })
}

/// A node with two tables, some rows, and partitions in every state.
async fn furnished(launch: &Launch) -> Node {
    let node = launch.start().await;
    assert_eq!(HASHED.create(&node).await, [1, 2, 3, 4]);
    assert_eq!(SORTED.create(&node).await, [QUARANTINED]);
    let mut control = talk::control(&node).await;
    let remove = |id| RemovePartitionRequest { id, ..RemovePartitionRequest::default() };
    let add = |id, range| AddPartitionRequest { table: "sorted".to_owned(), id, range, ..Default::default() };
    control.remove_partition(remove(QUARANTINED)).await.expect("it is there");
    control.add_partition(add(PART, range("b", "m"))).await.expect("nobody has those keys");
    control.add_partition(add(ERASED, range("x", "y"))).await.expect("nor those");
    control.remove_partition(remove(ERASED)).await.expect("it is there");
    control
        .erase_quarantined(EraseQuarantinedRequest { id: ERASED, ..Default::default() })
        .await
        .expect("it is removed");
    let mut data = talk::data(&node).await;
    for (table, keys) in ROWS {
        let items = keys.iter().map(|key| talk::item(key, format!("of {key}"))).collect();
        data.upsert(talk::upsert_of(table, items)).await.expect("rows that make sense");
    }
    node
}

/// A write and a read that make sense.
async fn goes_on(node: &Node, name: &str) {
    let mut data = talk::data(node).await;
    let write = talk::upsert_of("goes-on", vec![talk::item("k", name)]);
    data.upsert(write).await.unwrap_or_else(|status| panic!("after {name}: {status:?}"));
    let read = data.get(talk::get_of("goes-on", &["k"])).await.expect("a row").into_inner();
    assert_eq!(talk::values(read), [Some(Bytes::from(name.to_owned()))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_wrong_is_refused_by_name_and_changes_nothing() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = furnished(&Launch::server(dir.path())).await;
    let before = contents::of(&node, &ROWS).await;
    let mut data = talk::data(&node).await;
    for (case, call) in data_cases::all() {
        expect(&case, call.make(&mut data).await.expect_err(case.name));
        assert_eq!(contents::of(&node, &ROWS).await, before, "{}", case.name);
    }
    let mut control = talk::control(&node).await;
    for (case, call) in control_cases::all() {
        expect(&case, call.make(&mut control).await.expect_err(case.name));
        assert_eq!(contents::of(&node, &ROWS).await, before, "{}", case.name);
    }
    Table::durable("goes-on").create(&node).await;
    goes_on(&node, "all of it").await;
}

/// Methods of the schema that this build has not.
const UNIMPLEMENTED: [&str; 12] = [
    "control.v1.Control/Snapshot",
    "control.v1.Control/Split",
    "control.v1.Control/Merge",
    "control.v1.Control/Move",
    "control.v1.Control/Transfer",
    "control.v1.Control/Plan",
    "control.v1.Control/ApplyPlan",
    "control.v1.Control/Drain",
    "control.v1.Control/Decommission",
    "control.v1.Control/AttachDirectory",
    "control.v1.Control/GetJob",
    "data.v1.Data/Erase",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn methods_that_are_not_there_say_so() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    for name in UNIMPLEMENTED {
        let address = if name.starts_with("data.") { node.at.data } else { node.at.control };
        let path = format!("/statehouse.{name}");
        let reply =
            Raw::connect(address).await.call(&path, &[], framed(b"").into()).await.expect("an answer");
        let case = Refused { name, grpc: tonic::Code::Unimplemented, code: code::UNIMPLEMENTED };
        expect(&case, reply.status.expect("a gRPC status"));
    }
    // The other listener does not have the method at all.
    let elsewhere = [(node.at.control, "data.v1.Data/Get"), (node.at.data, "control.v1.Control/Status")];
    for (address, name) in elsewhere {
        let path = format!("/statehouse.{name}");
        let reply =
            Raw::connect(address).await.call(&path, &[], framed(b"").into()).await.expect("an answer");
        let case = Refused { name, grpc: tonic::Code::Unimplemented, code: code::UNIMPLEMENTED };
        expect(&case, reply.status.expect("a gRPC status"));
    }
}

/// What no method ever sees.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_refused_in_our_words() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    let (data, control) = (Raw::connect(node.at.data).await, Raw::connect(node.at.control).await);
    let (garbage, mut huge, mut packed) = (framed(&[0xFF; 9]), framed(b""), framed(b"x"));
    (huge[1], packed[0]) = (0xFF, 1);
    let paths: Vec<&str> = METHODS.iter().map(|row| row.path).collect();
    for path in paths.into_iter().filter(|path| path.starts_with("/statehouse.")) {
        let raw = if path.contains(".data.") { &data } else { &control };
        for (name, body) in [("garbage", &garbage), ("a huge length", &huge), ("compressed", &packed)] {
            let reply = raw.call(path, &[], body.clone().into()).await.expect("an answer");
            let status = reply.status.expect("a gRPC status");
            assert!(!status.details().is_empty(), "{name} to {path}: {status:?}");
            let failure = Failure::from(status);
            assert!((2001..=2004).contains(&failure.number), "{name} to {path}: {failure}");
            assert!(!failure.hint.is_empty(), "{name} to {path}: {failure:?}");
        }
    }
    // Health speaks for itself: nobody knows this service.
    let reply = data.call("/grpc.health.v1.Health/Check", &[], framed(b"\x0a\x01x").into()).await;
    assert_eq!(reply.expect("an answer").code(), Some(tonic::Code::NotFound));
}

/// An upsert of one row that measures so many bytes, encoded.
pub fn upsert_of_bytes(table: &str, bytes: usize) -> UpsertRequest {
    let of = |length: usize| {
        let item =
            Item { key: Bytes::from_static(b"a"), value: Bytes::from(vec![b'x'; length]), ..Item::default() };
        talk::upsert_of(table, vec![item])
    };
    let rest = proto::encoded_len(&of(bytes)) - bytes;
    let request = of(bytes - rest);
    assert_eq!(proto::encoded_len(&request), bytes);
    request
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_just_within_the_bounds_is_taken() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    HASHED.create(&node).await;
    let mut data = talk::data(&node).await;
    let keys = ["k".to_owned(), "k".repeat(1024)];
    let items = keys.iter().map(|key| talk::item(key, "")).collect();
    data.upsert(talk::upsert_of("hashed", items)).await.expect("keys of 1 and of 1,024 bytes");
    let largest = upsert_of_bytes("hashed", 1 << 20);
    let value = largest.items[0].value.clone();
    data.upsert(largest).await.expect("1,048,576 bytes");
    let keys = [&keys[0][..], &keys[1][..], "a"];
    let read = data.get(talk::get_of("hashed", &keys)).await.expect("three rows").into_inner();
    assert_eq!(talk::values(read), [Some(Bytes::new()), Some(Bytes::new()), Some(value)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn items_that_nobody_holds_are_refused_alone() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = furnished(&Launch::server(dir.path())).await;
    let mut data = talk::data(&node).await;
    let items = vec![talk::item("z", "1"), talk::item("d", "2"), talk::item("a", "3")];
    let written = data.upsert(talk::upsert_of("sorted", items)).await.expect("one is held").into_inner();
    assert_eq!((written.receipts.len(), written.receipts[0].partition), (1, PART));
    let read = data.get(talk::get_of("sorted", &["z", "d", "a"])).await.expect("one is held").into_inner();
    for (at, held) in [false, true, false].into_iter().enumerate() {
        match (&written.results[at].outcome, &read.results[at].outcome) {
            (Some(item_result::Outcome::Applied(_)), Some(row_result::Outcome::Row(row))) if held => {
                assert_eq!(&row.value[..], b"2");
            }
            (Some(item_result::Outcome::Error(one)), Some(row_result::Outcome::Error(other))) if !held => {
                for error in [one, other] {
                    assert!(error.code == "SH2102" && !error.hint.is_empty(), "{error:?}");
                }
            }
            other => panic!("item {at}: {other:?}"),
        }
    }
}

/// Nobody waits any more when it arrives: it may not enter history.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_too_late_is_not_done() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = furnished(&Launch::server(dir.path())).await;
    let before = contents::of(&node, &ROWS).await;
    let raw = Raw::connect(node.at.data).await;
    let late = talk::upsert_of("hashed", vec![talk::item("a", "late")]);
    let body = framed(&prost::Message::encode_to_vec(&late));
    for _ in 0..100 {
        let headers = [("grpc-timeout", &b"0n"[..])];
        let reply = raw.call("/statehouse.data.v1.Data/Upsert", &headers, body.clone().into()).await;
        let (grpc, code) = (tonic::Code::DeadlineExceeded, code::DEADLINE_EXCEEDED);
        let case = Refused { name: "a deadline that has passed", grpc, code };
        expect(&case, reply.expect("an answer").status.expect("a gRPC status"));
    }
    assert_eq!(contents::of(&node, &ROWS).await, before);
}

/// A header, with one thing asked.
pub fn header(change: fn(&mut Header)) -> Option<Header> {
    let mut header = Header::default();
    change(&mut header);
    Some(header)
}
