//! What must hold: one history for all replicas of a partition, nothing of it
//! that was acknowledged lost, no read that misses what was acknowledged before
//! it was asked.

use model::{Index, PartitionId, Record};
use std::collections::{BTreeMap, BTreeSet};
use xxhash_rust::xxh3::xxh3_64;

/// What went wrong.
pub type Failure = String;

/// What is known of all partitions.
#[derive(Default)]
pub struct Book {
    partitions: BTreeMap<PartitionId, Page>,
    /// What went wrong, the first few.
    pub failures: Vec<Failure>,
    /// Records that were acknowledged.
    pub acked: u64,
    /// Reads that were served.
    pub read: u64,
    /// Elections that were won.
    pub led: u64,
    /// Exports that took a store's place.
    pub taken: u64,
}

#[derive(Default)]
struct Page {
    /// By the first command: how many, and what the record is.
    history: BTreeMap<Index, (u32, u64)>,
    /// The last command that was acknowledged.
    acked: Index,
    /// Records of which was said that they are not in it.
    refused: BTreeSet<u64>,
    /// Who led in which term.
    leaders: BTreeMap<u64, u64>,
}

const FAILURES_MAX: usize = 10;

fn print(record: &Record) -> u64 {
    xxh3_64(&record.payload) ^ record.epoch.term.rotate_left(32) ^ record.stamp.0
}

impl Book {
    fn page(&mut self, partition: PartitionId) -> &mut Page {
        self.partitions.entry(partition).or_default()
    }

    /// It went wrong.
    pub fn fail(&mut self, failure: Failure) {
        if self.failures.len() < FAILURES_MAX {
            self.failures.push(failure);
        }
    }

    /// A replica applies a record behind this command. Returns the command it has
    /// then.
    pub fn applies(&mut self, host: u64, applied: Index, record: &Record) -> Index {
        let (partition, first) = (record.partition, record.first_index);
        if first != applied + 1 {
            self.fail(format!("host {host} applies {first} of partition {partition} behind {applied}"));
        }
        let own = (record.count, print(record));
        if self.page(partition).refused.contains(&own.1) {
            self.fail(format!("host {host} applies {first} of partition {partition}, which was refused"));
        }
        let known = *self.page(partition).history.entry(first).or_insert(own);
        if known != own {
            self.fail(format!(
                "host {host} has another record than others at {first} of partition {partition}"
            ));
        }
        record.last_index()
    }

    /// A replica goes on from an export.
    pub fn jumps(&mut self, host: u64, partition: PartitionId, applied: Index, export: Index) {
        self.taken += 1;
        if export < applied {
            self.fail(format!("host {host} falls back from {applied} to {export} of partition {partition}"));
        }
    }

    /// Whoever proposed a record hears that it never will be in history.
    pub fn refuses(&mut self, record: &Record) {
        self.page(record.partition).refused.insert(print(record));
    }

    /// Whoever proposed a record hears that it is done.
    pub fn acks(&mut self, partition: PartitionId, last: Index) {
        self.acked += 1;
        let page = self.page(partition);
        page.acked = page.acked.max(last);
    }

    /// What a read that is asked now has to see.
    pub fn must_see(&mut self, partition: PartitionId) -> Index {
        self.page(partition).acked
    }

    /// A read is served by a replica that has applied so much.
    pub fn serves(&mut self, host: u64, partition: PartitionId, must_see: Index, applied: Index) {
        self.read += 1;
        if applied < must_see {
            self.fail(format!(
                "host {host} serves a read of partition {partition} at {applied}, and {must_see} was acknowledged before it"
            ));
        }
    }

    /// A replica leads.
    pub fn leads(&mut self, host: u64, partition: PartitionId, term: u64) {
        self.led += 1;
        let leader = *self.page(partition).leaders.entry(term).or_insert(host);
        if leader != host {
            self.fail(format!("hosts {leader} and {host} both lead partition {partition} in term {term}"));
        }
    }

    /// At the end, every replica has everything.
    pub fn close(&mut self, partition: PartitionId, applied: &[(u64, Index)]) {
        let acked = self.page(partition).acked;
        let most = applied.iter().map(|(_, applied)| *applied).max().unwrap_or(0);
        for (host, applied) in applied {
            if *applied < acked {
                self.fail(format!(
                    "host {host} has {applied} of partition {partition}, and {acked} was acknowledged"
                ));
            }
            if *applied < most {
                self.fail(format!("host {host} has {applied} of partition {partition}, another has {most}"));
            }
        }
    }
}
