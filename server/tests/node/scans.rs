//! Scans: ranges, directions and limits, one moment for each partition, and
//! clients that are slow, late, or ask for what nobody holds.

use crate::probe;
use crate::process::{Launch, Node};
use crate::talk::{self, Data, Table};
use bytes::Bytes;
use client::{Client, Scope};
use model::code;
use proto::Failure;
use proto::common::{Header, Receipt};
use proto::control::{AddPartitionRequest, Range, RemovePartitionRequest};
use proto::data::{ScanRequest, ScanResponse};
use std::collections::BTreeMap;
use tonic::{Status, Streaming};

const ORDERED: Table = Table { layout: "ordered", partitions: 1, ..Table::durable("o") };

/// Rows of a page, more or less: 256 KiB of them.
const LONG_VALUE: usize = 1000;
const LONG_ROWS: usize = 20_000;

/// What a scan has shown: rows, the receipt of each message, and its end.
#[derive(Debug, Default)]
struct Seen {
    rows: Vec<(Bytes, Bytes)>,
    receipts: Vec<Receipt>,
    end: Option<Failure>,
}

impl Seen {
    fn keys(&self) -> Vec<&str> {
        self.rows.iter().map(|(key, _)| std::str::from_utf8(key).expect("text")).collect()
    }

    fn add(&mut self, message: ScanResponse) {
        let receipt = message.receipt.expect("a receipt");
        for row in message.rows {
            assert!(row.revision <= receipt.index, "no row is newer than its receipt");
            self.rows.push((row.key, row.value));
        }
        if let Some(before) = self.receipts.iter().find(|before| before.partition == receipt.partition) {
            assert_eq!(*before, receipt, "one moment for each partition");
        }
        self.receipts.push(receipt);
    }
}

/// Everything that is still to come.
async fn rest(messages: &mut Streaming<ScanResponse>, seen: &mut Seen) {
    loop {
        match messages.message().await {
            Ok(Some(message)) => seen.add(message),
            Ok(None) => return,
            Err(status) => {
                seen.end = Some(Failure::from(status));
                return;
            }
        }
    }
}

async fn scan(data: &mut Data, request: ScanRequest) -> Result<Seen, Status> {
    let mut messages = data.scan(request).await?.into_inner();
    let mut seen = Seen::default();
    rest(&mut messages, &mut seen).await;
    Ok(seen)
}

async fn fill(data: &mut Data, table: &str, rows: impl IntoIterator<Item = (String, Vec<u8>)>) {
    let items: Vec<_> = rows.into_iter().map(|(key, value)| talk::item(key, value)).collect();
    for items in items.chunks(500) {
        data.upsert(talk::upsert_of(table, items.to_vec())).await.expect("taken");
    }
}

/// Cuts an ordered table that has one partition anew, at these keys.
async fn cut(node: &Node, table: &str, whole: u64, ranges: &[(&'static str, &'static str)]) {
    let mut control = talk::control(node).await;
    control
        .remove_partition(RemovePartitionRequest { id: whole, ..Default::default() })
        .await
        .expect("there");
    for (start, end) in ranges {
        let range = Some(Range { start: Bytes::from(*start), end: Bytes::from(*end) });
        let add = AddPartitionRequest { table: table.to_owned(), range, ..Default::default() };
        control.add_partition(add).await.expect("nobody has those keys");
    }
}

/// Bounds, a start to go on behind, limits: all of it in both directions.
fn requests() -> Vec<ScanRequest> {
    let bounds = ["", "a", "b1", "c", "c5", "d", "zz"];
    let limits = [(0, 0), (1, 0), (7, 0), (0, 1), (0, 40), (5, 20), (1000, 1 << 20)];
    let mut requests = Vec::new();
    for (at, start) in bounds.iter().enumerate() {
        let ends = bounds[1..].iter().filter(|end| *end > start).chain([&""]);
        for (number, end) in ends.enumerate() {
            for after in ["", bounds[(at + number) % bounds.len()]] {
                let (limit, limit_bytes) = limits[(at * 3 + number) % limits.len()];
                let of = |bound: &&'static str| Bytes::from(*bound);
                let (start, end, after) = (of(start), of(end), of(&after));
                let forward = ScanRequest { start, end, after, limit, limit_bytes, ..Default::default() };
                requests.push(ScanRequest { reverse: true, ..forward.clone() });
                requests.push(forward);
            }
        }
    }
    requests
}

/// What a request has to show of these rows.
fn expected(rows: &BTreeMap<String, Vec<u8>>, request: &ScanRequest) -> Vec<String> {
    let inside = |key: &str| {
        let key = key.as_bytes();
        let behind = match request.reverse {
            _ if request.after.is_empty() => true,
            true => key < &request.after[..],
            false => key > &request.after[..],
        };
        behind && key >= &request.start[..] && (request.end.is_empty() || key < &request.end[..])
    };
    let mut inside: Vec<_> = rows.iter().filter(|(key, _)| inside(key)).collect();
    if request.reverse {
        inside.reverse();
    }
    let most = |limit: u64| if limit == 0 { u64::MAX } else { limit };
    let (mut keys, mut bytes) = (Vec::new(), 0);
    for (key, value) in inside {
        bytes += (key.len() + value.len()) as u64;
        let is_full = keys.len() as u64 == most(request.limit);
        if is_full || (bytes > most(request.limit_bytes) && !keys.is_empty()) {
            break;
        }
        keys.push(key.clone());
    }
    keys
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_range_in_every_direction_shows_its_rows_and_no_others() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).set("limits.scan-rows-max=10").start().await;
    let mut data = talk::data(&node).await;
    let names = "abcd".chars().flat_map(|letter| (0..12).map(move |number| format!("{letter}{number:x}")));
    let rows: BTreeMap<String, Vec<u8>> =
        names.map(|name| (name.clone(), name.repeat(2).into_bytes())).collect();
    let cuts: [&[(&str, &str)]; 2] = [&[("", "")], &[("", "b"), ("b", "c"), ("c", "c5"), ("c5", "")]];
    for (number, store) in ["rocksdb", "memory", "rocksdb", "memory"].into_iter().enumerate() {
        let name = ["o1", "o2", "o3", "o4"][number];
        let table = Table { name, store, ..ORDERED };
        let whole = table.create(&node).await[0];
        cut(&node, name, whole, cuts[number / 2]).await;
        fill(&mut data, name, rows.clone()).await;
        for request in requests() {
            let request = ScanRequest { table: name.to_owned(), ..request };
            let seen = scan(&mut data, request.clone()).await.expect("a scan");
            assert_eq!(seen.end, None, "{request:?}");
            assert_eq!(seen.keys(), expected(&rows, &request), "{store} {request:?}");
            assert!(seen.rows.iter().all(|(key, value)| *value == rows[std::str::from_utf8(key).unwrap()]));
        }
    }
}

/// A table with more rows than all buffers on the way hold.
async fn long(node: &Node, table: Table) -> Data {
    table.create(node).await;
    let mut data = talk::data(node).await;
    let rows = (0..LONG_ROWS).map(|number| (format!("{number:06}"), vec![b'v'; LONG_VALUE]));
    fill(&mut data, table.name, rows).await;
    data
}

fn all_of(table: &str) -> ScanRequest {
    ScanRequest { table: table.to_owned(), ..ScanRequest::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_during_a_scan_does_not_show_in_it() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    for table in [ORDERED, Table { name: "m", store: "memory", ..ORDERED }] {
        let mut data = long(&node, table).await;
        let mut messages = data.scan(all_of(table.name)).await.expect("a scan").into_inner();
        let mut seen = Seen::default();
        seen.add(messages.message().await.expect("no error").expect("a page"));
        let name = |number: usize| format!("{:06}", LONG_ROWS - 1 - number);
        fill(&mut data, table.name, (0..10).map(|number| (name(number), b"new".to_vec()))).await;
        fill(&mut data, table.name, [("999999".to_owned(), b"new".to_vec())]).await;
        let keys = (10..20).map(|number| Bytes::from(name(number))).collect();
        let remove = proto::data::RemoveRequest {
            header: None,
            table: table.name.to_owned(),
            keys,
            ..Default::default()
        };
        data.remove(remove).await.expect("removed");
        rest(&mut messages, &mut seen).await;
        assert_eq!((seen.rows.len(), &seen.end), (LONG_ROWS, &None));
        assert!(seen.rows.iter().all(|(_, value)| value.len() == LONG_VALUE), "nothing new shows");
        let after = scan(&mut data, all_of(table.name)).await.expect("a scan");
        assert_eq!(after.rows.len(), LONG_ROWS + 1 - 10);
        assert!(after.receipts[0].index > seen.receipts[0].index);
    }
}

async fn scanned_rows(node: &Node) -> u64 {
    let (_, page) = probe::page(node.at.metrics, "/metrics").await.expect("a page");
    let line = page.lines().find_map(|line| line.strip_prefix("statehouse_scanned_rows_total "));
    line.expect("it is counted").parse::<f64>().expect("a number") as u64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reads_nothing_has_a_few_pages_read_for_it() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    let mut data = long(&node, ORDERED).await;
    let mut slow = talk::data(&node).await.scan(all_of("o")).await.expect("a scan").into_inner();
    let mut seen = Seen::default();
    seen.add(slow.message().await.expect("no error").expect("a page"));
    // Others come and go meanwhile; nothing more is read for the first.
    let mut counts = Vec::new();
    for _ in 0..5 {
        assert_eq!(scan(&mut data, all_of("o")).await.expect("a scan").rows.len(), LONG_ROWS);
        counts.push(scanned_rows(&node).await);
    }
    let for_the_slow = counts[4] - 5 * LONG_ROWS as u64;
    assert!(for_the_slow < LONG_ROWS as u64 / 4, "{for_the_slow} rows were read ahead");
    assert_eq!(counts[4] - counts[3], LONG_ROWS as u64, "it is still read ahead");
    rest(&mut slow, &mut seen).await;
    assert_eq!((seen.rows.len(), seen.end), (LONG_ROWS, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_ends_a_scan_by_name() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    let mut data = long(&node, ORDERED).await;
    let header = Some(Header { deadline_ms: 1, ..Header::default() });
    let by_header = ScanRequest { header, ..all_of("o") };
    let mut by_grpc = tonic::Request::new(all_of("o"));
    by_grpc.metadata_mut().insert("grpc-timeout", "1m".parse().expect("a value"));
    for request in [tonic::Request::new(by_header), by_grpc] {
        let mut seen = Seen::default();
        let mut messages = data.scan(request).await.expect("a scan").into_inner();
        rest(&mut messages, &mut seen).await;
        let end = seen.end.expect("no time for all of it");
        assert!(end.is(code::DEADLINE_EXCEEDED) && seen.rows.len() < LONG_ROWS, "{end}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_holds_ends_a_scan_behind_the_rows_before_it() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    let mut data = talk::data(&node).await;
    let whole = ORDERED.create(&node).await[0];
    cut(&node, "o", whole, &[("a", "c"), ("d", "f")]).await;
    fill(&mut data, "o", ["a", "b", "d", "e"].map(|key| (key.to_owned(), b"v".to_vec()))).await;
    let table: [(&str, &str, bool, &[&str], bool); 7] = [
        ("a", "c", false, &["a", "b"], true),
        ("d", "f", true, &["e", "d"], true),
        ("a", "f", false, &["a", "b"], false),
        ("a", "f", true, &["e", "d"], false),
        ("a", "", false, &["a", "b"], false),
        ("b", "", true, &[], false),
        ("c", "d", false, &[], false),
    ];
    for (start, end, reverse, keys, is_whole) in table {
        let (start, end) = (Bytes::from(start), Bytes::from(end));
        let request = ScanRequest { start, end, reverse, ..all_of("o") };
        let seen = scan(&mut data, request.clone()).await.expect("a scan");
        assert_eq!(seen.keys(), keys, "{request:?}");
        match seen.end {
            None => assert!(is_whole, "{request:?}"),
            Some(end) => assert!(!is_whole && end.is(code::NO_PARTITION), "{request:?}: {end}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hashed_table_is_shown_partition_by_partition_and_goes_on_behind_any_row() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    let mut data = talk::data(&node).await;
    let table = Table { partitions: 32, ..Table::durable("h") };
    table.create(&node).await;
    fill(&mut data, "h", (0..2000).map(|number| (format!("k{number}"), b"v".to_vec()))).await;
    let all = scan(&mut data, all_of("h")).await.expect("a scan");
    assert_eq!((all.receipts.len(), &all.end), (32, &None), "each partition has its message");
    let mut sorted = all.keys();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), 2000, "every row once");
    let back = scan(&mut data, ScanRequest { reverse: true, ..all_of("h") }).await.expect("a scan");
    assert!(back.rows.iter().rev().eq(&all.rows));
    // Our own client, in steps that end anywhere.
    let client = Client::builder(node.at.data.to_string()).build().expect("an address");
    let (mut keys, mut scope) = (Vec::new(), Scope::all().limit(333));
    loop {
        let mut scan = client.table("h").scan(scope.clone());
        let before = keys.len();
        while let Some(entry) = scan.next().await {
            keys.push(entry.expect("a row").key);
        }
        if keys.len() == before {
            break;
        }
        scope = scope.after(scan.last_key().expect("a row").clone());
    }
    assert!(keys.iter().eq(all.rows.iter().map(|(key, _)| key)));
}

/// Connections that are too old before a scan is through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scan_on_an_old_connection_ends_by_name_and_our_client_goes_on() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).set("connections.age-max=20ms").start().await;
    let client = Client::builder(node.at.data.to_string()).connections(1).build().expect("an address");
    ORDERED.create(&node).await;
    let rows = (0..LONG_ROWS).map(|number| talk::item(format!("{number:06}"), vec![b'v'; LONG_VALUE]));
    assert!(client.table("o").upsert(rows).await.iter().all(Result::is_ok));
    let ended = until_named(&node).await;
    assert!(ended.rows.len() < LONG_ROWS);
    let mut scan = client.table("o").scan(Scope::all());
    let mut count = 0;
    while let Some(entry) = scan.next().await {
        assert_eq!(entry.expect("a row").key, format!("{count:06}"));
        count += 1;
    }
    assert_eq!(count, LONG_ROWS);
}

/// The first scan that has begun in time. A connection may be too old for that.
async fn until_named(node: &Node) -> Seen {
    for _ in 0..100 {
        if let Ok(seen) = scan(&mut talk::data(node).await, all_of("o")).await
            && seen.end.as_ref().is_some_and(|end| end.is(code::STOPPING))
        {
            return seen;
        }
    }
    panic!("no scan ends by name");
}
