//! Killed under load, again and again, on one directory: whatever was
//! acknowledged is there when the node is back.
//!
//! The loop is told when to kill by its seed: after so many acknowledgements.
//! What is then under way differs from run to run, and what is asserted holds
//! however it falls.

mod gate;
mod ledger;
#[cfg(test)]
mod ledger_tests;
mod stream;
mod value;
mod writer;

use crate::process::{Launch, Node};
use crate::talk::{self, Table};
use env::Rng;
use env::rng::Stream;
use gate::Gate;
use ledger::{Found, Ledger, Seen};
use proto::data::row_result;
use std::collections::BTreeMap;
use std::time::Duration;
use writer::{Habit, Writer};

const SEED: u64 = 20_261_121;
const KILLS: usize = 50;

/// What the loop writes to: both stores behind the node's log, and a store with
/// a journal of its own.
const TABLES: [Table; 3] = [
    Table {
        name: "rocks",
        layout: "hashed",
        store: "rocksdb",
        log: "local",
        partitions: 4,
        ..Table::durable("")
    },
    Table {
        name: "memory",
        layout: "hashed",
        store: "memory",
        log: "local",
        partitions: 3,
        ..Table::durable("")
    },
    Table {
        name: "journal",
        layout: "ordered",
        store: "rocksdb",
        log: "store",
        partitions: 1,
        ..Table::durable("")
    },
];

/// Nothing it acknowledges outlives the process, and it says so.
const FORGETFUL: Table = Table {
    name: "forgetful",
    layout: "hashed",
    store: "memory",
    log: "none",
    partitions: 2,
    ..Table::durable("")
};

/// Small bounds: segments change, memtables are flushed and checkpoints are
/// written all the time.
fn launch(dir: &std::path::Path) -> Launch {
    let small = [
        "limits.log-segment-bytes=1MiB",
        "limits.record-payload-bytes-max=64KiB",
        "limits.checkpoint-bytes=1MiB",
        "limits.store-memtable-bytes-each-max=64KiB",
    ];
    small.into_iter().fold(Launch::server(dir), Launch::set)
}

fn writers(rng: &Rng, tables: &[Table]) -> Vec<Writer> {
    let all = tables.iter().flat_map(|table| Habit::ALL.map(|habit| (table.name, habit)));
    all.map(|(table, habit)| Writer::new(table, habit, rng.stream(&format!("{table} {habit:?}")))).collect()
}

/// Lets all of them write until so many changes are acknowledged, and kills the
/// node in the middle of it.
async fn write_and_kill(mut node: Node, writers: Vec<Writer>, count: u64) -> Vec<Writer> {
    let gate = Gate::after(count);
    let mut tasks = Vec::new();
    for writer in writers {
        tasks.push(tokio::spawn(writer.run(talk::data(&node).await, gate.clone())));
    }
    gate.opened().await;
    node.process.kill();
    let mut back = Vec::new();
    for task in tasks {
        back.push(task.await.expect("a writer does not panic"));
    }
    back
}

/// All rows of the ledger's keys, and where their partitions stand.
async fn read(node: &Node, table: &str, ledger: &Ledger) -> Found {
    let keys = ledger.keys();
    let response = talk::data(node).await.get(talk::get_of(table, &keys)).await.expect("every key is read");
    let response = response.into_inner();
    let mut found = Found::default();
    for receipt in &response.receipts {
        found.reached.insert(receipt.partition, receipt.index);
    }
    for (key, result) in keys.into_iter().zip(response.results) {
        let Some(row_result::Outcome::Row(row)) = result.outcome else { continue };
        let partition = response.receipts[row.receipt as usize].partition;
        let row = row.found.then_some((row.revision, row.value));
        found.rows.insert(key, Seen { partition, row });
    }
    found
}

async fn check(node: &Node, writers: &mut [Writer]) {
    for Writer { table, ledger, .. } in writers {
        let found = read(node, table, ledger).await;
        ledger.check(&found);
    }
}

/// All that went wrong, by table and writer.
fn wrongs(writers: &[Writer]) -> Vec<String> {
    let of = |writer: &Writer| {
        let name = format!("{}, {:?}", writer.table, writer.habit);
        writer.ledger.wrongs.iter().map(move |wrong| format!("{name}: {wrong}")).collect::<Vec<_>>()
    };
    writers.iter().flat_map(of).collect()
}

/// Kills a node that is still starting, at a moment of the seed's choice: with
/// luck in the middle of replay. Nothing that is asserted depends on when.
async fn start_and_kill(launch: &Launch, random: &mut Stream) {
    let mut process = launch.spawn();
    tokio::time::sleep(Duration::from_micros(random.below(80_000))).await;
    process.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_writes_survive_fifty_kills() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let launch = launch(dir.path());
    let rng = Rng::from_seed(SEED);
    let mut random = rng.stream("kills");
    let mut node = launch.start().await;
    for table in TABLES {
        table.create(&node).await;
    }
    let mut writers = writers(&rng, &TABLES);
    for round in 0..KILLS {
        let most = if random.chance(20) { 4000 } else { 400 };
        let count = 1 + random.below(most);
        writers = write_and_kill(node, writers, count).await;
        if random.chance(20) {
            start_and_kill(&launch, &mut random).await;
        }
        node = launch.start().await;
        check(&node, &mut writers).await;
        assert_eq!(wrongs(&writers), [""; 0], "after kill {round} of seed {SEED}");
    }
    // In order, once: nothing is replayed, and nothing is different.
    node.process.signal("TERM");
    assert!(node.process.end().await.success(), "{}", node.process.errors());
    check(&launch.start().await, &mut writers).await;
    assert_eq!(wrongs(&writers), [""; 0]);
    let rows: BTreeMap<_, _> =
        writers.iter().map(|one| ((one.table, one.habit as u8), one.ledger.rows_there())).collect();
    assert!(rows.values().all(|rows| *rows > 0), "a writer wrote nothing: {rows:?}");
}

/// The same check on a table that promises nothing: it has to find that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_forgets_is_caught() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let launch = launch(dir.path());
    let node = launch.start().await;
    FORGETFUL.create(&node).await;
    let writers = writers(&Rng::from_seed(SEED), &[FORGETFUL]);
    let mut writers = write_and_kill(node, writers, 100).await;
    assert_eq!(wrongs(&writers), [""; 0]);
    check(&launch.start().await, &mut writers).await;
    let wrongs = wrongs(&writers);
    assert!(wrongs.iter().any(|wrong| wrong.contains("is None at")), "no row is missing: {wrongs:?}");
    assert!(wrongs.iter().any(|wrong| wrong.contains("went back")), "history is as long: {wrongs:?}");
}
