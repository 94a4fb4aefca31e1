//! Loads: rows in order, several messages at once, and marks that are exact.

use crate::fake::Fake;
use client::{Error, Layout, Loading, Mark};
use model::keyspace::encode_data;
use model::{Key, code};
use proto::Failure;

/// Messages of one row each.
const SMALL: Loading = Loading { order: Layout::Ordered, if_absent: false, message_bytes: 0, messages: 3 };

fn left(fake: &Fake) -> String {
    let rows = fake.rows().all("", "kv");
    rows.iter().map(|(key, ..)| String::from_utf8_lossy(key).into_owned()).collect()
}

fn upto(mark: &Mark) -> (Option<&[u8]>, u64) {
    (mark.key.as_deref(), mark.rows)
}

/// Pushes these keys, each with itself as its value, up to the first error.
async fn load(fake: &Fake, loading: Loading, keys: &str) -> (Result<Mark, Error>, Mark) {
    let client = fake.builder().build().expect("settings");
    let mut load = client.table("kv").load_with(loading);
    for at in 0..keys.len() {
        let key = &keys[at..=at];
        if let Err(error) = load.push(key.to_owned(), key.to_owned()).await {
            let again = load.push("z", "z").await.expect_err("it takes no more");
            assert_eq!((&again, load.finish().await.as_ref().err()), (&error, Some(&error)));
            return (Err(error), load.mark().clone());
        }
    }
    let finished = load.finish().await;
    (finished, load.mark().clone())
}

#[tokio::test]
async fn rows_are_loaded_in_messages_of_their_own_names() {
    for (loading, messages) in [(Loading::default(), 1), (SMALL, 7)] {
        let fake = Fake::start().await;
        let (finished, mark) = load(&fake, loading, "abcdefg").await;
        assert_eq!(
            (upto(&finished.expect("loaded")), left(&fake).as_str()),
            ((Some(&b"g"[..]), 7), "abcdefg")
        );
        assert_eq!((mark.bytes, mark.kept), (14, 0));
        let asked = fake.asked();
        assert_eq!(asked.len(), messages);
        let mut names: Vec<_> = asked.into_iter().map(|asked| asked.op.expect("a name").1).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), messages);
    }
}

#[tokio::test]
async fn a_row_out_of_order_is_refused_when_those_before_it_are_there() {
    for (keys, before) in [("abca", "abc"), ("abb", "ab"), ("ba", "b")] {
        for loading in [Loading::default(), SMALL] {
            let fake = Fake::start().await;
            let (finished, mark) = load(&fake, loading, keys).await;
            let error = finished.expect_err("out of order");
            assert!(error.is(code::NOT_SORTED), "{error}");
            let number = format!("row {} of this load", before.len() + 1);
            assert!(error.message().contains(&number), "{error}");
            assert_eq!((left(&fake).as_str(), mark.rows), (before, before.len() as u64));
        }
    }
}

#[tokio::test]
async fn rows_in_the_order_of_points_are_in_order_too() {
    let mut keys: Vec<char> = ('a'..='z').collect();
    keys.sort_by_key(|key| encode_data(Layout::Hashed, &Key::new(key.to_string()).expect("a key")));
    let keys: String = keys.into_iter().collect();
    let fake = Fake::start().await;
    let (finished, _) = load(&fake, Loading { order: Layout::Hashed, ..SMALL }, &keys).await;
    assert_eq!(finished.expect("loaded").rows, 26);
    let (finished, _) = load(&fake, SMALL, &keys).await;
    assert!(finished.expect_err("not in that of keys").is(code::NOT_SORTED));
}

#[tokio::test]
async fn rows_that_are_there_may_stay() {
    let fake = Fake::start().await;
    for key in ["b", "d"] {
        fake.rows().put("", "kv", key.into(), "before".into());
    }
    let (finished, _) = load(&fake, Loading { if_absent: true, ..SMALL }, "abcd").await;
    let Mark { rows, kept, .. } = finished.expect("loaded");
    assert_eq!((rows, kept), (4, 2));
    let value = |key: &'static str| fake.rows().get("", "kv", &key.into()).expect("there").1;
    assert_eq!([value("a"), value("b")], ["a", "before"]);
}

/// What comes of it without waiting.
pub async fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = future => Some(done),
        () = tokio::task::yield_now() => None,
    }
}

/// Whoever gives up waiting finds the load where it was.
#[tokio::test]
async fn giving_up_waiting_loses_no_row() {
    let fake = Fake::start().await;
    let client = fake.builder().build().expect("settings");
    let mut load = client.table("kv").load_with(Loading { messages: 1, ..SMALL });
    let mut keys = "abcdefghijklmnop".chars().map(String::from).peekable();
    let mut given_up = 0;
    while let Some(key) = keys.peek() {
        match at_once(load.push(key.clone(), "v")).await {
            Some(pushed) => {
                pushed.expect("taken");
                keys.next();
            }
            None => given_up += 1,
        }
    }
    let mark = loop {
        match at_once(load.finish()).await {
            Some(mark) => break mark.expect("loaded"),
            None => given_up += 1,
        }
    };
    assert!(given_up > 5, "{given_up} times");
    assert_eq!((mark.rows, left(&fake).as_str()), (16, "abcdefghijklmnop"));
}

#[tokio::test]
async fn a_row_alone_that_is_there_may_stay() {
    let fake = Fake::start().await;
    fake.rows().put("", "kv", "a".into(), "before".into());
    let (finished, _) = load(&fake, Loading { if_absent: true, ..SMALL }, "a").await;
    let Mark { rows, kept, .. } = finished.expect("loaded");
    assert_eq!((rows, kept), (1, 1));
}

#[tokio::test]
async fn what_is_refused_for_now_is_sent_again() {
    let fake = Fake::start().await;
    for code in [code::OVERLOADED, code::UNKNOWN_OUTCOME, code::STOPPING] {
        fake.plan().refusals.push_back(Failure::new(code, "as planned"));
    }
    let (finished, _) = load(&fake, SMALL, "abcdefg").await;
    assert_eq!((finished.expect("loaded").rows, left(&fake).as_str()), (7, "abcdefg"));
}

#[tokio::test]
async fn a_mark_is_before_the_first_row_that_is_not_there() {
    let fake = Fake::start().await;
    fake.plan().items.insert(b"d".to_vec(), Failure::new(code::PARTITION_FAILED, "as planned"));
    let (finished, mark) = load(&fake, SMALL, "abcdefghijk").await;
    assert!(finished.expect_err("refused").is(code::PARTITION_FAILED));
    assert_eq!(upto(&mark), (Some(&b"c"[..]), 3));
    fake.plan().items.clear();
    let (finished, _) = load(&fake, SMALL, "defghijk").await;
    assert_eq!((finished.expect("loaded").rows, left(&fake).as_str()), (8, "abcdefghijk"));
}

#[tokio::test]
async fn what_is_no_row_is_refused_by_its_number() {
    let fake = Fake::start().await;
    let client = fake.builder().build().expect("settings");
    for (key, value, code) in [
        (String::new(), 1, code::KEY_INVALID),
        ("k".repeat(1025), 1, code::KEY_INVALID),
        ("k".to_owned(), 2 << 20, code::BATCH_TOO_LARGE),
    ] {
        let mut load = client.table("kv").load();
        load.push("a", "1").await.expect("taken");
        let error = load.push(key, vec![b'v'; value]).await.expect_err("no row");
        assert!(error.is(code), "{error}");
        assert_eq!(upto(load.mark()), (Some(&b"a"[..]), 1));
    }
}
