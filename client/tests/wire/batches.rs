//! Calls of many tasks over one stream.
#![allow(clippy::disallowed_methods, reason = "tasks of a test")]

use crate::fake::{Fake, nobody};
use bytes::Bytes;
use client::{Batcher, Batching};
use model::code;
use proto::{Failure, UPSERT_BYTES_MAX};
use std::time::Duration;
use tokio::task::JoinSet;

fn key(at: usize) -> Bytes {
    Bytes::from(format!("key-{at}"))
}

/// What became of each of so many puts, all at once.
async fn put_all(batcher: &Batcher, count: usize) -> Vec<Result<client::Written, client::Error>> {
    let mut tasks = JoinSet::new();
    for at in 0..count {
        let batcher = batcher.clone();
        tasks.spawn(async move { (at, batcher.put(key(at), key(at)).await) });
    }
    let mut results = tasks.join_all().await;
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Each key once: put, read, removed, read again; answers that are muddled.
async fn whole_lives(connections: usize, muddle: bool) {
    const CALLS: usize = 2000;
    let fake = Fake::start().await;
    fake.plan().muddle = muddle;
    let client = fake.builder().connections(connections).build().expect("settings");
    let batcher = client.table("kv").batcher();
    let mut tasks = JoinSet::new();
    for at in 0..CALLS {
        let batcher = batcher.clone();
        tasks.spawn(async move {
            let written = batcher.put(key(at), key(at)).await.expect("written");
            let row = batcher.get(key(at)).await.expect("read").expect("a row");
            assert_eq!((row.revision, row.value), (written.revision, key(at)));
            assert!(batcher.remove(key(at)).await.expect("removed").found);
            assert_eq!(batcher.get(key(at)).await, Ok(None));
        });
    }
    // A message held back for the muddle is let go by the one after it.
    while !tasks.is_empty() {
        let extra = batcher.get("x");
        tokio::select! {
            biased;
            done = tasks.join_next() => done.expect("a task").expect("no panic"),
            read = extra => drop(read.expect("read")),
        }
    }
    assert!(fake.rows().applied.values().all(|times| *times == 2), "each put and each removed once");
}

#[tokio::test]
async fn answers_find_their_calls() {
    whole_lives(1, false).await;
}

#[tokio::test]
async fn answers_in_any_order_find_their_calls() {
    whole_lives(1, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_find_their_calls_over_many_connections() {
    whole_lives(3, false).await;
}

#[tokio::test]
async fn calls_share_messages_up_to_a_bound() {
    let fake = Fake::start().await;
    let table = fake.builder().build().expect("settings").table("kv");
    let rows = [
        (Batching { message_items_max: 100, ..Batching::default() }, 100),
        (Batching { message_bytes_max: 200, ..Batching::default() }, 12),
        (Batching { message_bytes_max: 0, ..Batching::default() }, 1),
        (Batching { message_items_max: 0, ..Batching::default() }, 1),
    ];
    for (batching, most) in rows {
        let batcher = table.batcher_with(batching);
        assert!(put_all(&batcher, 1000).await.iter().all(Result::is_ok));
        let items: Vec<usize> = fake.asked().iter().map(|asked| asked.items).collect();
        assert_eq!(items.iter().sum::<usize>(), 1000);
        assert_eq!(items.iter().max(), Some(&most), "{batching:?}: {items:?}");
    }
    let alone = table.batcher().put("k", vec![0; UPSERT_BYTES_MAX]).await;
    assert!(alone.is_err_and(|error| error.is(code::BATCH_TOO_LARGE)));
}

#[tokio::test]
async fn an_item_alone_is_refused_and_sent_again_where_that_is_safe() {
    let fake = Fake::start().await;
    let table = fake.builder().build().expect("settings").table("kv");
    fake.plan().items.insert(b"key-1".to_vec(), Failure::new(code::KEY_INVALID, "no"));
    fake.plan().refusals.push_back(Failure::new(code::OVERLOADED, "full"));
    let results = put_all(&table.batcher(), 3).await;
    assert!(results[0].is_ok() && results[2].is_ok(), "{results:?}");
    assert!(results[1].as_ref().is_err_and(|error| error.is(code::KEY_INVALID)), "{results:?}");
}

#[tokio::test]
async fn who_finds_no_room_waits() {
    let fake = Fake::start().await;
    let client = fake.builder().deadline(Duration::from_secs(1)).build().expect("settings");
    let batching = Batching { unanswered_max: 4, ..Batching::default() };
    let batcher = client.table("kv").batcher_with(batching);
    fake.plan().silent = true;
    let results = put_all(&batcher, 6).await;
    let sent: usize = fake.asked().iter().map(|asked| asked.items).sum();
    // Those without room are told when the others have been, or at last get in.
    let unknown = |result: &Result<_, client::Error>| {
        result.as_ref().is_err_and(|error| error.is(code::UNKNOWN_OUTCOME))
    };
    assert_eq!(results.iter().filter(|result| unknown(result)).count(), sent);
    assert!((4..=6).contains(&sent) && results.iter().all(Result::is_err), "{sent}: {results:?}");
}

#[tokio::test]
async fn who_gives_up_makes_room_only_when_answered() {
    let fake = Fake::start().await;
    let client = fake.builder().build().expect("settings");
    let batcher = client.table("kv").batcher_with(Batching { unanswered_max: 2, ..Batching::default() });
    for round in 0..10 {
        let mut tasks = JoinSet::new();
        for at in 0..5 {
            let batcher = batcher.clone();
            tasks.spawn(async move { batcher.put(key(round * 5 + at), "v").await });
        }
        tokio::task::yield_now().await;
        tasks.abort_all();
        while tasks.join_next().await.is_some() {}
    }
    assert!(put_all(&batcher, 20).await.iter().all(Result::is_ok));
    let twice = |times: &&usize| **times > 2;
    assert_eq!(fake.rows().applied.values().filter(twice).count(), 0);
}

#[tokio::test]
async fn the_stream_ends_with_the_last_clone() {
    let fake = Fake::start().await;
    let client = fake.builder().connections(2).build().expect("settings");
    let batcher = client.table("kv").batcher();
    let clone = batcher.clone();
    assert!(put_all(&batcher, 4).await.iter().all(Result::is_ok));
    fake.streams(2).await;
    drop(batcher);
    assert!(put_all(&clone, 4).await.iter().all(Result::is_ok));
    fake.streams(2).await;
    drop(clone);
    fake.streams(0).await;
}

#[tokio::test]
async fn a_server_that_is_not_there_or_has_no_streams_is_said_so() {
    let fake = Fake::start().await;
    let (_socket, address) = nobody();
    for (retries, deadline) in [(false, 60_000), (true, 500)] {
        let builder = fake.builder_at(address).retries(retries).deadline(Duration::from_millis(deadline));
        let batcher = builder.build().expect("settings").table("kv").batcher();
        for result in put_all(&batcher, 3).await {
            let error = result.expect_err("nobody");
            assert!(error.is(code::UNREACHABLE) && error.is_retryable(), "{error}");
        }
    }
    fake.plan().no_streams = Some(Failure::new(code::UNIMPLEMENTED, "later"));
    let batcher = fake.builder().build().expect("settings").table("kv").batcher();
    for result in put_all(&batcher, 3).await {
        assert!(result.is_err_and(|error| error.is(code::UNIMPLEMENTED)));
    }
    fake.plan().no_streams = None;
    assert!(put_all(&batcher, 3).await.iter().all(Result::is_ok));
}
