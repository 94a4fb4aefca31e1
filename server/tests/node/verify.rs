//! `statehouse verify`, as it is typed: a node that keeps its word, one that
//! forgets, and one that is somebody else's.

use crate::process::{Launch, Said};
use serde_json::Value;
use std::path::Path;

const SHORT: [&str; 9] = ["verify", "--minutes", "5", "--rounds", "1", "--ops", "2000", "-o", "json"];

/// With these arguments more: its exit code and words, and the report.
async fn verify(dir: &Path, more: &[&str]) -> (Said, Value) {
    let launch = more.iter().fold(Launch::plain(dir, &SHORT), Launch::with);
    let said = launch.variable("TMPDIR", dir.display()).run().await;
    let report = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("no report: {said:?}"));
    (said, report)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_keeps_its_word_is_clean() {
    for store in ["rocksdb", "memory"] {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let (said, report) = verify(dir.path(), &["--store", store]).await;
        assert_eq!((said.code, &report["clean"]), (Some(0), &true.into()), "{report}");
        assert!(report["kills"].as_u64() >= Some(1) && report["rounds"] == 1, "{report}");
        let done = ["put", "remove", "get"].map(|call| report["operations"][call]["done"].as_u64());
        assert!(done.iter().all(|done| *done > Some(10)), "{report}");
        let left = std::fs::read_dir(dir.path()).expect("our own").map(|entry| entry.expect("a name"));
        let left: Vec<_> = left.map(|entry| entry.file_name()).collect();
        assert!(left.iter().all(|name| name == "stdout" || name == "stderr"), "it left {left:?}");
    }
}

/// The lie: a table in memory without a log forgets when it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_forgets_is_caught_and_so_is_its_history() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let (said, report) = verify(dir.path(), &["--store", "memory", "--log", "none"]).await;
    assert_eq!(said.code, Some(1), "{report}");
    let told = report["violations"]["told"].as_array().expect("a list");
    assert!(told.iter().any(|one| one.as_str().is_some_and(|one| one.starts_with("lost: "))), "{report}");
    let history = report["histories"][0].as_str().expect("the file of a history");
    let again = Launch::plain(dir.path(), &["verify", "--judge", history]).run().await;
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.out.contains("lost: "), "{again:?}");
}

/// Its history is right until somebody changes one answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_is_judged_by_what_is_in_it() {
    let honest = concat!(
        r#"{"user":0,"key":1,"call":"put","value":7,"begun":1,"ended":2,"outcome":"wrote","partition":1,"epoch":[1,1],"index":1,"found":true}"#,
        "\n",
        r#"{"user":0,"key":1,"call":"get","begun":3,"ended":4,"outcome":"read","partition":1,"epoch":[1,1],"applied":1,"row":{"revision":1,"value":7}}"#,
        "\n",
        r#"{"user":0,"key":1,"call":"remove","begun":5,"ended":6,"outcome":"wrote","partition":1,"epoch":[1,1],"index":2,"found":true}"#,
        "\n",
        r#"{"user":0,"key":1,"call":"get","begun":7,"ended":8,"outcome":"read","partition":1,"epoch":[1,1],"applied":2}"#,
        "\n",
    );
    let stale = honest.replace(r#""applied":2}"#, r#""applied":2,"row":{"revision":1,"value":7}}"#);
    assert_ne!(honest, stale);
    for (text, code) in [(honest, 0), (&stale, 1), ("", 1), ("{}", 2)] {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let file = dir.path().join("history.jsonl");
        std::fs::write(&file, text).expect("a file");
        let said = Launch::plain(dir.path(), &["verify", "--judge"]).with(file.display()).run().await;
        assert_eq!(said.code, Some(code), "{text}: {said:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_of_somebody_else_is_not_killed_and_left_as_it_was() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let mut node = Launch::server(dir.path()).start().await;
    let (data, control) = (node.at.data.to_string(), node.at.control.to_string());
    let inside = dir.path().join("verify");
    std::fs::create_dir(&inside).expect("a directory");
    let (said, report) = verify(&inside, &["--endpoint", &data, "--control-endpoint", &control]).await;
    assert_eq!((said.code, &report["kills"]), (Some(0), &0.into()), "{report}");
    assert_eq!(report["left"], Value::Array(Vec::new()), "{report}");
    assert!(node.process.ended().is_none(), "{}", node.process.errors());
    let listed =
        Launch::plain(&inside, &["partition", "ls", "-o", "json", "--control-endpoint"]).with(control);
    std::fs::remove_file(inside.join("stdout")).expect("what it said before");
    let listed = listed.run().await;
    assert!(listed.out.contains(r#""partitions":[]"#), "{listed:?}");
}
