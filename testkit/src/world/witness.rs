//! Sees every record that a node applies, live and in replay.

use super::trace;
use model::{Index, PartitionId, Record};
use pipeline::{Reply, Witness};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// What one record was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The last of its indexes.
    pub last: Index,
    /// Of its header and payload.
    pub hash: u64,
}

/// What has been applied on one host, by partition and first index.
#[derive(Clone, Default)]
pub struct Applied {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    partitions: BTreeMap<PartitionId, BTreeMap<Index, Seen>>,
    /// Indexes of commands that changed nothing: they had been done before, or
    /// were refused when it was their turn.
    idle: BTreeMap<PartitionId, BTreeSet<Index>>,
    /// Up to where somebody was told that it is in history.
    told: BTreeMap<PartitionId, Index>,
    violations: Vec<String>,
}

impl Applied {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody has been told that the partition's history reaches this far.
    pub fn told(&self, partition: PartitionId, index: Index) {
        let mut inner = self.inner();
        let told = inner.told.entry(partition).or_default();
        *told = (*told).max(index);
    }

    /// What should not have been, in words.
    pub fn violations(&self) -> Vec<String> {
        self.inner().violations.clone()
    }

    /// How many of a partition's indexes changed nothing.
    pub fn idle(&self, partition: PartitionId) -> u64 {
        self.inner().idle.get(&partition).map_or(0, |idle| idle.len() as u64)
    }

    /// Records applied, each once however often it was replayed.
    pub fn count(&self) -> u64 {
        self.inner().partitions.values().map(|records| records.len() as u64).sum()
    }
}

fn hash(record: &Record) -> u64 {
    let header = format!("{:?}", (record.epoch, record.count, record.stamp, record.kind));
    xxh3_64_with_seed(&record.payload, xxh3_64(header.as_bytes()))
}

impl Witness for Applied {
    fn applied(&self, record: &Record, replies: &[Reply]) {
        let (first, seen) = (record.first_index, Seen { last: record.last_index(), hash: hash(record) });
        let partition = record.partition;
        trace::here(format_args!("apply {} {first} {:016x}", partition.0, seen.hash));
        let mut inner = self.inner();
        let told = inner.told.get(&partition).copied().unwrap_or_default();
        let records = inner.partitions.entry(partition).or_default();
        let before = records.get(&first).copied();
        // What nobody was told of may be lost, and its place taken by something
        // else; all behind it is lost with it.
        let rewritten = before.is_some_and(|before| before != seen);
        if rewritten {
            records.split_off(&first);
        }
        let idle = inner.idle.entry(partition).or_default();
        if rewritten {
            idle.split_off(&first);
        }
        let changed_nothing = (first..).zip(replies).filter(|(_, reply)| !matches!(reply, Reply::Now(_)));
        idle.extend(changed_nothing.map(|(index, _)| index));
        let records = inner.partitions.entry(partition).or_default();
        let follows = match records.range(..first).next_back() {
            Some((_, before)) => before.last + 1 == first,
            None => first == 1,
        };
        records.insert(first, seen);
        if rewritten && first <= told {
            let what = format!("partition {partition}: the record at {first} changed after {told} was told");
            inner.violations.push(what);
        }
        if !follows {
            let what = format!("partition {partition}: nothing was applied directly before index {first}");
            inner.violations.push(what);
        }
    }
}
