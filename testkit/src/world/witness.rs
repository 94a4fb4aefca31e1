//! Sees every record that a node applies, live and in replay.

use super::guest::is_guest;
use super::tale::Change;
use super::trace;
use machine::{Act, KvCommand, KvReply};
use model::command::decode_commands;
use model::{Command, EventKind, Index, PartitionId, Record, RecordKind};
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
    /// What commands did to rows.
    changes: BTreeMap<PartitionId, BTreeMap<Index, Change>>,
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

    /// What commands did to a partition's rows.
    pub fn changes(&self, partition: PartitionId) -> BTreeMap<Index, Change> {
        self.inner().changes.get(&partition).cloned().unwrap_or_default()
    }

    /// Records applied, each once however often it was replayed.
    pub fn count(&self) -> u64 {
        self.inner().partitions.values().map(|records| records.len() as u64).sum()
    }
}

/// What a record's commands did to rows.
fn done_by(record: &Record, replies: &[Reply]) -> Vec<(Index, Change)> {
    let commands = decode_commands(&record.payload, record.count).unwrap_or_default();
    let done = |((index, command), reply): ((Index, Command), &Reply)| {
        let Reply::Now(reply) = reply else { return None };
        let KvCommand::One(change) = KvCommand::decode(&command.body)? else { return None };
        let key = change.key.as_bytes().to_vec();
        match (KvReply::decode(reply), change.act) {
            (KvReply::Done, Act::Upsert { value, .. }) => {
                Some((index, (EventKind::Put, key, xxh3_64(&value))))
            }
            (KvReply::Done, Act::Remove) => Some((index, (EventKind::Removed, key, xxh3_64(&[])))),
            _ => None,
        }
    };
    (record.first_index..).zip(commands).zip(replies).filter_map(done).collect()
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
        let inner: &mut Inner = &mut inner;
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
        let changes = inner.changes.entry(partition).or_default();
        if rewritten {
            idle.split_off(&first);
            changes.split_off(&first);
        }
        if record.kind == RecordKind::Commands {
            let changed_nothing = (first..).zip(replies).filter(|(_, reply)| !matches!(reply, Reply::Now(_)));
            idle.extend(changed_nothing.map(|(index, _)| index));
            let done = done_by(record, replies);
            idle.extend(done.iter().filter(|(_, (_, key, _))| is_guest(key)).map(|(index, _)| *index));
            changes.extend(done);
        } else {
            // The owner's own: nobody asked for it.
            idle.extend(first..=record.last_index());
        }
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
