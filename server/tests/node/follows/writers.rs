//! Who writes, and what came of it: which events have to be told.

use bytes::Bytes;
use client::{Change, Client, EventKind, Events, PartitionId, Positions, Table};
use proto::convert::Receipt;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// An event: of which partition and index, to which key, and the value that it has
/// from then on.
pub type Told = ((PartitionId, u64), (Bytes, Option<Bytes>));

/// The events of a message.
pub fn told(events: &Events) -> Vec<Told> {
    let event = |event: &client::Event| {
        let value = (event.kind == EventKind::Put).then(|| event.value.clone());
        ((events.at.partition, event.index), (event.key.clone(), value))
    };
    events.events.iter().map(event).collect()
}

/// All that was done.
#[derive(Default)]
pub struct Ledger {
    done: BTreeMap<(PartitionId, u64), (Bytes, Option<Bytes>)>,
    receipts: BTreeMap<PartitionId, Receipt>,
}

impl Ledger {
    fn add(&mut self, receipt: Receipt, revision: u64, key: Bytes, value: Option<Bytes>) {
        let before = self.done.insert((receipt.partition, revision), (key, value));
        assert_eq!(before, None, "two writes have revision {revision}");
        let last = self.receipts.entry(receipt.partition).or_insert(receipt);
        if last.index < revision {
            *last = Receipt { index: revision, ..receipt };
        }
    }

    /// The last write of each partition.
    pub fn receipts(&self) -> Vec<Receipt> {
        self.receipts.values().copied().collect()
    }

    /// The index of a partition's last write.
    pub fn last(&self, partition: PartitionId) -> Option<u64> {
        self.receipts.get(&partition).map(|receipt| receipt.index)
    }

    pub fn is_reached(&self, positions: &Positions) -> bool {
        self.receipts.values().all(|receipt| positions.get(receipt.partition) >= Some(receipt.index))
    }

    /// What was done in one partition.
    pub fn of(&self, partition: PartitionId) -> Ledger {
        let done = self.done.iter().filter(|((of, _), _)| *of == partition);
        Ledger { done: done.map(|(at, what)| (*at, what.clone())).collect(), ..Ledger::default() }
    }

    /// Everything of these keys was told, once, in order, and nothing else.
    pub fn compare(&self, told: &[Told], is_meant: impl Fn(&[u8]) -> bool) {
        let mut last = BTreeMap::new();
        for ((partition, index), _) in told {
            let before = last.insert(partition, index);
            assert!(before < Some(index), "partition {partition} tells {index} behind {before:?}");
        }
        let told: BTreeMap<_, _> = told.iter().cloned().collect();
        let done = self.done.iter().filter(|(_, (key, _))| is_meant(key));
        let done: BTreeMap<_, _> = done.map(|(at, what)| (*at, what.clone())).collect();
        let missed: Vec<_> = done.keys().filter(|at| !told.contains_key(at)).collect();
        assert!(missed.is_empty(), "{} of {} events were not told: {missed:?}", missed.len(), done.len());
        assert!(!done.is_empty() && told == done, "something was told that was not done");
    }
}

/// Tasks that write.
pub struct Writers {
    tasks: JoinSet<Ledger>,
    count: Arc<watch::Sender<usize>>,
}

impl Writers {
    /// So many, of so many writes each: rows of their own are set, set again and
    /// removed, one by one and several at once.
    pub fn start(client: &Client, table: &str, writers: usize, writes: usize) -> Writers {
        let (mut tasks, count) = (JoinSet::new(), Arc::new(watch::Sender::new(0)));
        for writer in 0..writers {
            let (table, count) = (client.table(table), count.clone());
            tasks.spawn(async move {
                let mut ledger = Ledger::default();
                for write in 0..writes {
                    one(&table, writer, write, &mut ledger).await;
                    count.send_modify(|count| *count += 1);
                }
                ledger
            });
        }
        Writers { tasks, count }
    }

    /// Returns when so many more writes are acknowledged.
    pub async fn acknowledged(&self, more: usize) {
        let mut count = self.count.subscribe();
        let upto = *count.borrow() + more;
        count.wait_for(|count| *count >= upto).await.expect("writers that write");
    }

    /// When all have written: what they did.
    pub async fn end(self) -> Ledger {
        let mut all = Ledger::default();
        for ledger in self.tasks.join_all().await {
            for ((partition, revision), (key, value)) in ledger.done {
                all.add(Receipt { partition, ..ledger.receipts[&partition] }, revision, key, value);
            }
        }
        all
    }
}

async fn one(table: &Table, writer: usize, write: usize, ledger: &mut Ledger) {
    let key = |number: usize| Bytes::from(format!("writer-{writer}/{}", number % 20));
    let value = |what: &str| Bytes::from(format!("{what} {write}"));
    if write % 7 == 6 {
        let (a, b) = (key(write), key(write + 1));
        let items = [(a, value("first")), (b, value("second"))];
        let sent = items.clone().map(|(key, value)| crate::talk::item(key, value));
        let written = table.upsert(sent).await;
        for ((key, value), written) in items.into_iter().zip(written) {
            let written = written.expect("written");
            ledger.add(written.receipt, written.revision, key, Some(value));
        }
        return;
    }
    let is_removal = write % 5 == 4;
    let change = match is_removal {
        true => Change::remove(key(write)),
        false => Change::put(key(write), value("one")),
    };
    let changed = table.change(change).await.expect("changed");
    // What was not there is not told of.
    if changed.found || !is_removal {
        let value = (!is_removal).then(|| value("one"));
        ledger.add(changed.receipt, changed.revision, key(write), value);
    }
}
