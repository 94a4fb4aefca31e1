//! What is in one namespace is not there for whoever asks from another: by no
//! call that names a table or a partition, and in no list.

use crate::contents;
use crate::process::{Launch, Node};
use crate::raw::{Raw, framed};
use crate::talk::{self, Table};
use client::Client;
use model::{Code, code};
use prost::Message;
use prost_types::FileDescriptorSet;
use proto::Failure;
use proto::common::{Header, OpId};
use proto::control::*;
use proto::data::stream_request::Request as OnStream;
use proto::data::stream_response::Response as FromStream;
use proto::data::*;
use std::collections::BTreeSet;

/// Ordered, one partition: [`WHOLE`].
const TABLE: Table = Table { layout: "ordered", partitions: 1, ..Table::durable("t") };
const WHOLE: u64 = 1;
/// Another table's, in quarantine.
const QUARANTINED: u64 = 2;
/// Dropped with its partition.
const GONE: Table = Table { name: "gone", ..TABLE };

/// A field of a request that bears one of these names says what it is about.
const NAMES: [&str; 7] = ["table", "tables", "name", "partition", "id", "left", "right"];
/// It names what is not there yet.
const MAKES: &str = "control.v1.Control/CreateTable";

/// A call about something of [`TABLE`]'s namespace, and how it is refused where
/// that is not there.
struct Row {
    path: &'static str,
    message: Vec<u8>,
    code: Code,
}

fn row(path: &'static str, message: impl Message, code: Code) -> Row {
    Row { path, message: message.encode_to_vec(), code }
}

fn header(namespace: &str) -> Option<Header> {
    // What is a stream one day ends by itself.
    Some(Header { namespace: namespace.to_owned(), deadline_ms: 2000, ..Header::default() })
}

/// What can go on a `Stream`, by its name there.
fn on_stream(namespace: &str) -> Vec<(&'static str, OnStream)> {
    let (header, table) = (header(namespace), TABLE.name.to_owned());
    let (keys, items) = (vec!["k".into()], vec![talk::item("k", "changed")]);
    let get = GetRequest { header: header.clone(), table: table.clone(), keys: keys.clone() };
    let upsert =
        UpsertRequest { header: header.clone(), table: table.clone(), items, ..UpsertRequest::default() };
    let remove = RemoveRequest { header: header.clone(), table: table.clone(), keys, ..Default::default() };
    let command = MachineCommand { key: "k".into(), ..MachineCommand::default() };
    let apply = ApplyRequest { header: header.clone(), table: table.clone(), commands: vec![command] };
    let query = QueryRequest { header, table, key: "k".into(), ..QueryRequest::default() };
    vec![
        ("get", OnStream::Get(get)),
        ("upsert", OnStream::Upsert(upsert)),
        ("remove", OnStream::Remove(remove)),
        ("apply", OnStream::Apply(apply)),
        ("query", OnStream::Query(query)),
    ]
}

fn data_rows(namespace: &str) -> Vec<Row> {
    let (own, table) = (|| header(namespace), || TABLE.name.to_owned());
    let mut client = vec![7; 16];
    client[6] = 0x70;
    let op = Some(OpId { client: client.into(), sequence: 1 });
    let single = on_stream(namespace).into_iter().map(|(name, request)| match request {
        OnStream::Get(request) => (name, row("data.v1.Data/Get", request, code::NO_TABLE)),
        OnStream::Upsert(request) => (name, row("data.v1.Data/Upsert", request, code::NO_TABLE)),
        OnStream::Remove(request) => (name, row("data.v1.Data/Remove", request, code::NO_TABLE)),
        OnStream::Apply(request) => (name, row("data.v1.Data/Apply", request, code::NO_TABLE)),
        OnStream::Query(request) => (name, row("data.v1.Data/Query", request, code::NO_TABLE)),
    });
    let scan = ScanRequest { header: own(), table: table(), ..ScanRequest::default() };
    let outcome = OutcomeRequest { header: own(), table: table(), key: "k".into(), op };
    let watch = WatchRequest { header: own(), table: table(), ..WatchRequest::default() };
    let tail = TailRequest { header: own(), partition: WHOLE, from: 1, ends: true, ..Default::default() };
    let map = WatchMapRequest { header: own(), tables: vec![table()], ends: true };
    let others = [
        row("data.v1.Data/Scan", scan, code::NO_TABLE),
        row("data.v1.Data/Outcome", outcome, code::NO_TABLE),
        row("data.v1.Data/Watch", watch, code::NO_TABLE),
        row("data.v1.Data/Tail", tail, code::NO_PARTITION),
        row("data.v1.Data/WatchMap", map, code::NO_TABLE),
    ];
    single.map(|(_, row)| row).chain(others).collect()
}

#[rustfmt::skip] // a call is a line or two: what is asked, how it is refused
fn control_rows(namespace: &str) -> Vec<Row> {
    let (own, table) = (|| header(namespace), || TABLE.name.to_owned());
    let (gone, new) = (GONE.name.to_owned(), || "new".to_owned());
    vec![
        row("control.v1.Control/Scrub",
            ScrubRequest { header: own(), table: table(), partition: 0 }, code::NO_TABLE),
        row("control.v1.Control/ListPartitions",
            ListPartitionsRequest { header: own(), table: table(), ..Default::default() }, code::NO_TABLE),
        row("control.v1.Control/AddPartition",
            AddPartitionRequest { header: own(), table: table(), ..Default::default() }, code::NO_TABLE),
        row("control.v1.Control/EraseQuarantined",
            EraseQuarantinedRequest { header: own(), id: QUARANTINED, early: true }, code::NOT_QUARANTINED),
        row("control.v1.Control/UndropTable",
            UndropTableRequest { header: own(), name: gone, ..Default::default() }, code::NOT_DROPPED),
        row("control.v1.Control/CopyTable",
            CopyTableRequest { header: own(), name: table(), new_name: new() }, code::NO_TABLE),
        row("control.v1.Control/AlterTable",
            AlterTableRequest { header: own(), name: table(), new_name: table(), profile: None },
            code::NO_TABLE),
        row("control.v1.Control/Snapshot",
            SnapshotRequest { header: own(), partition: WHOLE, directory: new() }, code::NO_PARTITION),
        row("control.v1.Control/Split",
            SplitRequest { header: own(), partition: WHOLE, at: "m".into() }, code::NO_PARTITION),
        row("control.v1.Control/Merge",
            MergeRequest { header: own(), left: WHOLE, right: WHOLE }, code::NO_PARTITION),
        row("control.v1.Control/Move",
            MoveRequest { header: own(), partition: WHOLE, to_node: 9 }, code::NO_PARTITION),
        row("control.v1.Control/Transfer",
            TransferRequest { header: own(), partition: WHOLE, to_node: 9 }, code::NO_PARTITION),
        row("control.v1.Control/RemovePartition",
            RemovePartitionRequest { header: own(), id: WHOLE, ..Default::default() }, code::NO_PARTITION),
        row("control.v1.Control/DropTable",
            DropTableRequest { header: own(), name: table(), with_partitions: true }, code::NO_TABLE),
    ]
}

/// How the node answers: with which error, if with one.
async fn answer(node: &Node, row: &Row) -> Option<Failure> {
    let address = if row.path.starts_with("data.") { node.at.data } else { node.at.control };
    let path = format!("/statehouse.{}", row.path);
    let reply = Raw::connect(address).await.call(&path, &[], framed(&row.message).into()).await;
    let status = reply.expect("an answer").status.expect("a gRPC status");
    (status.code() != tonic::Code::Ok).then(|| Failure::from(status))
}

/// The same on a `Stream`: the code of the error in its answer.
async fn answer_on_stream(node: &Node, request: OnStream) -> Option<String> {
    let request = StreamRequest { sequence: 1, request: Some(request) };
    let answers = talk::data(node).await.stream(tokio_stream::once(request)).await.expect("a stream");
    let answer = answers.into_inner().message().await.expect("an answer").expect("an answer");
    match answer.response {
        Some(FromStream::Error(error)) => Some(error.code),
        _ => None,
    }
}

/// Methods whose requests say what they are about, and what can go on a stream.
fn methods_that_name_something() -> BTreeSet<String> {
    let schema = FileDescriptorSet::decode(proto::DESCRIPTORS).expect("our own");
    let messages = || schema.file.iter().flat_map(|file| file.message_type.iter().map(move |m| (file, m)));
    let fields = |full: &str| {
        let own =
            messages().find(|(file, message)| full == format!(".{}.{}", file.package(), message.name()));
        own.map(|(_, message)| message.field.clone()).unwrap_or_default()
    };
    let mut named = BTreeSet::new();
    for file in schema.file.iter().filter(|file| file.package().starts_with("statehouse.")) {
        let package = file.package().trim_start_matches("statehouse.");
        for (service, method) in file.service.iter().flat_map(|s| s.method.iter().map(move |m| (s, m))) {
            let path = format!("{package}.{}/{}", service.name(), method.name());
            for field in fields(method.input_type()) {
                if NAMES.contains(&field.name()) {
                    named.insert(path.clone());
                }
                if method.client_streaming() && field.oneof_index.is_some() {
                    named.insert(format!("{path}/{}", field.name()));
                }
            }
        }
    }
    named
}

/// A node with a table in the usual namespace, a partition of another in
/// quarantine, and one that was dropped.
async fn furnished(launch: &Launch) -> Node {
    let node = launch.start().await;
    assert_eq!(TABLE.create(&node).await, [WHOLE]);
    assert_eq!(Table { name: "rest", ..TABLE }.create(&node).await, [QUARANTINED]);
    GONE.create(&node).await;
    let mut control = talk::control(&node).await;
    let remove = RemovePartitionRequest { id: QUARANTINED, ..Default::default() };
    control.remove_partition(remove).await.expect("it is there");
    let drop = DropTableRequest { name: GONE.name.to_owned(), with_partitions: true, ..Default::default() };
    control.drop_table(drop).await.expect("it is there");
    let mut data = talk::data(&node).await;
    data.upsert(talk::upsert_of(TABLE.name, vec![talk::item("k", "v")])).await.expect("written");
    node
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_reaches_into_another_namespace() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = furnished(&Launch::server(dir.path())).await;
    let rows = |namespace| data_rows(namespace).into_iter().chain(control_rows(namespace));
    let mut asked: BTreeSet<String> = rows("other").map(|row| row.path.to_owned()).collect();
    asked.extend(on_stream("other").iter().map(|(name, _)| format!("data.v1.Data/Stream/{name}")));
    asked.insert(MAKES.to_owned());
    assert_eq!(asked, methods_that_name_something(), "each needs a row here");
    let before = contents::of(&node, &[(TABLE.name, &["k"])]).await;
    let is_missing = |failure: &Failure| failure.is(code::UNIMPLEMENTED);
    for row in rows("other") {
        let failure = answer(&node, &row).await.unwrap_or_else(|| panic!("{} was done", row.path));
        assert!(failure.is(row.code) || is_missing(&failure), "{}: {failure}", row.path);
    }
    for (name, request) in on_stream("other") {
        let refused = answer_on_stream(&node, request).await;
        assert_eq!(refused, Some(code::NO_TABLE.to_string()), "Stream/{name}");
    }
    assert_eq!(contents::of(&node, &[(TABLE.name, &["k"])]).await, before);
    // Where it is at home, each of them finds what it names.
    for (name, request) in on_stream("") {
        let refused = answer_on_stream(&node, request).await;
        assert_ne!(refused, Some(code::NO_TABLE.to_string()), "Stream/{name}");
    }
    for row in rows("default") {
        if let Some(failure) = answer(&node, &row).await {
            assert!(!failure.is(row.code), "{}: {failure}", row.path);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_of_one_name_are_two() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    let client = |namespace: &str| {
        let builder = Client::builder(node.at.data.to_string()).control(node.at.control.to_string());
        builder.namespace(namespace).build().expect("an address")
    };
    let spaces = ["default", "one", "two"];
    for space in spaces {
        let (client, keys) = (client(space), ["shared".to_owned(), format!("of {space}")]);
        client.control().create_table(TABLE.request()).await.expect("nobody here has the name");
        for key in keys {
            client.table("t").put(key, space.to_owned()).await.expect("written");
        }
    }
    for (at, space) in spaces.into_iter().enumerate() {
        let (client, control) = (client(space), client(space).control());
        let row = client.table("t").get("shared").await.expect("read").expect("written");
        assert_eq!(row.value, space);
        let mut scan = client.table("t").scan(client::Scope::all());
        let mut keys = Vec::new();
        while let Some(entry) = scan.next().await {
            keys.push(entry.expect("a row").key);
        }
        assert_eq!(keys, [format!("of {space}"), "shared".to_owned()]);
        let tables = control.list_tables().await.expect("a list");
        assert!(tables.len() == 1 && tables[0].namespace == space, "{tables:?}");
        let partitions = control.list_partitions(None).await.expect("a list");
        assert!(partitions.len() == 1 && partitions[0].id == at as u64 + 1, "{partitions:?}");
        let all = ListTablesRequest { all_namespaces: true, ..Default::default() };
        assert_eq!(control.list_tables_of(all).await.expect("a list").tables.len(), 3);
        let all = ListPartitionsRequest { all_namespaces: true, ..Default::default() };
        assert_eq!(control.list_partitions_of(all).await.expect("a list").len(), 3);
    }
    // What is done to one does nothing to the others.
    let one = client("one").control();
    one.rename_table("t", "u").await.expect("free here");
    let drop = DropTableRequest { name: "u".to_owned(), with_partitions: true, ..Default::default() };
    one.drop_table(drop).await.expect("there").expect("with a partition");
    for (space, dropped) in [("default", 0), ("one", 1), ("two", 0)] {
        let request = ListTablesRequest { dropped: true, ..Default::default() };
        let listed = client(space).control().list_tables_of(request).await.expect("a list");
        assert_eq!((listed.tables.len(), listed.dropped.len()), (1 - dropped, dropped), "{space}");
        let row = client(space).table("t").get("shared").await;
        assert_eq!(row.is_ok(), dropped == 0, "{space}: {row:?}");
    }
}
