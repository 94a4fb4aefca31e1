//! Rows that last for a while: they end, and that is told; touching them gives
//! them time; a node that is away in between changes nothing of that.

use crate::process::Launch;
use crate::talk::Table;
use client::{Change, Client, Condition, Event, EventKind, Watch, Watched, Watching};
use model::code;
use std::time::Duration;

const TABLE: Table = Table { layout: "ordered", partitions: 1, ..Table::durable("t") };
const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(100);

fn table(node: &crate::process::Node) -> client::Table {
    Client::builder(node.at.data.to_string()).build().expect("an address").table(TABLE.name)
}

async fn begun(table: &client::Table, watching: Watching) -> Watch {
    let mut watch = table.watch(watching);
    assert_eq!(watch.next().await.expect("no end").expect("no error"), Watched::Ready);
    watch
}

/// All that is told until this row's time has ended. On a slow day more comes with
/// it.
async fn until_expired(watch: &mut Watch, key: &str) -> Vec<(EventKind, String)> {
    let mut told: Vec<(EventKind, String)> = Vec::new();
    let word = |event: Event| (event.kind, String::from_utf8_lossy(&event.key).into_owned());
    while !told.contains(&(EventKind::Expired, key.to_owned())) {
        if let Watched::Events(events) = watch.next().await.expect("no end").expect("no error") {
            told.extend(events.events.into_iter().map(word));
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_ends_and_that_is_told_unless_it_is_touched() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    TABLE.create(&node).await;
    let table = table(&node);
    let mut watch = begun(&table, Watching::all()).await;
    let forever = table.put("stays", "v").await.expect("written");
    for key in ["touched", "forever", "ends"] {
        table.change(Change::put_for(key, "v", SHORT)).await.expect("written");
    }
    let touched = table.touch("touched", Some(LONG)).await.expect("it is there");
    table.touch("forever", None).await.expect("it is there");
    // Whoever is not there cannot be touched.
    let missing = table.touch("missing", None).await;
    assert!(missing.is_ok_and(|changed| !changed.found), "it is told");
    // What was to end before it would have been told before it.
    let told = until_expired(&mut watch, "ends").await;
    let expired: Vec<_> = told.iter().filter(|(kind, _)| *kind == EventKind::Expired).collect();
    assert_eq!(expired.len(), 1, "{told:?}");
    assert_eq!(table.get("ends").await.expect("read"), None);
    let row = async |key: &'static str| table.get(key).await.expect("read").expect("there");
    let kept = row("touched").await;
    assert!(kept.expires.is_some() && kept.revision < touched.revision, "the row as it was: {kept:?}");
    assert_eq!((row("forever").await.expires, row("stays").await.revision), (None, forever.revision));
    // For conditions it is gone, and a write without a time lasts.
    let again = Change::put("ends", "v").only_if(Condition::Absent);
    table.change(again).await.expect("it is not there");
    assert_eq!(row("ends").await.expires, None);
    let refused = table.touch("ends", Some(LONG)).await.expect("there");
    assert!(refused.found);
    let condition = Change::touch("ends", None).only_if(Condition::Revision(1));
    assert!(table.change(condition).await.is_err_and(|error| error.is(code::CONDITION_FAILED)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_ends_although_the_node_was_away() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let mut node = Launch::server(dir.path()).start().await;
    TABLE.create(&node).await;
    let before = table(&node);
    let watch = begun(&before, Watching::all()).await;
    let positions = watch.positions().expect("it is ready").clone();
    before.change(Change::put_for("ends", "v", SHORT)).await.expect("written");
    before.change(Change::put_for("stays", "v", LONG)).await.expect("written");
    node.process.kill();
    let node = Launch::server(dir.path()).start().await;
    let table = table(&node);
    let mut watch = begun(&table, Watching::all().behind(positions)).await;
    let told = until_expired(&mut watch, "ends").await;
    let puts: Vec<_> = told.iter().filter(|(kind, _)| *kind == EventKind::Put).collect();
    assert_eq!((puts.len(), told.len()), (2, 3), "{told:?}");
    assert!(table.get("stays").await.expect("read").is_some_and(|row| row.expires.is_some()));
}

/// More rows end at once than one record takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_rows_as_there_are_end() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).set("limits.tick-rows-max=7").start().await;
    TABLE.create(&node).await;
    let table = table(&node);
    let mut watch = begun(&table, Watching::all()).await;
    let changes = (0..100).map(|n| Change::put_for(format!("{n:03}"), "v", SHORT));
    table.atomic(changes).await.expect("written");
    table.change(Change::put_for("last", "v", SHORT)).await.expect("written");
    let told = until_expired(&mut watch, "last").await;
    assert_eq!(told.len(), 202, "each is told once when it is put, and once when it ends");
    assert!(table.scan(client::Scope::all()).next().await.is_none());
}
