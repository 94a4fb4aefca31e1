//! Tables as wholes while users are at work, and across kills.

use crate::process::{Launch, Node};
use crate::talk::Table;
use bytes::Bytes;
use client::{Client, Error};
use model::code;
use proto::control::{CopyTableRequest, DropTableRequest, ListTablesRequest, UndropTableRequest};
use proto::data::Item;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::task::JoinHandle;

const ROUNDS: usize = 6;

const TABLES: [Table; 3] = [
    Table::durable("rocks"),
    Table { store: "memory", partitions: 2, ..Table::durable("memory") },
    Table { log: "store", partitions: 1, ..Table::durable("journal") },
];

fn client(node: &Node) -> Client {
    let builder = Client::builder(node.at.data.to_string()).control(node.at.control.to_string());
    builder.build().expect("an address")
}

/// One that asks once: a node that was killed comes back elsewhere.
fn impatient(node: &Node) -> Client {
    let builder = Client::builder(node.at.data.to_string()).control(node.at.control.to_string());
    builder.retries(false).build().expect("an address")
}

/// Writes under one name or the other, whichever the table has, until it is told
/// to stop: what was acknowledged, and the last revision of each row.
struct User {
    stop: Arc<AtomicBool>,
    task: JoinHandle<BTreeMap<Bytes, (u64, Bytes)>>,
}

impl User {
    fn start(client: &Client, names: [String; 2]) -> User {
        let (stop, client) = (Arc::new(AtomicBool::new(false)), client.clone());
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let (mut acknowledged, mut at, mut number) = (BTreeMap::new(), 0, 0u64);
            while !stopped.load(Ordering::Relaxed) {
                number += 1;
                let (key, value) =
                    (Bytes::from(format!("key {}", number % 50)), Bytes::from(number.to_string()));
                match client.table(&names[at][..]).put(key.clone(), value.clone()).await {
                    Ok(written) => drop(acknowledged.insert(key, (written.revision, value))),
                    // It has the other name now; nothing else may happen.
                    Err(error) if error.is(code::NO_TABLE) => at = 1 - at,
                    Err(error) => panic!("{error}"),
                }
            }
            acknowledged
        });
        User { stop, task }
    }

    async fn end(self) -> BTreeMap<Bytes, (u64, Bytes)> {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("a user does not panic")
    }
}

async fn rows(client: &Client, table: &str) -> BTreeMap<Bytes, (u64, Bytes)> {
    let mut scan = client.table(table).scan(client::Scope::all());
    let mut rows = BTreeMap::new();
    while let Some(entry) = scan.next().await {
        let entry = entry.expect("a row");
        rows.insert(entry.key, (entry.row.revision, entry.row.value));
    }
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_is_renamed_and_copied_under_its_users() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    let client = client(&node);
    for table in TABLES {
        table.create(&node).await;
        let names = [table.name.to_owned(), format!("{}-renamed", table.name)];
        let user = User::start(&client, names.clone());
        let mut copies = Vec::new();
        for round in 0..ROUNDS {
            let [from, to] = if round % 2 == 0 { [0, 1] } else { [1, 0] }.map(|at: usize| names[at].clone());
            client.control().rename_table(&from, &to).await.expect("free");
            let new_name = format!("{}-copy-{round}", table.name);
            let request = CopyTableRequest { header: None, name: to, new_name: new_name.clone() };
            let copied = client.control().copy_table(request).await.expect("copied");
            let upto: u64 = copied.partitions.iter().map(|one| one.applied).max().expect("a partition");
            copies.push((new_name, upto));
        }
        let acknowledged = user.end().await;
        let found = rows(&client, &names[0]).await;
        assert!(!acknowledged.is_empty());
        for (key, written) in &acknowledged {
            assert_eq!(found.get(key), Some(written), "{}: {key:?}", table.name);
        }
        let mut before = 0;
        for (copy, upto) in copies {
            let rows = rows(&client, &copy).await;
            let last = rows.values().map(|(revision, _)| *revision).max().unwrap_or_default();
            assert!(last <= upto && upto >= before, "{copy}: {last}, of {upto}, after {before}");
            before = upto;
            let key = acknowledged.keys().next().expect("one was written").clone();
            let was = found[&key].0;
            let next = client.table(&copy[..]).put(key.clone(), "copy").await.expect("its own");
            let own = rows.get(&key).map_or(0, |(revision, _)| *revision);
            assert!(
                next.revision > own,
                "{copy}: {} after {own}, where the source is at {was}",
                next.revision
            );
        }
        assert_eq!(rows(&client, &names[0]).await, found, "what is done to copies is done to copies");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scan_that_has_begun_goes_on_under_the_new_name() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).set("limits.scan-rows-max=10").start().await;
    Table::durable("t").create(&node).await;
    let client = impatient(&node);
    let (count, value) = (4000, Bytes::from(vec![b'x'; 4000]));
    let item =
        |number: usize| Item { key: format!("{number}").into(), value: value.clone(), ..Item::default() };
    assert!(client.table("t").upsert((0..count).map(item)).await.iter().all(Result::is_ok));
    let mut scan = client.table("t").scan(client::Scope::all());
    scan.next().await.expect("a row").expect("a row");
    client.control().rename_table("t", "u").await.expect("free");
    let mut rest = 0;
    while let Some(row) = scan.next().await {
        row.expect("a row");
        rest += 1;
    }
    assert_eq!(rest + 1, count);
    assert!(client.table("t").get("1").await.is_err_and(|error| error.is(code::NO_TABLE)));
}

/// Kills the node while somebody renames, copies, drops and brings back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_leaves_every_table_whole_under_one_name_or_in_quarantine() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let launch = Launch::server(dir.path()).set("limits.log-segment-bytes=1MiB");
    let mut node = launch.start().await;
    for table in TABLES {
        table.create(&node).await;
        client(&node).table(table.name).put("k", table.name).await.expect("written");
    }
    for round in 0..ROUNDS {
        let operator = tokio::spawn(operate(impatient(&node), TABLES[round % TABLES.len()].name));
        // Changes are made one after another, and who looks at what was dropped
        // waits for his turn among them: so far into it.
        for _ in 0..round * 3 {
            let request = ListTablesRequest { dropped: true, ..ListTablesRequest::default() };
            client(&node).control().list_tables_of(request).await.expect("a list");
        }
        node.process.kill();
        // What it was answered, if it was, was broken off.
        let _ = operator.await.expect("an operator does not panic");
        node = launch.start().await;
        put_in_order(&client(&node)).await;
        for table in TABLES {
            let row = client(&node).table(table.name).get("k").await.expect("read").expect("written");
            assert_eq!(row.value, table.name, "round {round}");
        }
    }
}

fn drop_of(name: &str) -> DropTableRequest {
    DropTableRequest { name: name.to_owned(), with_partitions: true, ..DropTableRequest::default() }
}

async fn operate(client: Client, name: &str) -> Result<(), Error> {
    let control = client.control();
    loop {
        control.rename_table(name, "other").await?;
        control.drop_table(drop_of("other")).await?;
        let undrop =
            UndropTableRequest { name: "other".to_owned(), as_name: name.to_owned(), ..Default::default() };
        control.undrop_table(undrop).await?;
        let (name, new_name) = (name.to_owned(), "copy".to_owned());
        control.copy_table(CopyTableRequest { header: None, name, new_name }).await?;
        control.drop_table(drop_of("copy")).await?;
    }
}

/// Whatever step it was cut short at, the table is there under one of its names
/// or can be brought back, and so is a copy.
async fn put_in_order(client: &Client) {
    let control = client.control();
    let request = ListTablesRequest { dropped: true, ..ListTablesRequest::default() };
    let listed = control.list_tables_of(request).await.expect("a list");
    for one in control.list_partitions(None).await.expect("a list") {
        assert!(["serving", "quarantined"].contains(&&one.state[..]), "{one:?}");
    }
    let names: Vec<&str> = listed.tables.iter().map(|table| &table.name[..]).collect();
    let dropped: Vec<&str> =
        listed.dropped.iter().filter_map(|one| Some(&one.table.as_ref()?.name[..])).collect();
    let missing: Vec<&str> =
        TABLES.iter().map(|table| table.name).filter(|name| !names.contains(name)).collect();
    let is_other = |name: &&str| *name == "other";
    match missing[..] {
        [] => assert!(!names.iter().any(is_other) && !dropped.iter().any(is_other), "{listed:?}"),
        [name] if names.contains(&"other") => {
            control.rename_table("other", name).await.expect("free");
        }
        [name] => {
            let (from, to) = ("other".to_owned(), name.to_owned());
            let undrop = UndropTableRequest { name: from, as_name: to, ..Default::default() };
            control.undrop_table(undrop).await.expect("kept");
        }
        _ => panic!("{listed:?}"),
    }
    if names.contains(&"copy") {
        let row = client.table("copy").get("k").await.expect("read").expect("copied");
        assert!(!row.value.is_empty());
        control.drop_table(drop_of("copy")).await.expect("there");
    }
}
