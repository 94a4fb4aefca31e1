//! One call, one request.

use crate::fake::{Fake, nobody};
use bytes::Bytes;
use client::Retry;
use model::{Durability, PartitionId, code};
use proto::data::Item;
use proto::{Failure, UPSERT_BYTES_MAX};
use std::time::Duration;

fn full() -> Failure {
    Failure::new(code::OVERLOADED, "full")
}

fn item(key: &str, value: impl Into<Bytes>) -> Item {
    Item { key: Bytes::from(key.to_owned()), value: value.into(), ..Item::default() }
}

#[tokio::test]
async fn rows_come_back_as_they_were_put() {
    let fake = Fake::start().await;
    let table = fake.builder().build().expect("settings").table("kv");
    let binary = Bytes::from((0..=255u8).collect::<Vec<_>>());
    for (key, value) in [(Bytes::from("a"), binary.clone()), (binary, Bytes::new())] {
        let written = table.put(key.clone(), value.clone()).await.expect("written");
        assert_eq!(written.receipt.durability, Durability::Local);
        let row = table.get(key.clone()).await.expect("an answer").expect("a row");
        assert_eq!((row.revision, &row.value), (written.revision, &value));
        assert_eq!(row.receipt.partition, written.receipt.partition);
        let removed = table.remove(key.clone()).await.expect("removed");
        assert!(removed.found && removed.revision > written.revision);
        assert_eq!(table.get(key.clone()).await, Ok(None));
        assert!(!table.remove(key).await.expect("removed again").found);
    }
}

#[tokio::test]
async fn many_items_have_an_answer_each() {
    let fake = Fake::start().await;
    let table = fake.builder().build().expect("settings").table("kv");
    fake.plan().items.insert(b"b".to_vec(), full());
    let written = table.upsert(["a", "b", "c"].map(|key| item(key, key.to_owned()))).await;
    // `b` has an even byte, the others odd ones: two partitions, two receipts.
    let partition = |at: usize| written[at].as_ref().map(|written| written.receipt.partition);
    assert_eq!((partition(0), partition(2)), (Ok(PartitionId(2)), Ok(PartitionId(2))));
    assert!(written[1].as_ref().is_err_and(|error| error.is(code::OVERLOADED)));
    fake.plan().items.clear();
    let read = table.get_many(["c", "b", "a"]).await;
    let values: Vec<_> =
        read.iter().map(|row| row.as_ref().expect("read").as_ref().map(|row| &row.value[..])).collect();
    assert_eq!(values, [Some(&b"c"[..]), None, Some(b"a")]);
    let removed = table.remove_many(["a", "x"]).await;
    let found: Vec<_> = removed.iter().map(|removed| removed.as_ref().expect("removed").found).collect();
    assert_eq!(found, [true, false]);
    assert!(table.get_many(Vec::<Bytes>::new()).await.is_empty());
}

#[tokio::test]
async fn what_is_too_large_for_one_request_goes_in_several() {
    let fake = Fake::start().await;
    let table = fake.builder().build().expect("settings").table("kv");
    let items = (0..10).map(|at| item(&format!("key-{at}"), vec![at; 300 << 10]));
    let written = table.upsert(items).await;
    assert!(written.len() == 10 && written.iter().all(Result::is_ok), "{written:?}");
    let items: Vec<_> = fake.asked().iter().map(|asked| asked.items).collect();
    assert_eq!(items, [3, 3, 3, 1]);
    let alone = table.put("k", vec![0; UPSERT_BYTES_MAX]).await.expect_err("too large");
    assert!(alone.is(code::BATCH_TOO_LARGE) && !alone.is_retryable(), "{alone}");
    assert!(fake.asked().is_empty(), "it was sent");
}

#[tokio::test]
async fn behind_a_part_that_failed_nothing_is_sent() {
    let fake = Fake::start().await;
    let table = fake.builder().retries(false).build().expect("settings").table("kv");
    fake.plan().refusals.push_back(full());
    let items = (0..4).map(|at| item(&format!("key-{at}"), vec![at; 400 << 10]));
    let written = table.upsert(items).await;
    let codes: Vec<_> = written.iter().map(|one| one.as_ref().expect_err("refused").code()).collect();
    assert_eq!(codes, ["SH2201", "SH2201", "SH2402", "SH2402"]);
    assert_eq!(fake.asked().len(), 1);
}

#[tokio::test]
async fn every_request_says_whose_it_is_and_when_it_is_too_late() {
    let fake = Fake::start().await;
    fake.rows().create("shop", "kv");
    let client =
        fake.builder().namespace("shop").deadline(Duration::from_secs(60)).build().expect("settings");
    client.table("kv").put("a", "b").await.expect("written");
    client.control().list_tables().await.expect("listed");
    // A named write keeps half of its time to be sent again.
    for (asked, most) in fake.asked().into_iter().zip([30_000, 60_000, 60_000]) {
        assert_eq!(asked.namespace, "shop");
        assert!((most - 10_000..=most).contains(&asked.deadline_ms), "{asked:?}");
    }
    client.table("kv").get("a").await.expect("read");
    assert!(fake.asked()[0].grpc_timeout.is_some());
}

#[tokio::test]
async fn refused_calls_are_sent_again_where_nothing_was_applied_or_they_have_a_name() {
    let fake = Fake::start().await;
    let table = |named| fake.builder().exactly_once(named).build().expect("settings").table("kv");
    let failure = |code| Failure::new(code, "no");
    let rows = [
        (true, failure(code::OVERLOADED), None),
        (true, failure(code::STOPPING), None),
        (true, failure(code::UNKNOWN_OUTCOME), None),
        (false, failure(code::OVERLOADED), None),
        (false, failure(code::UNKNOWN_OUTCOME), Some(Retry::WithOpId)),
        (true, failure(code::EPOCH_MISMATCH), Some(Retry::Never)),
    ];
    for (named, failure, expected) in rows {
        fake.asked();
        fake.plan().refusals.push_back(failure.clone());
        let put = table(named).put("a", "b").await;
        assert_eq!(put.as_ref().err().map(client::Error::retry), expected, "{failure}");
        let asked = fake.asked();
        assert_eq!(asked.len(), if expected.is_none() { 2 } else { 1 }, "{failure}");
        assert!(asked.iter().all(|one| one.op.is_some() == named && one.op == asked[0].op), "{asked:?}");
    }
}

#[tokio::test]
async fn after_a_lost_attempt_no_refusal_says_that_nothing_was_done() {
    let fake = Fake::start().await;
    let table = fake.builder().build().expect("settings").table("kv");
    for last in [code::EPOCH_MISMATCH, code::CLIENT_FORGOTTEN] {
        let refusals = [code::UNKNOWN_OUTCOME, last].map(|code| Failure::new(code, "no"));
        fake.plan().refusals.extend(refusals);
        let error = table.put("a", "b").await.expect_err("refused");
        assert!(error.is(code::UNKNOWN_OUTCOME), "{error}");
    }
}

#[tokio::test]
async fn a_client_that_is_refused_goes_on_under_another_id() {
    let fake = Fake::start().await;
    let table = fake.builder().build().expect("settings").table("kv");
    fake.plan()
        .refusals
        .extend([code::CLIENT_AHEAD, code::CLIENT_FORGOTTEN].map(|code| Failure::new(code, "no")));
    fake.asked();
    table.put("a", "b").await.expect("written");
    let names: Vec<_> = fake.asked().into_iter().map(|asked| asked.op.expect("named")).collect();
    assert_eq!(names.len(), 3);
    assert!(names[1].0 < names[0].0, "one that is older");
    assert!(names.iter().all(|(_, sequence)| *sequence == 1), "{names:?}");
    table.put("a", "c").await.expect("written");
    let asked = fake.asked().remove(0);
    assert_eq!((asked.op, asked.answered_upto), (Some((names[2].0.clone(), 2)), 1));
}

#[tokio::test]
async fn without_retries_a_refusal_is_an_answer() {
    let fake = Fake::start().await;
    let table = fake.builder().retries(false).build().expect("settings").table("kv");
    fake.plan().refusals.push_back(full());
    assert!(table.put("a", "b").await.is_err_and(|error| error.is(code::OVERLOADED)));
    assert_eq!(fake.asked().len(), 1);
}

#[tokio::test]
async fn nobody_there_is_not_an_unknown_outcome() {
    let fake = Fake::start().await;
    let (_socket, address) = nobody();
    let client = fake.builder_at(address).retries(false).build().expect("settings");
    let error = client.table("kv").put("a", "b").await.expect_err("nobody");
    assert_eq!(error.to_string(), format!("SH2401 nothing listens at {address}"));
    assert!(error.is_retryable() && error.hint().contains("statehouse dev"), "{}", error.hint());
    // With retries it gives up before the deadline.
    let client = fake.builder_at(address).deadline(Duration::from_millis(500)).build().expect("settings");
    let error = client.table("kv").get("a").await.expect_err("nobody");
    assert!(error.is(code::UNREACHABLE), "{error}");
}

#[tokio::test]
async fn without_an_answer_a_write_is_unknown_and_a_read_is_late() {
    let fake = Fake::start().await;
    fake.plan().silent = true;
    let client = fake.builder().deadline(Duration::from_millis(40)).build().expect("settings");
    let table = client.table("kv");
    let error = table.put("a", "b").await.expect_err("no answer");
    assert!(error.is(code::UNKNOWN_OUTCOME) && !error.is_retryable(), "{error}");
    let error = table.get("a").await.expect_err("no answer");
    assert!(error.is(code::DEADLINE_EXCEEDED) || error.is(code::UNREACHABLE), "{error}");
}

#[tokio::test]
async fn calls_can_be_moved_to_other_threads() {
    fn sendable<T: Send>(future: T) -> T {
        future
    }
    let fake = Fake::start().await;
    let client = fake.builder().build().expect("settings");
    let (table, batcher) = (client.table("kv"), client.table("kv").batcher());
    sendable(table.put("a", "b")).await.expect("written");
    sendable(table.get("a")).await.expect("read");
    sendable(batcher.put("a", "b")).await.expect("written");
    sendable(client.control().status()).await.expect("status");
    assert_eq!(sendable(table.upsert([item("a", "b")])).await.len(), 1);
    assert_eq!(sendable(table.get_many(["a"])).await.len(), 1);
    assert_eq!(sendable(table.remove_many(["a"])).await.len(), 1);
}
