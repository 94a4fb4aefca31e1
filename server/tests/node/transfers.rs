//! Rows exported and imported by the command line, as it is typed.

use crate::process::{Launch, Node, Said};
use crate::talk::{self, Table};
use bytes::Bytes;
use client::{Change, Client, Scope};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

const FROM: Table = Table::durable("from");
const ROWS: usize = 3000;

fn table(node: &Node, name: &str) -> client::Table {
    Client::builder(node.at.data.to_string()).build().expect("an address").table(name)
}

/// Keys and values of any bytes.
fn rows() -> Vec<(Bytes, Bytes)> {
    let row = |number: usize| {
        let any = |salt: usize| (0..number % 9).map(move |at| (number * 31 + at * salt) as u8);
        let key = [format!("{number:05}").into_bytes(), any(7).collect()].concat();
        (key.into(), any(13).collect::<Vec<u8>>().into())
    };
    (0..ROWS).map(row).collect()
}

async fn fill(node: &Node, name: &str) {
    let items = rows().into_iter().map(|(key, value)| talk::item(key, value));
    assert!(table(node, name).upsert(items).await.iter().all(Result::is_ok));
}

/// All rows, sorted.
async fn content(node: &Node, name: &str) -> Vec<(Bytes, Bytes)> {
    let (mut scan, mut rows) = (table(node, name).scan(Scope::all()), Vec::new());
    while let Some(entry) = scan.next().await {
        let entry = entry.expect("a row");
        rows.push((entry.key, entry.row.value));
    }
    rows.sort();
    rows
}

/// A verb in a directory of its own, against the node.
async fn run(node: &Node, words: &[&str]) -> Said {
    let dir = tempfile::tempdir().expect("a scratch directory");
    launch(node, dir.path(), words).run().await
}

fn launch(node: &Node, dir: &Path, words: &[&str]) -> Launch {
    let launch = Launch::plain(dir, words).with("--endpoint").with(node.at.data);
    launch.with("--control-endpoint").with(node.at.control)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_exported_is_what_is_imported_in_any_layout() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    let ordered = Table { layout: "ordered", partitions: 1, ..FROM };
    let file = dir.path().join("rows.jsonl");
    let path = file.to_str().expect("text");
    for (from, into) in [("h1", "h2"), ("h1", "o2"), ("o1", "h3"), ("o1", "o3")] {
        for name in [from, into] {
            let like = if name.starts_with('h') { FROM } else { ordered };
            if table(&node, name).scan(Scope::all().limit(1)).page().await.is_none_or(|page| page.is_err()) {
                Table { name: Box::leak(name.to_owned().into_boxed_str()), ..like }.create(&node).await;
            }
        }
        fill(&node, from).await;
        let said = run(&node, &["export", "-t", from, "--file", path]).await;
        assert_eq!((said.code, said.out.as_str()), (Some(0), "exported: 3000 rows\n"), "{said:?}");
        let text = std::fs::read_to_string(&file).expect("an export");
        assert!(text.ends_with("{\"end\":{\"rows\":3000}}\n"), "it says that it is whole");
        let said = run(&node, &["import", "-t", into, "--file", path, "--progress"]).await;
        assert_eq!((said.code, said.out.as_str()), (Some(0), "loaded: 3000 rows\n"), "{said:?}");
        assert_eq!(content(&node, into).await, rows(), "{from} {into}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_export_is_named_and_the_corrected_one_goes_on() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    let ordered = Table { layout: "ordered", partitions: 1, ..FROM };
    for name in ["from", "cut", "bad", "swapped"] {
        Table { name, ..ordered }.create(&node).await;
    }
    fill(&node, "from").await;
    let file = dir.path().join("rows.jsonl");
    let path = file.to_str().expect("text");
    let said = run(&node, &["export", "-t", "from", "--file", path]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let whole = std::fs::read_to_string(&file).expect("an export");
    let lines: Vec<&str> = whole.lines().collect();
    let cut = lines[..2000].join("\n");
    let bad = [&lines[..1500], &["{\"key\":"], &lines[1501..]].concat().join("\n");
    let swapped = [&lines[..1000], &[lines[1001], lines[1000]], &lines[1002..]].concat().join("\n");
    for (name, text, code, line) in [
        ("cut", cut, "SH2404", "line 2000"),
        ("bad", bad, "SH2404", "line 1501"),
        ("swapped", swapped, "SH2403", "line 1002"),
    ] {
        std::fs::write(&file, text).expect("written");
        let said = run(&node, &["import", "-t", name, "--file", path, "-o", "json"]).await;
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.errors.contains(code) && said.errors.contains(line), "{said:?}");
        let report: serde_json::Value = serde_json::from_str(&said.out).expect("a report");
        let loaded = content(&node, name).await;
        assert_eq!(report["rows"].as_u64(), Some(loaded.len() as u64), "what was taken is there: {said:?}");
        if code == "SH2403" {
            // One lies behind where it should have come: all are loaded again.
            std::fs::write(&file, &whole).expect("written");
            let said = run(&node, &["import", "-t", name, "--file", path]).await;
            assert_eq!(said.code, Some(0), "{said:?}");
            assert_eq!(content(&node, name).await, rows(), "{name}");
            continue;
        }
        assert_eq!(loaded, rows()[..loaded.len()], "{name}");
        let upto: String = loaded.last().expect("rows").0.iter().map(|byte| format!("{byte:02x}")).collect();
        std::fs::write(&file, &whole).expect("written");
        let behind = ["--encoding", "hex", "--resume-after", &upto];
        let said =
            run(&node, &[&["import", "-t", name, "--file", path, "-o", "json"][..], &behind].concat()).await;
        let report: serde_json::Value = serde_json::from_str(&said.out).expect("a report");
        assert_eq!((said.code, report["skipped"].as_u64()), (Some(0), Some(loaded.len() as u64)), "{said:?}");
        assert_eq!(content(&node, name).await, rows(), "{name}");
    }
    assert_eq!(content(&node, "from").await, rows(), "others are as they were");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_do_not_last_are_imported_for_the_rest_of_their_time() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    for name in ["from", "into"] {
        Table { name, layout: "ordered", partitions: 1, ..FROM }.create(&node).await;
    }
    let (from, into) = (table(&node, "from"), table(&node, "into"));
    let hour = Duration::from_secs(3600);
    from.change(Change::put_for("an hour", "v", hour)).await.expect("written");
    from.put("for ever", "v").await.expect("written");
    let file = dir.path().join("rows.jsonl");
    let path = file.to_str().expect("text");
    let said = run(&node, &["export", "-t", "from", "--file", path]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let said = run(&node, &["import", "-t", "into", "--file", path]).await;
    assert_eq!((said.code, said.out.as_str()), (Some(0), "loaded: 2 rows\n"), "{said:?}");
    let until = |row: Option<client::Row>| row.expect("it is there").expires;
    let was = until(from.get("an hour").await.expect("read")).expect("it does not last");
    let is = until(into.get("an hour").await.expect("read")).expect("it does not last");
    let apart = is.duration_since(was).or_else(|_| was.duration_since(is)).expect("one is first");
    assert!(apart < hour / 2, "{apart:?}");
    assert_eq!(until(into.get("for ever").await.expect("read")), None);
    // What is over by now, and once was there for ever, stays as it is.
    std::fs::write(&file, r#"{"key":"for ever","value":"w","expires_ms":1}"#).expect("written");
    let said = run(&node, &["import", "-t", "into", "--file", path]).await;
    assert_eq!(said.out, "loaded: 0 rows, 1 whose time is over\n", "{said:?}");
    assert_eq!(into.get("for ever").await.expect("read").expect("it is there").value, "v");
}

/// The node is killed between two halves that the import reads from a pipe.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_a_kill_broke_off_goes_on_where_it_says() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let mut node = Launch::server(dir.path()).start().await;
    Table { layout: "ordered", partitions: 1, ..FROM }.create(&node).await;
    let value = "v".repeat(2000);
    let line = |number: usize| format!("{{\"key\":\"{number:05}\",\"value\":\"{value}\"}}\n");
    let half = |from: usize| (from..from + ROWS).map(line).collect::<String>();
    let pipe = dir.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("a program of its own");
    assert!(made.success());
    let path = pipe.to_str().expect("text");
    let inside = tempfile::tempdir().expect("a scratch directory");
    let words = ["import", "-t", "from", "--deadline", "2s", "-o", "json", "--file", path];
    let mut importing = launch(&node, inside.path(), &words).spawn();
    let mut into = std::fs::OpenOptions::new().write(true).open(&pipe).expect("it reads");
    into.write_all(half(0).as_bytes()).expect("it reads on");
    let first = table(&node, "from");
    while first.get("00000").await.expect("read").is_none() {
        tokio::task::yield_now().await;
    }
    node.process.kill();
    // It may have ended by now.
    let _ = into.write_all(half(ROWS).as_bytes());
    drop(into);
    let code = importing.end().await.code();
    assert_eq!(code, Some(3), "{}", importing.errors());
    let report: serde_json::Value = serde_json::from_str(&importing.said("stdout")).expect("a report");
    let node = Launch::server(dir.path()).start().await;
    let loaded = content(&node, "from").await;
    let marked = report["rows"].as_u64().expect("a count") as usize;
    assert!(marked <= loaded.len() && loaded.len() < 2 * ROWS, "{report}: {} rows", loaded.len());
    assert!(loaded.iter().enumerate().take(marked).all(|(at, (key, _))| *key == format!("{at:05}")));
    let file = dir.path().join("rows.jsonl");
    std::fs::write(&file, half(0) + &half(ROWS)).expect("written");
    let upto = report["upto"].as_str().unwrap_or("0");
    let words = ["import", "-t", "from", "--file", file.to_str().expect("text"), "--resume-after", upto];
    let said = run(&node, &words).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let all = content(&node, "from").await;
    assert!(all.len() == 2 * ROWS && all.iter().enumerate().all(|(at, (key, _))| *key == format!("{at:05}")));
}
