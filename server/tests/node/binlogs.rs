//! What tables keep of what happens: events, nothing, or events and what rows
//! were before them.

use crate::process::{Launch, Node};
use crate::talk::{self, Table};
use client::{Client, Event, EventKind, PartitionId, Tailing, Watched, Watching};
use model::code;
use proto::control::{CreateTableRequest, Profile};

const TABLE: Table = Table { layout: "ordered", partitions: 1, ..Table::durable("") };

async fn create(node: &Node, name: &str, binlog: &str) -> PartitionId {
    let mut request = CreateTableRequest { name: name.to_owned(), ..TABLE.request() };
    request.profile.get_or_insert_default().binlog = binlog.to_owned();
    let made = talk::control(node).await.create_table(request).await.expect("a new table").into_inner();
    let Profile { binlog: has, .. } = made.table.unwrap_or_default().profile.unwrap_or_default();
    assert_eq!(has, if binlog.is_empty() { "on" } else { binlog });
    PartitionId(made.partitions[0])
}

fn client(node: &Node) -> Client {
    Client::builder(node.at.data.to_string()).build().expect("an address")
}

async fn change_a_row(node: &Node, table: &str) {
    let table = client(node).table(table);
    for value in ["first", "second"] {
        table.put("k", value).await.expect("written");
    }
    table.remove("k").await.expect("removed");
}

/// What is told of it from the beginning.
async fn told(node: &Node, partition: PartitionId, before: bool) -> Result<Vec<Event>, client::Error> {
    let tailing = Tailing::from(1).before(before).ends(true);
    let mut tail = client(node).tail(partition, tailing);
    let mut events = Vec::new();
    while let Some(page) = tail.next().await {
        events.extend(page?.events);
    }
    Ok(events)
}

/// What happened, and revision and value of the row before.
type Shape<'a> = (EventKind, Option<(u64, &'a [u8])>);

fn shape(event: &Event) -> Shape<'_> {
    (event.kind, event.before.as_ref().map(|row| (row.revision, &row.value[..])))
}

fn shapes(events: &[Event]) -> Vec<Shape<'_>> {
    events.iter().map(shape).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_table_keeps_what_it_was_told_to_and_says_what_it_lacks() {
    use EventKind::{Put, Removed};
    let dir = tempfile::tempdir().expect("a scratch directory");
    let launch = Launch::server(dir.path());
    let mut node = launch.start().await;
    let on = create(&node, "on", "").await;
    let off = create(&node, "off", "off").await;
    let previous = create(&node, "previous", "previous").await;
    for table in ["on", "off", "previous"] {
        change_a_row(&node, table).await;
    }
    let all: [Shape<'_>; 3] = [(Put, None), (Put, Some((1, b"first"))), (Removed, Some((2, b"second")))];
    let without = all.map(|(kind, _)| (kind, None));
    // The node makes the same rows of the same records again.
    for _ in 0..2 {
        assert_eq!(shapes(&told(&node, previous, true).await.expect("kept")), all);
        assert_eq!(shapes(&told(&node, previous, false).await.expect("kept")), without);
        assert_eq!(shapes(&told(&node, on, false).await.expect("kept")), without);
        for (table, partition, before) in [("on", on, true), ("off", off, false), ("off", off, true)] {
            let error = told(&node, partition, before).await.expect_err("not kept");
            assert!(error.is(code::NO_EVENTS) && !error.is_retryable(), "{error}");
            let mut watch = client(&node).table(table).watch(Watching::all().before(before));
            let error = loop {
                match watch.next().await.expect("an error before the end") {
                    Ok(Watched::Ready | Watched::Events(_)) => {}
                    Ok(other) => panic!("{table}: {other:?}"),
                    Err(error) => break error,
                }
            };
            assert!(error.is(code::NO_EVENTS), "{table}: {error}");
        }
        node.process.kill();
        node = launch.start().await;
    }
}
