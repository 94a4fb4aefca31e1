//! Views: filled, kept up, filled anew, ended.

use crate::fake::Fake;
use crate::follows::{eventful, fails};
use client::{View, Watching};
use model::{Durability, Epoch, PartitionId, code};
use proto::convert::Receipt;

/// More has happened, and what was before that is gone.
fn gone(fake: &Fake) {
    let mut history = fake.history();
    history.events.extend([(1, 6, "a", None), (1, 7, "f", Some("7"))]);
    history.given_up = 6;
}

/// Keys and values as one word.
fn shown(view: &View) -> String {
    let rows = view.range(b"", b"");
    let word = |(key, row): (bytes::Bytes, client::Shown)| {
        format!("{}={}", String::from_utf8_lossy(&key), String::from_utf8_lossy(&row.value))
    };
    rows.into_iter().map(word).collect::<Vec<_>>().join(" ")
}

fn receipt(partition: u64, index: u64) -> Receipt {
    let (partition, epoch, durability) = (PartitionId(partition), Epoch::FIRST, Durability::Local);
    Receipt { partition, epoch, index, durability, stale: false, age_ms: 0, boot: model::BootId(0) }
}

#[tokio::test]
async fn a_view_is_what_the_table_was_at_its_positions_and_is_kept_up() {
    let fake = eventful().await;
    let table = fake.builder().build().expect("settings").table("kv");
    let view = View::follow(&table, Watching::all());
    assert_eq!((view.len(), view.age(), view.positions()), (0, None, None), "nothing has come yet");
    view.ready().await.expect("filled");
    assert_eq!(shown(&view), "a=3 b=1 d=4 e=5");
    let row = view.get(b"a").expect("a row");
    assert_eq!((row.revision, &row.value[..], view.get(b"c")), (3, &b"3"[..], None));
    assert_eq!(view.range(b"b", b"e").len(), 2);
    assert_eq!((view.range(b"e", b"b").len(), view.range(b"x", b"").len()), (0, 0));
    // The fake ends each call when all is told, so the next one tells of this.
    let mut seen = view.clone();
    fake.history().events.extend([(1, 6, "a", None), (2, 5, "z", Some("9"))]);
    view.reaches(&receipt(1, 6)).await.expect("told");
    view.reaches(&receipt(2, 5)).await.expect("told");
    seen.changed().await.expect("it has");
    assert_eq!(shown(&view), "b=1 d=4 e=5 z=9");
    assert_eq!(view.positions().map(|at| at.to_string()).as_deref(), Some("1:6,2:5"));
    assert!(view.age().is_some(), "both partitions have said that this is all");
    assert_eq!(view.refills(), 0, "breaks alone fill nothing anew");
}

#[tokio::test]
async fn what_is_filled_anew_is_shown_when_it_is_whole() {
    let fake = eventful().await;
    let table = fake.builder().build().expect("settings").table("kv");
    // Broken between rows first: the view is ready once, with all rows.
    fake.plan().cut_follow.extend([fails(2, code::STOPPING), fails(5, code::STOPPING)]);
    let view = View::follow(&table, Watching::all());
    view.ready().await.expect("filled");
    assert_eq!((shown(&view).as_str(), view.refills()), ("a=3 b=1 d=4 e=5", 0));
    gone(&fake);
    view.reaches(&receipt(1, 7)).await.expect("told");
    assert_eq!((shown(&view).as_str(), view.refills()), ("b=1 d=4 e=5 f=7", 1));
}

#[tokio::test]
async fn what_does_not_pass_ends_a_view_which_says_why() {
    let fake = eventful().await;
    let client = fake.builder().build().expect("settings");
    let mut view = View::follow(&client.table("missing"), Watching::all());
    assert!(view.ready().await.is_err_and(|error| error.is(code::NO_TABLE)));
    assert!(view.changed().await.is_err_and(|error| error.is(code::NO_TABLE)));
    assert!(view.reaches(&receipt(1, 1)).await.is_err());
    assert_eq!((view.len(), view.is_empty(), view.age()), (0, true, None));
}
