//! Reads go past the shards: they wake none of them, whatever is asked of
//! whichever store. Told by what the node counts, which time does not change.

use crate::probe;
use crate::process::{Launch, Node};
use crate::talk::{self, Data, Table};
use proto::data::stream_request::Request;
use proto::data::stream_response::Response;
use proto::data::{GetResponse, StreamRequest};
use std::collections::BTreeMap;

const TABLES: [Table; 2] = [Table::durable("rocks"), Table { store: "memory", ..Table::durable("memory") }];
const ROWS: u64 = 64;
/// Of each of three kinds, in each table.
const READS: u64 = 200;
/// What a shard that is woken adds to.
const WAKES: [&str; 5] = [
    "statehouse_shard_rounds_total",
    "statehouse_shard_round_messages_sum",
    "statehouse_shard_submissions_total",
    "statehouse_deliveries_total",
    "statehouse_log_batches_total",
];
const READS_COUNTED: [&str; 2] = ["statehouse_reads_at_once_total", "statehouse_reads_from_disk_total"];

/// Counters by their names, as the node's page has them.
async fn counters(node: &Node, names: &[&'static str]) -> BTreeMap<&'static str, u64> {
    let (status, page) = probe::page(node.at.metrics, "/metrics").await.expect("a page");
    assert_eq!(status, 200, "{page}");
    let of = |name: &&'static str| {
        let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value: f64 = value.unwrap_or_else(|| panic!("no {name} in {page}")).parse().expect("a number");
        (*name, value as u64)
    };
    names.iter().map(of).collect()
}

async fn write(data: &mut Data, table: &str) {
    let items = (0..ROWS).map(|row| talk::item(format!("{row}"), format!("of {row}"))).collect();
    data.upsert(talk::upsert_of(table, items)).await.expect("taken");
}

/// All of them are of one row that is there and one that is not.
fn check(read: GetResponse, rows: &[u64]) {
    let expected = rows.iter().map(|row| (*row < ROWS).then(|| format!("of {row}").into()));
    assert_eq!(talk::values(read), expected.collect::<Vec<_>>());
}

async fn read(data: &mut Data, table: &str) {
    let (requests, outgoing) = tokio::sync::mpsc::channel(1);
    let answers = data.stream(tokio_stream::wrappers::ReceiverStream::new(outgoing)).await;
    let mut answers = answers.expect("a call").into_inner();
    for number in 0..READS {
        let one = [number % (2 * ROWS)];
        // Over all partitions, and with keys that nobody wrote.
        let many: Vec<u64> = (0..16).map(|step| (number + step * 7) % (2 * ROWS)).collect();
        for rows in [&one[..], &many] {
            let keys: Vec<String> = rows.iter().map(u64::to_string).collect();
            check(data.get(talk::get_of(table, &keys)).await.expect("rows").into_inner(), rows);
        }
        let keys: Vec<String> = many.iter().map(u64::to_string).collect();
        let request = Some(Request::Get(talk::get_of(table, &keys)));
        requests.send(StreamRequest { sequence: number, request }).await.expect("it is taken");
        match answers.message().await.expect("an answer").and_then(|answer| answer.response) {
            Some(Response::Get(read)) => check(read, &many),
            other => panic!("{other:?} is no answer to a read"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_wake_no_shard() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    let mut data = talk::data(&node).await;
    for table in TABLES {
        table.create(&node).await;
        // Of all partitions: what shards were told before is behind them.
        write(&mut data, table.name).await;
    }
    let (wakes, reads) = (counters(&node, &WAKES).await, counters(&node, &READS_COUNTED).await);
    for table in TABLES {
        read(&mut data, table.name).await;
    }
    assert_eq!(counters(&node, &WAKES).await, wakes);
    let counted: u64 =
        counters(&node, &READS_COUNTED).await.values().sum::<u64>() - reads.values().sum::<u64>();
    assert!(counted >= 3 * READS * TABLES.len() as u64, "only {counted} reads were counted");
    // These are the counters of what a write wakes, and each of them moves.
    write(&mut data, TABLES[0].name).await;
    for (name, now) in counters(&node, &WAKES).await {
        assert!(now > wakes[name], "{name} does not count");
    }
}
