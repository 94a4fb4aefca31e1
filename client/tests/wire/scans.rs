//! Scans: one call, many answers, and what breaks between them.

use crate::fake::Fake;
use client::{Error, Scope};
use model::{Code, code};
use proto::Failure;
use std::time::Duration;

/// A server with rows `a` to `g`, each a value of its own key.
async fn filled() -> Fake {
    let fake = Fake::start().await;
    for key in ["a", "b", "c", "d", "e", "f", "g"] {
        fake.rows().put("", "kv", key.into(), key.into());
    }
    fake
}

/// The keys as one word, and how it ended.
async fn scanned(fake: &Fake, scope: Scope) -> (String, Option<Error>) {
    let table = fake.builder().build().expect("settings").table("kv");
    let mut scan = table.scan(scope);
    let mut keys = String::new();
    while let Some(next) = scan.next().await {
        match next {
            Ok(entry) => {
                assert_eq!(entry.key, entry.row.value, "each row's value is its key");
                assert!(entry.row.revision <= entry.row.receipt.index, "{entry:?}");
                keys += &String::from_utf8_lossy(&entry.key);
            }
            Err(error) => {
                assert_eq!(scan.next().await, None, "nothing comes behind an error");
                return (keys, Some(error));
            }
        }
    }
    assert_eq!(scan.page().await, None, "the end stays the end");
    (keys, None)
}

#[tokio::test]
async fn rows_come_in_order_within_their_scope() {
    let fake = filled().await;
    let table = [
        (Scope::all(), "abcdefg"),
        (Scope::all().reverse(true), "gfedcba"),
        (Scope::range("b", "e"), "bcd"),
        (Scope::range("b", "e").reverse(true), "dcb"),
        (Scope::range("", "c"), "ab"),
        (Scope::range("f", ""), "fg"),
        (Scope::prefix("c"), "c"),
        (Scope::prefix("x"), ""),
        (Scope::all().limit(3), "abc"),
        (Scope::all().limit(3).reverse(true), "gfe"),
        (Scope::all().limit_bytes(5), "ab"),
        (Scope::all().limit_bytes(1), "a"),
        (Scope::all().after("e"), "fg"),
        (Scope::all().after("c").reverse(true), "ba"),
    ];
    for (scope, expected) in table {
        let (keys, error) = scanned(&fake, scope.clone()).await;
        assert_eq!((keys.as_str(), error), (expected, None), "{scope:?}");
    }
}

#[tokio::test]
async fn a_scan_that_breaks_goes_on_behind_its_last_row() {
    let fake = filled().await;
    let passes = [code::OVERLOADED, code::STOPPING, code::UNKNOWN_OUTCOME, code::DEADLINE_EXCEEDED];
    for (scope, expected) in [
        (Scope::all(), "abcdefg"),
        (Scope::all().reverse(true), "gfedcba"),
        (Scope::all().limit(5), "abcde"),
        (Scope::all().limit_bytes(9), "abcd"),
        (Scope::all().limit_bytes(7), "abc"),
    ] {
        for code in passes {
            fake.plan().cut_scan.extend([(2, code), (0, code), (1, code)].map(fails));
            let (keys, error) = scanned(&fake, scope.clone()).await;
            assert_eq!((keys.as_str(), error), (expected, None), "{code} {scope:?}");
            fake.plan().cut_scan.clear();
        }
    }
}

fn fails((rows, code): (usize, Code)) -> (usize, Failure) {
    (rows, Failure::new(code, "as planned"))
}

#[tokio::test]
async fn what_is_left_is_what_is_asked_for_again() {
    let fake = filled().await;
    fake.plan().cut_scan.extend([fails((2, code::STOPPING)), fails((1, code::STOPPING))]);
    scanned(&fake, Scope::all().limit(6).limit_bytes(100)).await;
    let asked: Vec<_> = fake.asked().into_iter().map(|asked| (asked.after, asked.limits)).collect();
    let expected = [("", (6, 100)), ("b", (4, 96)), ("c", (3, 94))];
    assert_eq!(asked, expected.map(|(after, limits)| (after.as_bytes().to_vec(), limits)));
}

#[tokio::test]
async fn what_does_not_pass_ends_a_scan_behind_the_rows_before_it() {
    let fake = filled().await;
    for code in [code::PARTITION_FAILED, code::NO_PARTITION, code::EPOCH_MISMATCH] {
        fake.plan().cut_scan.push_back(fails((3, code)));
        let (keys, error) = scanned(&fake, Scope::all()).await;
        assert_eq!(keys, "abc");
        assert!(error.expect("an end").is(code));
    }
    let (keys, error) = scanned(&fake, Scope::range("c", "b")).await;
    assert!(keys.is_empty() && error.expect("refused").is(code::RANGE_INVALID));
}

#[tokio::test]
async fn a_client_without_retries_is_told_where_to_go_on() {
    let fake = filled().await;
    fake.plan().cut_scan.push_back(fails((4, code::STOPPING)));
    let table = fake.builder().retries(false).build().expect("settings").table("kv");
    let mut scan = table.scan(Scope::all());
    let mut pages = Vec::new();
    let error = loop {
        match scan.page().await.expect("no end") {
            Ok(page) => pages.push(page),
            Err(error) => break error,
        }
    };
    assert!(error.is(code::STOPPING) && error.is_retryable());
    assert!(pages.iter().all(|page| (1..=2).contains(&page.entries.len())), "{pages:?}");
    assert_eq!(scan.last_key().map(|key| &key[..]), Some(&b"d"[..]));
    assert_eq!(scanned(&fake, Scope::all().after("d")).await, ("efg".to_owned(), None));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_waited_for_until_the_deadline() {
    let fake = filled().await;
    fake.plan().silent = true;
    let client = fake.builder().deadline(Duration::from_millis(40)).build().expect("settings");
    let error = client.table("kv").scan(Scope::all()).next().await.expect("an end").expect_err("no answer");
    assert!(error.is(code::DEADLINE_EXCEEDED) || error.is(code::UNREACHABLE), "{error}");
    // All of it may take longer than that: progress is what counts.
    let asked = fake.asked().remove(0);
    assert_eq!((asked.deadline_ms, asked.grpc_timeout), (0, None));
}
