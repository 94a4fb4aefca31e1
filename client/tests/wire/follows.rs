//! Watches and tails: what they tell, and what breaks between messages.

use crate::fake::Fake;
use client::{Error, EventKind, PartitionId, Positions, Tailing, Watch, Watched, Watching};
use model::{Code, code};
use proto::Failure;
use proto::data::{Event, WatchResponse};
use std::time::Duration;

/// Two partitions in which something has happened.
pub async fn eventful() -> Fake {
    let fake = Fake::start().await;
    fake.history().events = vec![
        (1, 1, "a", Some("1")),
        (2, 1, "b", Some("1")),
        (1, 2, "c", Some("2")),
        // One command, two events.
        (1, 3, "a", Some("3")),
        (1, 3, "c", None),
        (2, 4, "d", Some("4")),
        (1, 5, "e", Some("5")),
    ];
    fake
}

pub fn fails(messages: usize, code: Code) -> (usize, Failure) {
    (messages, Failure::new(code, "as planned"))
}

fn positions(text: &str) -> Positions {
    text.parse().expect("positions")
}

/// A word for each thing told, until the end.
async fn told(watch: &mut Watch) -> (Vec<String>, Option<Error>) {
    let mut words = Vec::new();
    while let Some(next) = watch.next().await {
        match next {
            Ok(watched) => words.extend(words_of(watched)),
            Err(error) => {
                assert_eq!(watch.next().await, None, "nothing comes behind an error");
                return (words, Some(error));
            }
        }
    }
    (words, None)
}

fn words_of(watched: Watched) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match watched {
        Watched::Ready => vec!["ready".to_owned()],
        Watched::Restarted => vec!["restarted".to_owned()],
        Watched::State(state) => {
            let row = |row: &client::KeyedRow| {
                format!("{}@{} {}={}", state.at.partition, row.revision, text(&row.key), text(&row.value))
            };
            let last = state.is_last.then(|| format!("{}@{} rows", state.at.partition, state.at.index));
            state.rows.iter().map(row).chain(last).collect()
        }
        Watched::Events(events) => {
            let event = |event: &client::Event| {
                let put = format!("{}={}", text(&event.key), text(&event.value));
                let what = if event.kind == EventKind::Put { put } else { format!("{}-", text(&event.key)) };
                format!("{}:{} {what}", events.at.partition, event.index)
            };
            let mark = events.is_mark().then(|| format!("{}:{}", events.at.partition, events.at.index));
            events.events.iter().map(event).chain(mark).collect()
        }
    }
}

async fn watched(fake: &Fake, watching: Watching) -> (String, Option<Error>) {
    let table = fake.builder().build().expect("settings").table("kv");
    let (words, error) = told(&mut table.watch(watching.ends(true))).await;
    (words.join(", "), error)
}

const BEHIND: &str = "ready, 1:3 a=3, 1:3 c-, 1:5 e=5, 1:5, 2:4 d=4, 2:4";

#[tokio::test]
async fn a_watch_begins_now_or_behind_positions_or_with_rows() {
    let fake = eventful().await;
    let table = [
        (Watching::all(), "ready, 1:5, 2:4"),
        (Watching::all().behind(positions("1:2,2:1")), BEHIND),
        (Watching::all().behind(positions("1:5")), "ready, 1:5, 2:1 b=1, 2:4 d=4, 2:4"),
        (
            Watching::all().with_rows(),
            "1@3 a=3, 1@5 e=5, 1@5 rows, 1:5, 2@1 b=1, 2@4 d=4, 2@4 rows, ready, 2:4",
        ),
    ];
    for (watching, expected) in table {
        let (words, error) = watched(&fake, watching.clone()).await;
        assert_eq!((words.as_str(), error), (expected, None), "{watching:?}");
    }
}

#[tokio::test]
async fn a_watch_that_breaks_anywhere_tells_everything_once() {
    let fake = eventful().await;
    let passes = [code::OVERLOADED, code::STOPPING, code::UNKNOWN_OUTCOME, code::DEADLINE_EXCEEDED];
    for (first, second) in (0..7).flat_map(|first| (0..5).map(move |second| (first, second))) {
        let fails = |messages| fails(messages, passes[(first + second) % passes.len()]);
        fake.plan().cut_follow.extend([fails(first), fails(second)]);
        let (words, error) = watched(&fake, Watching::all().behind(positions("1:2,2:1"))).await;
        let words: Vec<_> = words.split(", ").filter(|word| word.contains(' ') || *word == "ready").collect();
        let all: Vec<_> = BEHIND.split(", ").filter(|word| word.contains(' ') || *word == "ready").collect();
        assert_eq!((words, error), (all, None), "cut after {first} and {second} messages");
        fake.plan().cut_follow.clear();
    }
}

/// Rows of two moments do not go together: what was told is void, and the second
/// time it is what the first would have been.
#[tokio::test]
async fn a_break_between_rows_begins_them_anew_and_says_so() {
    let fake = eventful().await;
    let (all, _) = watched(&fake, Watching::all().with_rows()).await;
    for messages in 0..=8 {
        fake.plan().cut_follow.push_back(fails(messages, code::STOPPING));
        let (words, error) = watched(&fake, Watching::all().with_rows()).await;
        assert_eq!(error, None);
        match messages {
            // No row was asked for, or all had come.
            0 => assert_eq!(words, all),
            8 => assert_eq!(words, all.replace("2:4", "1:5, 2:4"), "it goes on behind the rows"),
            _ => {
                let (void, kept) = words.split_once("restarted, ").expect("a beginning anew");
                assert_eq!(kept, all, "after {messages} messages and {void}");
                assert!(all.starts_with(void.trim_end_matches(", ")), "{void}");
            }
        }
    }
}

#[tokio::test]
async fn rows_that_never_come_whole_are_given_up() {
    let fake = eventful().await;
    fake.plan().cut_follow.extend((0..100).map(|_| fails(3, code::DEADLINE_EXCEEDED)));
    let (words, error) = watched(&fake, Watching::all().with_rows()).await;
    assert!(error.is_some_and(|error| error.is(code::DEADLINE_EXCEEDED)));
    assert_eq!(words.matches("restarted").count(), 16);
}

#[tokio::test]
async fn positions_are_asked_for_again_and_may_be_taken_elsewhere() {
    let fake = eventful().await;
    fake.plan().cut_follow.push_back(fails(3, code::STOPPING));
    let table = fake.builder().build().expect("settings").table("kv");
    let mut watch = table.watch(Watching::all().behind(positions("1:1")));
    assert_eq!(watch.positions(), None, "nothing was told yet");
    let mut taken = Vec::new();
    for _ in 0..4 {
        watch.next().await.expect("no end").expect("told");
        taken.push(watch.positions().expect("it is ready").to_string());
    }
    assert_eq!(taken, ["1:1,2:0", "1:2,2:0", "1:3,2:0", "1:5,2:0"]);
    let asked: Vec<_> = fake.asked().into_iter().map(|asked| (asked.from, asked.deadline_ms)).collect();
    assert_eq!(asked, [(vec![(1, 1)], 0), (vec![(1, 3), (2, 0)], 0)]);
    // Somewhere else, later, from the text.
    let (words, _) = watched(&fake, Watching::all().behind(positions(&taken[2]))).await;
    assert_eq!(words, "ready, 1:5 e=5, 1:5, 2:1 b=1, 2:4 d=4, 2:4");
}

/// By that a node knows a position in a history that it has lost.
#[tokio::test]
async fn positions_say_who_told_them() {
    let fake = eventful().await;
    fake.history().boot = 0xff;
    fake.plan().cut_follow.push_back(fails(3, code::STOPPING));
    let client = fake.builder().build().expect("settings");
    let behind = Watching::all().behind(positions("1:2,2:4@00000000000000aa")).ends(true);
    let mut watch = client.table("kv").watch(behind);
    told(&mut watch).await;
    let seen = watch.positions().expect("it was ready").to_string();
    assert_eq!(seen, "1:5@00000000000000ff,2:4@00000000000000ff");
    let boots: Vec<_> = fake.asked().into_iter().take(2).map(|asked| asked.boots).collect();
    assert_eq!(boots, [[0, 0xaa], [0xff, 0xff]]);
    let mut tail = client.tail(PartitionId(1), Tailing::now().ends(true));
    while tail.next().await.is_some() {}
    let mut tail = client.tail(PartitionId(1), Tailing::behind(tail.position().expect("it is known")));
    tail.next().await.expect("a mark").expect("no error");
    let boots: Vec<_> = fake.asked().into_iter().map(|asked| (asked.from, asked.boots)).collect();
    assert_eq!(boots, [(vec![(1, 0)], vec![0]), (vec![(1, 6)], vec![0xff])]);
}

#[tokio::test]
async fn what_is_gone_and_what_is_to_come_are_errors_with_what_is_known() {
    let fake = eventful().await;
    fake.history().given_up = 2;
    let (words, error) = watched(&fake, Watching::all().behind(positions("1:1,2:4"))).await;
    let error = error.expect("it is gone");
    assert!(words.is_empty() && error.is(code::COMPACTED) && !error.is_retryable(), "{error}");
    assert_eq!((error.first_kept(), error.revision()), (Some(3), Some(3)));
    let (_, error) = watched(&fake, Watching::all().behind(positions("1:6,2:4"))).await;
    let error = error.expect("it is not there");
    assert!(error.is(code::FROM_FUTURE) && error.first_kept().is_none(), "{error}");
    let (_, error) = watched(&fake, Watching::all().behind(Positions::new())).await;
    assert!(error.expect("refused").is(code::MALFORMED));
    assert_eq!(fake.asked().len(), 2, "what makes no sense is not sent");
}

/// It breaks, and before it is back, what it needs is gone.
#[tokio::test]
async fn a_break_that_outlasts_the_events_is_told_and_leaves_the_positions() {
    let fake = eventful().await;
    fake.plan().cut_follow.push_back(fails(2, code::STOPPING));
    let table = fake.builder().build().expect("settings").table("kv");
    let mut watch = table.watch(Watching::all().behind(positions("1:1,2:4")));
    for expected in ["ready", "1:2 c=2"] {
        let next = watch.next().await.expect("no end").expect("told");
        assert_eq!(words_of(next), [expected]);
    }
    fake.history().given_up = 4;
    let error = watch.next().await.expect("an error").expect_err("it is gone");
    assert_eq!((error.number(), error.first_kept()), (code::COMPACTED.number, Some(5)));
    assert_eq!(watch.positions().map(ToString::to_string).as_deref(), Some("1:2,2:4"));
    assert_eq!(watch.next().await, None);
}

#[tokio::test]
async fn nothing_is_passed_on_that_cannot_come_next() {
    let fake = eventful().await;
    let of = |partition, index, events: &[u64]| WatchResponse {
        partition,
        index,
        told: events.iter().map(|index| Event { index: *index, kind: 1, ..Event::default() }).collect(),
        ..WatchResponse::default()
    };
    let twice = WatchResponse {
        begins: vec![proto::common::Position { partition: 1, index: 5, boot: 0 }],
        ..WatchResponse::default()
    };
    let skips = WatchResponse {
        begins: vec![proto::common::Position { partition: 1, index: 9, boot: 0 }],
        ..WatchResponse::default()
    };
    for besides in [of(1, 5, &[5]), of(1, 4, &[]), of(2, 9, &[5, 10]), of(3, 1, &[]), skips] {
        fake.plan().told_besides = vec![besides.clone()];
        let (words, error) = watched(&fake, Watching::all()).await;
        let error = error.expect("it is refused");
        assert!(error.is(code::OUT_OF_ORDER) && !error.is_retryable(), "{besides:?}: {error}");
        assert_eq!(words, "ready, 1:5, 2:4", "{besides:?}");
    }
    fake.plan().told_besides = vec![twice];
    assert_eq!(watched(&fake, Watching::all()).await, ("ready, 1:5, 2:4".to_owned(), None));
}

#[tokio::test]
async fn a_node_that_says_nothing_is_given_up() {
    let fake = eventful().await;
    fake.plan().silent = true;
    let short = Duration::from_millis(20);
    let client = fake.builder().deadline(short).build().expect("settings");
    let mut watch = client.table("kv").watch(Watching::all().silence(short));
    let error = watch.next().await.expect("an end").expect_err("no answer");
    assert!(error.is(code::UNREACHABLE) || error.is(code::DEADLINE_EXCEEDED), "{error}");
    let mut tail = client.tail(PartitionId(1), Tailing::now().silence(short));
    let error = tail.next().await.expect("an end").expect_err("no answer");
    assert!(error.is(code::UNREACHABLE) || error.is(code::DEADLINE_EXCEEDED), "{error}");
    assert_eq!((tail.next().await, tail.position()), (None, None));
}

#[tokio::test]
async fn a_client_without_retries_is_told_of_a_break() {
    let fake = eventful().await;
    fake.plan().cut_follow.push_back(fails(2, code::STOPPING));
    let table = fake.builder().retries(false).build().expect("settings").table("kv");
    let mut watch = table.watch(Watching::all().behind(positions("1:1,2:4")));
    let (words, error) = told(&mut watch).await;
    assert_eq!(words, ["ready", "1:2 c=2"]);
    assert!(error.is_some_and(|error| error.is(code::STOPPING) && error.is_retryable()));
    assert_eq!(watch.positions().map(ToString::to_string).as_deref(), Some("1:2,2:4"));
}

/// The indexes of all events, and how it ended.
async fn tailed(fake: &Fake, partition: u64, tailing: Tailing) -> (Vec<u64>, Option<Error>) {
    let client = fake.builder().build().expect("settings");
    let mut tail = client.tail(PartitionId(partition), tailing.ends(true));
    let mut indexes = Vec::new();
    while let Some(next) = tail.next().await {
        match next {
            Ok(events) => {
                indexes.extend(events.events.iter().map(|event| event.index));
                assert_eq!(tail.position(), Some(events.at));
            }
            Err(error) => return (indexes, Some(error)),
        }
    }
    (indexes, None)
}

#[tokio::test]
async fn a_tail_goes_on_behind_what_it_told() {
    let fake = eventful().await;
    assert_eq!(tailed(&fake, 2, Tailing::now()).await, (vec![], None));
    assert_eq!(tailed(&fake, 2, Tailing::from(2)).await, (vec![4], None));
    for cuts in [[0, 0], [0, 1], [1, 0], [2, 1], [3, 0]] {
        fake.plan().cut_follow.extend(cuts.map(|messages| fails(messages, code::STOPPING)));
        assert_eq!(tailed(&fake, 1, Tailing::from(1)).await, (vec![1, 2, 3, 3, 5], None), "{cuts:?}");
        fake.plan().cut_follow.clear();
    }
    fake.history().given_up = 3;
    let (indexes, error) = tailed(&fake, 1, Tailing::from(3)).await;
    assert_eq!((indexes, error.and_then(|error| error.first_kept())), (vec![], Some(4)));
    let (_, error) = tailed(&fake, 1, Tailing::from(7)).await;
    assert!(error.is_some_and(|error| error.is(code::FROM_FUTURE)));
}
