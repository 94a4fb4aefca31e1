//! Connections and streams that break while calls are under way.
#![allow(clippy::disallowed_methods, reason = "tasks of a test")]

use crate::fake::Fake;
use crate::fake::proxy::Proxy;
use bytes::Bytes;
use model::code;
use std::time::Duration;
use tokio::task::JoinSet;

#[tokio::test]
async fn a_write_cut_off_is_sent_again_under_its_name() {
    let fake = Fake::start().await;
    let proxy = Proxy::before(fake.data).await;
    let client = fake.builder_at(proxy.address).build().expect("settings");
    let table = client.table("kv");
    let batcher = table.batcher();
    table.put("a", "1").await.expect("written");
    fake.plan().silent = true;
    fake.asked();
    let mut tasks = JoinSet::new();
    let (one, many, other) = (table.clone(), batcher.clone(), batcher.clone());
    let (own, op) = (table.clone(), client.new_op());
    let change = client::Change::put("e", "1");
    tasks.spawn(async move { own.change_as(op, change).await.map(|changed| changed.revision) });
    tasks.spawn(async move { one.put("b", "1").await.map(|written| written.revision) });
    tasks.spawn(async move { many.put("c", "1").await.map(|written| written.revision) });
    tasks.spawn(async move { other.remove("d").await.map(|removed| removed.revision) });
    fake.heard(4).await;
    fake.plan().silent = false;
    assert_eq!(client.resent(), 0);
    assert_eq!(proxy.cut(), 1);
    for result in tasks.join_all().await {
        result.expect("sent again");
    }
    assert_eq!(client.resent(), 4);
}

#[tokio::test]
async fn an_unnamed_write_cut_off_is_unknown_and_what_follows_gets_through() {
    let fake = Fake::start().await;
    let proxy = Proxy::before(fake.data).await;
    let table = fake.builder_at(proxy.address).exactly_once(false).build().expect("settings").table("kv");
    table.put("a", "1").await.expect("written");
    fake.plan().silent = true;
    fake.asked();
    let batcher = table.batcher();
    let mut tasks = JoinSet::new();
    let (one, many) = (table.clone(), batcher.clone());
    tasks.spawn(async move { one.put("b", "1").await });
    tasks.spawn(async move { many.put("c", "1").await });
    fake.heard(2).await;
    assert_eq!(proxy.cut(), 1);
    for result in tasks.join_all().await {
        let error = result.expect_err("cut off");
        assert!(error.is(code::UNKNOWN_OUTCOME) && !error.is_retryable(), "{error}");
    }
    fake.plan().silent = false;
    table.put("d", "1").await.expect("written");
    batcher.put("e", "1").await.expect("written");
}

#[tokio::test]
async fn a_read_cut_off_is_read_again() {
    let fake = Fake::start().await;
    let proxy = Proxy::before(fake.data).await;
    let table = fake.builder_at(proxy.address).build().expect("settings").table("kv");
    table.put("a", "1").await.expect("written");
    let batcher = table.batcher();
    batcher.get("a").await.expect("read");
    fake.plan().silent = true;
    fake.asked();
    let mut tasks = JoinSet::new();
    let (one, many) = (table.clone(), batcher.clone());
    tasks.spawn(async move { one.get("a").await });
    tasks.spawn(async move { many.get("a").await });
    fake.heard(2).await;
    fake.plan().silent = false;
    assert_eq!(proxy.cut(), 1);
    for result in tasks.join_all().await {
        assert_eq!(result.expect("read again").map(|row| row.value), Some(Bytes::from("1")));
    }
}

#[tokio::test]
async fn without_retries_a_read_cut_off_may_be_sent_again_by_the_caller() {
    let fake = Fake::start().await;
    let proxy = Proxy::before(fake.data).await;
    let table = fake.builder_at(proxy.address).retries(false).build().expect("settings").table("kv");
    let batcher = table.batcher();
    fake.plan().silent = true;
    let task = tokio::spawn(async move { batcher.get("a").await });
    fake.heard(1).await;
    proxy.cut();
    let error = task.await.expect("no panic").expect_err("cut off");
    assert!(error.is(code::UNREACHABLE) && error.is_retryable(), "{error}");
}

/// A stream is cut after each of so many messages, while tasks write without
/// pause: whatever was acknowledged was applied once, whatever is unknown at
/// most once, and nothing is without an answer. Under names, nothing is unknown.
#[tokio::test]
async fn nothing_is_lost_or_applied_twice_when_streams_end() {
    for (cut_after, named) in (1..=10).flat_map(|cut_after| [(cut_after, false), (cut_after, true)]) {
        let fake = Fake::start().await;
        fake.plan().cut_after = Some(cut_after);
        let builder = fake.builder().deadline(Duration::from_secs(60)).exactly_once(named);
        let client = builder.build().expect("settings");
        let batcher = client.table("kv").batcher();
        let mut tasks = JoinSet::new();
        for task in 0..50 {
            let batcher = batcher.clone();
            tasks.spawn(async move {
                let mut results = Vec::new();
                for at in 0..10 {
                    let key = Bytes::from(format!("{task}-{at}"));
                    results.push((key.clone(), batcher.put(key, "v").await));
                }
                results
            });
        }
        let results: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
        assert_eq!(results.len(), 500);
        let rows = fake.rows();
        let mut unknown = 0;
        for (key, result) in results {
            let applied = rows.applied.get(&key).copied().unwrap_or(0);
            match result {
                Ok(_) => assert_eq!(applied, 1, "{key:?}"),
                Err(error) if error.is(code::UNKNOWN_OUTCOME) => {
                    assert!(applied <= 1, "{key:?}");
                    unknown += 1;
                }
                Err(error) => panic!("{key:?}: {error}"),
            }
        }
        assert_eq!(unknown > 0, !named, "cut after {cut_after}: {unknown} unknown");
        assert_eq!(client.resent() > 0, named, "cut after {cut_after}");
    }
}
