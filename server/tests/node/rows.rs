//! Whatever our own client can be asked for, however much it is, comes back.

use crate::process::{Launch, Node};
use crate::talk::{self, Table};
use bytes::Bytes;
use client::Client;
use proto::control::{AddPartitionRequest, Range, RemovePartitionRequest};
use proto::data::Item;
use tokio::task::JoinSet;

const TABLE: Table = Table::durable("t");

fn client(node: &Node) -> client::Table {
    let client = Client::builder(node.at.data.to_string()).build().expect("an address");
    client.table(TABLE.name)
}

fn key(number: usize) -> Bytes {
    Bytes::from(format!("key {number}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_items_than_a_request_has_go_in_several() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    TABLE.create(&node).await;
    let table = client(&node);
    let count = 20_000;
    let items = (0..count).map(|number| Item { key: key(number), value: key(number), ..Item::default() });
    assert!(table.upsert(items).await.iter().all(Result::is_ok));
    let read = table.get_many((0..count).map(key)).await;
    assert_eq!(read.len(), count);
    for (number, row) in read.into_iter().enumerate() {
        assert_eq!(row.expect("read").expect("written").value, key(number));
    }
    let removed = table.remove_many((0..count).map(key)).await;
    assert!(removed.len() == count && removed.iter().all(Result::is_ok));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_too_large_for_one_answer_come_in_several() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).set("limits.read-bytes-max=4MiB").start().await;
    TABLE.create(&node).await;
    let table = client(&node);
    // All of one partition's may be too many, and all of all together.
    let (count, value) = (24, Bytes::from(vec![b'x'; 1_000_000]));
    for number in 0..count {
        table.put(key(number), value.clone()).await.expect("written");
    }
    let is_whole =
        |row: Result<Option<client::Row>, client::Error>| row.expect("read").expect("written").value == value;
    assert!(table.get_many((0..count).map(key)).await.into_iter().all(is_whole));
    // Those that wait while the first travels share a message.
    let (batcher, mut reads) = (table.batcher(), JoinSet::new());
    for number in 0..count {
        let batcher = batcher.clone();
        reads.spawn(async move { batcher.get(key(number)).await });
    }
    assert!(reads.join_all().await.into_iter().all(is_whole));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_too_large_for_one_answer_of_one_partition_come_in_several() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).set("limits.read-bytes-max=4MiB").start().await;
    let ordered = Table { layout: "ordered", partitions: 1, ..TABLE };
    let whole = ordered.create(&node).await[0];
    let mut control = talk::control(&node).await;
    let remove = RemovePartitionRequest { id: whole, ..RemovePartitionRequest::default() };
    control.remove_partition(remove).await.expect("it is there");
    for (start, end) in [("", "m"), ("m", "")] {
        let range = Some(Range { start: start.into(), end: end.into() });
        let add = AddPartitionRequest { table: TABLE.name.to_owned(), range, ..Default::default() };
        control.add_partition(add).await.expect("nobody has those keys");
    }
    let table = client(&node);
    // One side has too many bytes by itself, the other next to none.
    let mut keys: Vec<Bytes> = (0..10).map(key).collect();
    keys.push(Bytes::from("z"));
    for key in &keys {
        let value = vec![b'x'; if key == "z" { 1 } else { 1_000_000 }];
        table.put(key.clone(), value).await.expect("written");
    }
    for (key, row) in keys.clone().into_iter().zip(table.get_many(keys).await) {
        let bytes = row.expect("read").expect("written").value.len();
        assert_eq!(bytes, if key == "z" { 1 } else { 1_000_000 }, "{key:?}");
    }
}
