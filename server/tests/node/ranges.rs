//! Ranges removed: over partitions, in steps, once each, and through a kill.

use crate::process::{Launch, Node};
use crate::talk::{self, Data, Table};
use bytes::Bytes;
use client::{Client, Scope};
use model::code;
use proto::Failure;
use proto::common::{Header, OpId};
use proto::control::{AddPartitionRequest, Range, RemovePartitionRequest};
use proto::data::{Condition, RemoveRequest, RemoveResponse, RowRange};
use std::collections::BTreeSet;

const ORDERED: Table = Table { layout: "ordered", partitions: 1, ..Table::durable("o") };

fn client(node: &Node) -> Client {
    Client::builder(node.at.data.to_string()).build().expect("an address")
}

/// Cuts an ordered table that has one partition anew, at these keys.
async fn cut(node: &Node, table: &str, whole: u64, ranges: &[(&'static str, &'static str)]) {
    let mut control = talk::control(node).await;
    let remove = RemovePartitionRequest { id: whole, ..Default::default() };
    control.remove_partition(remove).await.expect("there");
    for (start, end) in ranges {
        let range = Some(Range { start: Bytes::from(*start), end: Bytes::from(*end) });
        let add = AddPartitionRequest { table: table.to_owned(), range, ..Default::default() };
        control.add_partition(add).await.expect("nobody has those keys");
    }
}

async fn fill(table: &client::Table, keys: impl IntoIterator<Item = impl AsRef<[u8]>>) {
    let items = keys.into_iter().map(|key| talk::item(key, "value"));
    assert!(table.upsert(items).await.iter().all(Result::is_ok));
}

async fn keys(table: &client::Table) -> BTreeSet<String> {
    let (mut scan, mut keys) = (table.scan(Scope::all()), BTreeSet::new());
    while let Some(entry) = scan.next().await {
        keys.insert(String::from_utf8(entry.expect("a row").key.to_vec()).expect("text"));
    }
    keys
}

/// Rows `a0` to `db`.
fn names() -> BTreeSet<String> {
    "abcd".chars().flat_map(|letter| (0..12).map(move |number| format!("{letter}{number:x}"))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_goes_and_nothing_else_over_any_partitions() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).set("limits.remove-rows-max=5").start().await;
    let cuts: [&[(&str, &str)]; 2] = [&[("", "")], &[("", "b"), ("b", "c"), ("c", "c5"), ("c5", "")]];
    let bounds = ["", "a", "b1", "c", "c5", "d", "zz"];
    for (number, store) in ["rocksdb", "memory", "rocksdb", "memory"].into_iter().enumerate() {
        let name = ["o1", "o2", "o3", "o4"][number];
        let whole = Table { name, store, ..ORDERED }.create(&node).await[0];
        cut(&node, name, whole, cuts[number / 2]).await;
        let table = client(&node).table(name);
        for (at, start) in bounds.iter().enumerate() {
            for end in bounds[at + 1..].iter().chain([&""]) {
                fill(&table, names()).await;
                let limit = (at % 3 * 7) as u64;
                let is_inside = |key: &str| key >= *start && (end.is_empty() || key < *end);
                let (gone, mut left): (BTreeSet<_>, BTreeSet<_>) =
                    names().into_iter().partition(|key| is_inside(key));
                let most = if limit == 0 { gone.len() } else { gone.len().min(limit as usize) };
                left.extend(gone.into_iter().skip(most));
                let scope = Scope::range(*start, *end).limit(limit);
                let removed = table.remove_range(scope).all().await.expect("removed");
                assert_eq!(removed as usize, most, "{store} {start} {end} {limit}");
                assert_eq!(keys(&table).await, left, "{store} {start} {end} {limit}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hashed_table_is_emptied_and_has_no_ranges() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).set("limits.remove-rows-max=100").start().await;
    Table { partitions: 32, ..Table::durable("h") }.create(&node).await;
    let table = client(&node).table("h");
    fill(&table, (0..5000).map(|number| format!("k{number}"))).await;
    let refused = table.remove_range(Scope::prefix("k1")).all().await.expect_err("no order of keys");
    assert!(refused.is(code::MALFORMED) && refused.hint().contains("ordered"), "{refused}");
    assert_eq!(table.remove_range(Scope::all().limit(1234)).all().await, Ok(1234));
    assert_eq!(keys(&table).await.len(), 5000 - 1234);
    assert_eq!(table.remove_range(Scope::all()).all().await, Ok(5000 - 1234));
    assert_eq!(keys(&table).await.len(), 0);
}

async fn remove(data: &mut Data, op: Option<&OpId>, range: RowRange) -> Result<RemoveResponse, Failure> {
    let header = Some(Header { op: op.cloned(), ..Header::default() });
    let request = RemoveRequest { header, table: "o".to_owned(), range: Some(range), ..Default::default() };
    data.remove(request).await.map(tonic::Response::into_inner).map_err(Failure::from)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_is_sent_again_is_answered_as_it_was_and_a_kill_forgets_nothing() {
    for store in ["rocksdb", "memory"] {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let mut node = Launch::server(dir.path()).start().await;
        Table { store, ..ORDERED }.create(&node).await;
        let table = client(&node).table("o");
        fill(&table, ["a", "b", "c", "d"]).await;
        let mut data = talk::data(&node).await;
        let named = client(&node).new_op();
        let op = OpId { client: Bytes::copy_from_slice(&named.client.to_be_bytes()), sequence: 1 };
        let range = RowRange { start: "a".into(), limit: 2, ..RowRange::default() };
        let first = remove(&mut data, Some(&op), range.clone()).await.expect("removed");
        assert_eq!((first.removed, &first.next[..]), (2, &b"c"[..]));
        assert_eq!(first.receipts.len(), 1);
        fill(&table, ["a", "aa"]).await;
        let mut answers = vec![remove(&mut data, Some(&op), range.clone()).await.expect("as before")];
        // From the store and from the log alike.
        node.process.kill();
        let node = Launch::server(dir.path()).start().await;
        let (table, mut data) = (client(&node).table("o"), talk::data(&node).await);
        answers.push(remove(&mut data, Some(&op), range.clone()).await.expect("as before"));
        for answer in answers {
            assert_eq!((answer.removed, &answer.next), (first.removed, &first.next));
        }
        let left: Vec<String> = keys(&table).await.into_iter().collect();
        assert_eq!(left, ["a", "aa", "c", "d"], "{store}");
        let found = table.outcome("a", named).await.expect("asked").expect("it was done");
        assert!(found.found);
        let rest = remove(&mut data, None, RowRange { from: "c".into(), ..range }).await.expect("removed");
        assert_eq!((rest.removed, rest.next.len()), (2, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_removes_what_was_removed() {
    for store in ["rocksdb", "memory"] {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let mut node = Launch::server(dir.path()).set("limits.remove-rows-max=7").start().await;
        Table { store, ..ORDERED }.create(&node).await;
        let table = client(&node).table("o");
        for round in 0..5 {
            fill(&table, names()).await;
            table.remove_range(Scope::range(format!("a{round}"), "c")).all().await.expect("removed");
            fill(&table, [format!("b{round}")]).await;
            table.remove_range(Scope::prefix("d").limit(round + 1)).all().await.expect("removed");
        }
        let before = keys(&table).await;
        node.process.kill();
        let node = Launch::server(dir.path()).start().await;
        assert_eq!(keys(&client(&node).table("o")).await, before, "{store}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_removed_is_named_and_stays() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    let whole = ORDERED.create(&node).await[0];
    cut(&node, "o", whole, &[("b", "d"), ("e", "")]).await;
    Table { name: "n", machine: "counter", ..ORDERED }.create(&node).await;
    let table = client(&node).table("o");
    fill(&table, ["b", "c", "e", "f"]).await;
    let mut data = talk::data(&node).await;
    let range = |start: &'static str, end: &'static str| RowRange {
        start: start.into(),
        end: end.into(),
        ..RowRange::default()
    };
    for (range, code) in [
        (range("", "a"), code::NO_PARTITION),
        (range("a", ""), code::NO_PARTITION),
        (range("d", "e"), code::NO_PARTITION),
        (range("c", "b"), code::RANGE_INVALID),
        (RowRange { start: vec![b'k'; 1025].into(), ..RowRange::default() }, code::KEY_INVALID),
        (RowRange { from: vec![b'k'; 1033].into(), ..RowRange::default() }, code::MALFORMED),
    ] {
        let failure = remove(&mut data, None, range.clone()).await.expect_err("refused");
        assert!(failure.is(code), "{range:?}: {failure}");
    }
    let bare = RemoveRequest { table: "o".to_owned(), range: Some(range("b", "c")), ..Default::default() };
    let with_keys = RemoveRequest { keys: vec!["b".into()], ..bare.clone() };
    let on_terms = RemoveRequest { conditions: vec![Condition::default()], ..bare.clone() };
    for request in [with_keys, on_terms, RemoveRequest { range: None, ..bare.clone() }] {
        let failure = Failure::from(data.remove(request).await.expect_err("refused"));
        assert!(failure.is(code::MALFORMED), "{failure}");
    }
    let counters = RemoveRequest { table: "n".to_owned(), ..bare };
    assert!(Failure::from(data.remove(counters).await.expect_err("refused")).is(code::OTHER_MACHINE));
    let left = async || {
        let parts = [Scope::range("b", "d"), Scope::range("e", "")];
        let mut left = 0;
        for part in parts {
            let mut scan = table.scan(part);
            while let Some(entry) = scan.next().await {
                entry.expect("a row");
                left += 1;
            }
        }
        left
    };
    assert_eq!(left().await, 4, "nothing has gone");
    // Rows before a hole go, and the hole is not passed over in silence.
    let mut removal = table.remove_range(Scope::range("b", "f"));
    assert!(removal.all().await.expect_err("a hole").is(code::NO_PARTITION));
    assert_eq!((removal.removed(), left().await), (2, 2));
    // Where there is nothing to look at, nothing is in history.
    let nothing = remove(&mut data, None, RowRange { from: "f".into(), ..range("e", "f") }).await;
    assert_eq!(nothing, Ok(RemoveResponse::default()));
}
