//! Watches, tails and views of a node: each event once and in order, whoever
//! writes, and whatever becomes of the node; and what is told when that cannot be.

mod writers;

use crate::process::{Launch, Node};
use crate::talk::{self, Table};
use bytes::Bytes;
use client::{
    Client, Error, EventKind, PartitionId, Position, Positions, Scope, Tailing, View, Watch, Watched,
    Watching,
};
use model::{BootId, code};
use proto::control::RemovePartitionRequest;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use writers::{Ledger, Told, Writers};

const HASHED: Table = Table::durable("h");
const ORDERED: Table = Table { layout: "ordered", partitions: 1, ..Table::durable("o") };
const MEMORY: Table = Table { store: "memory", ..Table::durable("m") };

/// One that waits for a node that is away.
fn client(at: SocketAddr) -> Client {
    let patient = Client::builder(at.to_string()).deadline(Duration::from_secs(60));
    patient.build().expect("an address")
}

/// The next thing that is told.
async fn next(watch: &mut Watch) -> Watched {
    watch.next().await.expect("no end").expect("no error")
}

/// One that has begun.
async fn begun(table: &client::Table, watching: Watching) -> Watch {
    let mut watch = table.watch(watching);
    assert_eq!(next(&mut watch).await, Watched::Ready);
    watch
}

/// Listens until all that the writers did has been told, and no longer.
async fn hear(watch: &mut Watch, ledger: &Ledger) -> Vec<Told> {
    let mut told = Vec::new();
    while !ledger.is_reached(watch.positions().expect("it is ready")) {
        match next(watch).await {
            Watched::Events(events) => told.extend(writers::told(&events)),
            other => panic!("not after it was ready: {other:?}"),
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_many_write_is_told_once_and_in_order() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    for table in [HASHED, ORDERED, MEMORY] {
        table.create(&node).await;
        let watched = client(node.at.data).table(table.name);
        let mut watch = begun(&watched, Watching::all()).await;
        let mut some = begun(&watched, Watching::prefix("writer-1/")).await;
        let begins = watch.positions().expect("it is ready").clone();
        let writers = Writers::start(&client(node.at.data), table.name, 4, 150);
        let ledger = writers.end().await;
        let told = hear(&mut watch, &ledger).await;
        ledger.compare(&told, |_| true);
        let of_one = hear(&mut some, &ledger).await;
        ledger.compare(&of_one, |key| key.starts_with(b"writer-1/"));
        // The same from behind where the first began, and partition by partition.
        let mut again = begun(&watched, Watching::all().behind(begins.clone())).await;
        ledger.compare(&hear(&mut again, &ledger).await, |_| true);
        let mut all = Vec::new();
        for begin in begins.iter() {
            let mut tail = client(node.at.data).tail(begin.partition, Tailing::behind(begin).ends(true));
            while let Some(events) = tail.next().await {
                all.extend(writers::told(&events.expect("kept")));
            }
        }
        ledger.compare(&all, |_| true);
    }
}

/// A node on an address that it keeps.
async fn start_at(dir: &Path, at: Option<SocketAddr>) -> Node {
    let launch = Launch::server(dir);
    match at {
        Some(at) => launch.set(&format!("listen.data={at}")).start().await,
        None => launch.start().await,
    }
}

/// Killed, and ended in order, while writers write and a watch, a tail and a view
/// follow: none of them misses anything, or hears it twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_who_follows_misses_or_repeats_anything_when_the_node_is_killed() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let mut node = start_at(dir.path(), None).await;
    let (at, partitions) = (node.at.data, HASHED.create(&node).await);
    let table = client(at).table(HASHED.name);
    let mut watch = begun(&table, Watching::all()).await;
    let begins = watch.positions().expect("it is ready").clone();
    let partition = PartitionId(partitions[0]);
    let mut tail = client(at).tail(partition, Tailing::from(begins.get(partition).expect("named") + 1));
    let view = View::follow(&table, Watching::all());
    let writers = Writers::start(&client(at), HASHED.name, 4, 200);
    for (kill, acknowledged) in [(true, 150), (false, 150), (true, 150)] {
        writers.acknowledged(acknowledged).await;
        if kill {
            node.process.kill();
        } else {
            node.process.signal("TERM");
            node.process.end().await;
        }
        node = start_at(dir.path(), Some(at)).await;
    }
    let ledger = writers.end().await;
    ledger.compare(&hear(&mut watch, &ledger).await, |_| true);
    let mut tailed = Vec::new();
    while tail.position().map(|at| at.index) < ledger.last(partition) {
        tailed.extend(writers::told(&tail.next().await.expect("no end").expect("no error")));
    }
    ledger.of(partition).compare(&tailed, |_| true);
    shows_the_table(&view, &table, &ledger).await;
    assert_eq!(view.refills(), 0, "a break alone fills nothing anew");
}

/// A view has come to where the writers have, and is what the table is.
async fn shows_the_table(view: &View, table: &client::Table, ledger: &Ledger) {
    for receipt in ledger.receipts() {
        view.reaches(&receipt).await.expect("it follows");
    }
    let mut rows = BTreeMap::new();
    let mut scan = table.scan(Scope::all());
    while let Some(entry) = scan.next().await {
        let entry = entry.expect("a row");
        rows.insert(entry.key, (entry.row.revision, entry.row.value));
    }
    let shown = view.range(b"", b"").into_iter().map(|(key, row)| (key, (row.revision, row.value)));
    assert_eq!(shown.collect::<BTreeMap<_, _>>(), rows);
    assert!(view.age().is_some() && !rows.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_as_they_are_and_what_follows_are_the_table() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    for table in [HASHED, ORDERED, MEMORY] {
        table.create(&node).await;
        let followed = client(node.at.data).table(table.name);
        let before: Vec<_> = (0..3000).map(|n| talk::item(format!("writer-0/{n}"), [b'v'; 200])).collect();
        assert!(followed.upsert(before).await.iter().all(Result::is_ok));
        let writers = Writers::start(&client(node.at.data), table.name, 4, 100);
        let views = [Watching::all(), Watching::all(), Watching::all()];
        let views = views.map(|watching| View::follow(&followed, watching));
        let part = View::follow(&followed, Watching::range("writer-1/", "writer-2/"));
        for view in &views {
            view.ready().await.expect("filled");
        }
        let ledger = writers.end().await;
        for view in &views {
            shows_the_table(view, &followed, &ledger).await;
        }
        for receipt in ledger.receipts() {
            part.reaches(&receipt).await.expect("it follows");
        }
        let within = views[0].range(b"writer-1/", b"writer-2/");
        assert!(!within.is_empty() && part.range(b"", b"") == within, "{}: {} rows", table.name, part.len());
    }
}

/// Connections that are let go every few milliseconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_goes_on_from_connection_to_connection() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).set("connections.age-max=20ms").start().await;
    HASHED.create(&node).await;
    let mut watch = begun(&client(node.at.data).table(HASHED.name), Watching::all()).await;
    let ledger = Writers::start(&client(node.at.data), HASHED.name, 2, 100).end().await;
    ledger.compare(&hear(&mut watch, &ledger).await, |_| true);
}

/// Nothing of this partition was seen, and nobody says of which boot.
fn beginning(partition: u64) -> Position {
    Position { partition: PartitionId(partition), boot: BootId(0), index: 0 }
}

/// The error that comes next but marks and what was under way.
async fn end_of(watch: &mut Watch) -> Error {
    loop {
        match watch.next().await.expect("an error before the end") {
            Ok(_) => {}
            Err(error) => return error,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_longer_kept_is_told_with_what_is() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let small = ["limits.binlog-bytes-max=64KiB", "limits.trim-rows-max=8"];
    let node = small.into_iter().fold(Launch::server(dir.path()), Launch::set).start().await;
    let partitions = HASHED.create(&node).await;
    let client = client(node.at.data);
    let table = client.table(HASHED.name);
    let busy = table.put("k", "v").await.expect("written").receipt.partition;
    for _ in 0..400 {
        table.put("k", vec![b'v'; 400]).await.expect("written");
    }
    let mut tail = client.tail(busy, Tailing::from(1));
    let error = tail.next().await.expect("an error").expect_err("it is gone");
    assert!(error.is(code::COMPACTED) && !error.is_retryable(), "{error}");
    let first = error.first_kept().expect("something is kept");
    let just_gone = client.tail(busy, Tailing::from(first - 1)).next().await.expect("an answer");
    assert!(just_gone.expect_err("it is gone").is(code::COMPACTED));
    // What is given up while we look is behind that, and never the last.
    let last = table.put("k", "last").await.expect("written").receipt.index;
    let events = client.tail(busy, Tailing::from(last).ends(true)).next().await;
    let events = events.expect("an answer").expect("it is kept");
    assert_eq!(events.events.first().map(|event| event.index), Some(last));
    // Of a watch, too, though nothing ails its other partitions.
    let mut behind = Positions::new();
    partitions.iter().for_each(|partition| behind.set(beginning(*partition)));
    let error = end_of(&mut table.watch(Watching::all().behind(behind))).await;
    assert!(error.is(code::COMPACTED) && error.first_kept() >= Some(first), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_ahead_of_its_partition_is_refused() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    ORDERED.create(&node).await;
    let client = client(node.at.data);
    let table = client.table(ORDERED.name);
    let receipt = table.put("k", "v").await.expect("written").receipt;
    let (partition, index) = (receipt.partition, receipt.index);
    for ahead in [index + 2, u64::MAX] {
        let mut tail = client.tail(partition, Tailing::from(ahead));
        let error = tail.next().await.expect("an answer").expect_err("nothing is there");
        assert!(error.is(code::FROM_FUTURE), "{error}");
        let behind: Positions = format!("{partition}:{}", ahead - 1).parse().expect("positions");
        let error = end_of(&mut table.watch(Watching::all().behind(behind))).await;
        assert!(error.is(code::FROM_FUTURE), "{error}");
    }
    let mut tail = client.tail(partition, Tailing::from(index + 1).ends(true));
    let mark = tail.next().await.expect("a mark").expect("it is where the partition is");
    assert!(mark.is_mark() && mark.is_all && mark.at.index == index, "{mark:?}");
    assert_eq!(tail.next().await, None);
    // Of another table, and of nobody.
    let error = end_of(&mut table.watch(Watching::all().behind("99:1".parse().expect("positions")))).await;
    assert!(error.is(code::NO_PARTITION), "{error}");
    let error = client.tail(PartitionId(99), Tailing::now()).next().await.expect("an answer");
    assert!(error.expect_err("nobody").is(code::NO_PARTITION));
}

/// A table without a log forgets, and its indexes are given to other commands: who
/// followed is told so, and a view is filled anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_that_is_lost_is_not_taken_for_the_one_that_follows() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let forgetful = Table { log: "none", ..MEMORY };
    let mut node = start_at(dir.path(), None).await;
    let at = node.at.data;
    forgetful.create(&node).await;
    let table = client(at).table(forgetful.name);
    let mut watch = begun(&table, Watching::all()).await;
    let ledger = Writers::start(&client(at), forgetful.name, 2, 50).end().await;
    hear(&mut watch, &ledger).await;
    let view = View::follow(&table, Watching::all());
    view.ready().await.expect("filled");
    node.process.kill();
    let node = start_at(dir.path(), Some(at)).await;
    let ledger = Writers::start(&client(at), forgetful.name, 2, 200).end().await;
    let error = end_of(&mut watch).await;
    assert!(error.is(code::FROM_FUTURE), "{error}");
    shows_the_table(&view, &table, &ledger).await;
    assert!(view.refills() > 0);
    drop(node);
}

/// Ten times as much happens as is kept, while somebody who watches takes nothing:
/// the node holds a little of it for him, and tells him that the rest is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_listen_is_held_little_and_told_so() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).set("limits.binlog-bytes-max=4MiB").start().await;
    ORDERED.create(&node).await;
    let table = client(node.at.data).table(ORDERED.name);
    let mut watch = begun(&table, Watching::all()).await;
    let value = Bytes::from(vec![b'v'; 10_000]);
    for round in 0..40 {
        let items = (0..100).map(|n| talk::item(format!("{round}-{n}"), &value)).collect::<Vec<_>>();
        assert!(table.upsert(items).await.iter().all(Result::is_ok));
    }
    let mut bytes = 0;
    let error = loop {
        match watch.next().await.expect("an error before the end") {
            Ok(Watched::Events(events)) => {
                bytes += events.events.iter().map(|event| event.value.len()).sum::<usize>();
            }
            Ok(other) => panic!("not after it was ready: {other:?}"),
            Err(error) => break error,
        }
    };
    assert!(error.is(code::COMPACTED), "{error}");
    assert!(bytes < 12_000_000, "{bytes} bytes were under way for who took nothing");
    let seen = watch.positions().and_then(|seen| seen.iter().next()).expect("it was ready");
    let first = error.first_kept().expect("something is kept");
    assert!(seen.index + 1 < first, "{seen:?} {first}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_nobody_holds_are_not_passed_over() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    let partitions = HASHED.create(&node).await;
    let table = client(node.at.data).table(HASHED.name);
    let mut watch = begun(&table, Watching::all()).await;
    let remove = RemovePartitionRequest { id: partitions[2], ..RemovePartitionRequest::default() };
    talk::control(&node).await.remove_partition(remove).await.expect("removed");
    let error = end_of(&mut watch).await;
    assert!(error.is(code::NO_PARTITION), "{error}");
    let error = end_of(&mut table.watch(Watching::all())).await;
    assert!(error.is(code::NO_PARTITION), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_machines_tell_is_told_under_their_keys() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    let counters = Table { machine: "counter", ..Table::durable("c") };
    counters.create(&node).await;
    let client = client(node.at.data);
    let mut watch = begun(&client.table("c"), Watching::all()).await;
    let added = client.counter("c").add("hits", 3).await.expect("added");
    let event = loop {
        if let Watched::Events(events) = next(&mut watch).await
            && let Some(event) = events.events.into_iter().next()
        {
            break event;
        }
    };
    assert_eq!((event.kind, &event.key[..], event.index), (EventKind::Told, &b"hits"[..], added.revision));
    // It has no rows to begin with.
    let error = end_of(&mut client.table("c").watch(Watching::all().with_rows())).await;
    assert!(error.is(code::OTHER_MACHINE), "{error}");
}
