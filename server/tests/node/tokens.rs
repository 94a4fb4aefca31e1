//! Position tokens: whoever reads after one sees what its answers saw, or is told
//! why not; and what a table's choices come to.

use crate::process::{Launch, Node};
use crate::talk::{self, Table};
use bytes::Bytes;
use client::{Change, Client, Durability, Error, Position, Receipt, Scope, Token, View, Watching};
use model::{BootId, Code, PartitionId, code};
use proto::common::{Header, Position as Written, ReadLevel};
use proto::control::{CreateTableRequest, Profile};
use std::fmt::Debug;

const KEPT: Table = Table::durable("kept");
const OTHER: Table = Table::durable("other");
/// One partition, and nothing of it outlives the process.
const FORGETFUL: Table =
    Table { name: "forgetful", store: "memory", log: "none", partitions: 1, ..Table::durable("") };

fn client(node: &Node) -> Client {
    let (data, control) = (node.at.data.to_string(), node.at.control.to_string());
    Client::builder(data).control(control).build().expect("an address")
}

fn token(receipts: &[Receipt]) -> Token {
    let mut token = Token::default();
    receipts.iter().for_each(|receipt| token.add(receipt.position()));
    token
}

fn refused<T: Debug>(result: Result<T, Error>, code: Code) {
    let error = result.expect_err("refused");
    assert!(error.is(code) && !error.is_retryable() && !error.hint().is_empty(), "{error}");
}

async fn put(table: &client::Table, key: &'static str) -> Receipt {
    table.put(key, "v").await.expect("written").receipt
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_reads_after_a_token_sees_what_it_stands_for() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    KEPT.create(&node).await;
    let table = client(&node).table(KEPT.name);
    let mut all = Token::default();
    for key in ["a", "b", "c", "d", "e"] {
        let receipt = put(&table, key).await;
        all.merge(&token(&[receipt]));
        let row = table.after(&all).get(key).await.expect("read").expect("written");
        assert!(row.receipt.index >= receipt.index && !row.receipt.stale, "{:?}", row.receipt);
        assert_eq!((row.receipt.boot, row.receipt.age_ms), (receipt.boot, 0));
    }
    let after = table.after(&all);
    assert!(after.get_many(["a", "b", "e"]).await.iter().all(|row| matches!(row, Ok(Some(_)))));
    let mut scan = after.scan(Scope::all());
    let mut rows = 0;
    while let Some(entry) = scan.next().await {
        rows += usize::from(entry.is_ok());
    }
    assert_eq!(rows, 5);
    // A write after a token, and one by a stream.
    put(&after, "a").await;
    after.batcher().put("b", "w").await.expect("written");
    let row = table.stale().get("a").await.expect("read").expect("written");
    assert!(!row.receipt.stale, "the only copy lacks nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_something_else_is_refused_and_nothing_is_done() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    KEPT.create(&node).await;
    OTHER.create(&node).await;
    let (kept, other) = (client(&node).table(KEPT.name), client(&node).table(OTHER.name));
    let (own, strange) = (put(&kept, "k").await, put(&other, "k").await);
    let ahead = Position { index: own.index + 1, ..own.position() };
    let foreign = Position { boot: BootId(own.boot.0 ^ 1), ..own.position() };
    let nobody = Position { partition: PartitionId(999), ..own.position() };
    let table = [
        (strange.position(), code::TOKEN_ELSEWHERE),
        (nobody, code::TOKEN_ELSEWHERE),
        (foreign, code::TOKEN_FOREIGN),
        (ahead, code::TOKEN_LOST),
    ];
    for (position, code) in table {
        let mut token = token(&[own]);
        token.add(position);
        let after = kept.after(&token);
        refused(after.get("k").await, code);
        refused(after.scan(Scope::all()).next().await.expect("an answer"), code);
        refused(after.put("k", "w").await, code);
        refused(after.remove("k").await, code);
        refused(after.change(Change::put("k", "w")).await, code);
        refused(after.batcher().get("k").await, code);
        refused(after.remove_range(Scope::all()).all().await, code);
        refused(after.watch(Watching::all()).next().await.expect("an answer"), code);
        refused(after.outcome("k", client(&node).new_op()).await, code);
    }
    // What is of another partition concerns no read of this one, unless that is
    // another table's.
    let elsewhere = (1..=4).map(PartitionId).find(|id| *id != own.partition).expect("four");
    let ahead = Position { partition: elsewhere, index: 99, ..own.position() };
    let mut token = token(&[own]);
    token.add(ahead);
    let row = kept.after(&token).get("k").await.expect("read").expect("written");
    assert_eq!((row.value, row.receipt.index), (Bytes::from("v"), own.index), "nothing was done");
    assert!(other.get("k").await.expect("read").is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_no_token_are_refused() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    KEPT.create(&node).await;
    let receipt = put(&client(&node).table(KEPT.name), "k").await;
    let good = token(&[receipt]).encode();
    let Position { partition, boot, index } = receipt.position();
    let written = |count| vec![Written { partition: partition.0, boot: boot.0, index }; count];
    let of = |token: Vec<u8>| Header { token: token.into(), ..Header::default() };
    let table = [
        ("one byte less", of(good[..good.len() - 1].to_vec()), false),
        ("a later version", of([&[2], &good[1..]].concat()), false),
        ("noise", of(vec![7; 40]), false),
        ("far too long", of(vec![1; 1 << 19]), false),
        ("too many positions", Header { position: written(1025), ..Header::default() }, false),
        ("the token", Header { read: ReadLevel::Token.into(), ..of(good) }, true),
        ("its positions", Header { position: written(2), ..Header::default() }, true),
        ("neither", Header { read: ReadLevel::Token.into(), ..Header::default() }, true),
    ];
    let mut data = talk::data(&node).await;
    for (name, header, taken) in table {
        let request = proto::data::GetRequest { header: Some(header), ..talk::get_of(KEPT.name, &["k"]) };
        match data.get(request).await {
            Ok(_) => assert!(taken, "{name}"),
            Err(status) => {
                let failure = proto::Failure::from(status);
                assert!(!taken && failure.is(code::MALFORMED), "{name}: {failure}");
            }
        }
    }
}

/// What an answer of a table without a log said is gone after a kill. A token of
/// it is refused, also when other commands have its indexes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_what_a_kill_lost_is_refused_for_ever() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let launch = Launch::server(dir.path());
    let mut node = launch.start().await;
    FORGETFUL.create(&node).await;
    KEPT.create(&node).await;
    let mut lost = Vec::new();
    let mut kept = Vec::new();
    for start in 0..3 {
        let (forgetful, durable) = (client(&node).table(FORGETFUL.name), client(&node).table(KEPT.name));
        for receipt in &lost {
            refused(forgetful.after(&token(&[*receipt])).get("k").await, code::TOKEN_LOST);
        }
        for _ in 0..3 + start {
            put(&forgetful, "k").await;
            kept.push(put(&durable, "k").await);
        }
        for receipt in &lost {
            // Its index is there again, and is not what it was.
            refused(forgetful.after(&token(&[*receipt])).get("k").await, code::TOKEN_LOST);
        }
        let view = View::follow(&forgetful, Watching::all());
        for receipt in &lost {
            refused(view.reaches(receipt).await, code::FROM_FUTURE);
        }
        let last = put(&forgetful, "k").await;
        assert!(forgetful.after(&token(&[last])).get("k").await.is_ok_and(|row| row.is_some()));
        assert!(durable.after(&token(&kept)).get("k").await.is_ok_and(|row| row.is_some()), "start {start}");
        lost.push(last);
        node.process.kill();
        node = launch.start().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn presets_and_demands_come_to_what_they_say() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    let control = client(&node).control();
    let rows = [
        ("durable", "rocksdb", "local(each)", "kv", Durability::Local),
        ("fast", "rocksdb", "local(every)", "kv", Durability::Local),
        ("managed-disk", "rocksdb", "store", "kv", Durability::Local),
        ("counter", "memory", "local(each)", "counter", Durability::Local),
    ];
    for (preset, store, log, machine, durability) in rows {
        let mut request = CreateTableRequest {
            name: preset.to_owned(),
            preset: preset.to_owned(),
            partitions: 1,
            dry_run: true,
            ..CreateTableRequest::default()
        };
        let would = control.create_table(request.clone()).await.expect("it would");
        assert!(would.partitions.is_empty(), "{preset}");
        request.dry_run = false;
        let made = control.create_table(request.clone()).await.expect("made");
        assert_eq!(made.table, would.table);
        let table = made.table.expect("a table");
        let profile = table.profile.expect("choices");
        assert_eq!((&*profile.store, &*profile.log, &*table.machine), (store, log, machine), "{preset}");
        assert_eq!(profile.durability.parse(), Ok(durability), "{preset}");
        request.dry_run = true;
        refused(control.create_table(request).await, code::TABLE_EXISTS);
    }
    assert_eq!(control.list_tables().await.expect("listed").len(), rows.len(), "and no other");
    let forgetful = Profile { log: "none".into(), durability: "memory".into(), ..Profile::default() };
    let request = CreateTableRequest {
        name: "cache".to_owned(),
        preset: "fast".to_owned(),
        profile: Some(forgetful),
        ..CreateTableRequest::default()
    };
    control.create_table(request).await.expect("what is said counts before the preset");
    let cache = client(&node).table("cache");
    for demanded in [Durability::Os, Durability::Local, Durability::Quorum, Durability::Remote] {
        refused(cache.at_least(demanded).put("k", "v").await, code::DURABILITY_NOT_OFFERED);
        refused(cache.at_least(demanded).get("k").await, code::DURABILITY_NOT_OFFERED);
        refused(
            cache.at_least(demanded).scan(Scope::all()).next().await.expect("an answer"),
            code::DURABILITY_NOT_OFFERED,
        );
        let mut removal = cache.at_least(demanded).remove_range(Scope::all());
        refused(removal.step().await.expect("an answer"), code::DURABILITY_NOT_OFFERED);
        let mut watch = cache.at_least(demanded).watch(Watching::all());
        refused(watch.next().await.expect("an answer"), code::DURABILITY_NOT_OFFERED);
    }
    let written = cache.at_least(Durability::Memory).put("k", "v").await.expect("no more than it gives");
    assert_eq!(written.receipt.durability, Durability::Memory);
    let durable = client(&node).table("durable").at_least(Durability::Local);
    assert_eq!(durable.put("k", "v").await.map(|written| written.receipt.durability), Ok(Durability::Local));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_answers_before_it_syncs_takes_no_table_that_must_not() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).set("log.sync=every(5ms)").start().await;
    let control = client(&node).control();
    let request = |name: &str, preset: &str| CreateTableRequest {
        name: name.to_owned(),
        preset: preset.to_owned(),
        ..CreateTableRequest::default()
    };
    refused(control.create_table(request("a", "durable")).await, code::PROFILE_REFUSED);
    refused(control.create_table(request("b", "counter")).await, code::PROFILE_REFUSED);
    for (name, preset) in [("c", "fast"), ("d", "")] {
        control.create_table(request(name, preset)).await.expect("made");
        let table = client(&node).table(name);
        assert_eq!(table.put("k", "v").await.map(|one| one.receipt.durability), Ok(Durability::Os));
        refused(table.at_least(Durability::Local).put("k", "v").await, code::DURABILITY_NOT_OFFERED);
    }
}
