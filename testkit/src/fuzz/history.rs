//! What a log was given and what it owes.

use bytes::Bytes;
use model::{Epoch, Index, PartitionId, Record, RecordKind, Stamp};
use std::collections::BTreeMap;
use wal::{Append, Carriers, Lsn, index_payload};

/// One partition's votes.
#[derive(Clone, Debug, Default)]
struct Votes {
    /// The last one acknowledged or shown; empty when there was none.
    promised: Bytes,
    /// Those handed in since.
    later: Vec<Bytes>,
}

/// The history of one log, over all its lives.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// Every command, in order, none twice.
    submitted: Vec<Record>,
    /// So many of them were acknowledged, or shown by a recovery.
    promised: usize,
    /// Batches that are not durable yet, each with what is promised with it.
    under_way: Vec<(Lsn, usize)>,
    /// Up to here a partition needs nothing of the log.
    purged: BTreeMap<PartitionId, Index>,
    votes: BTreeMap<PartitionId, Votes>,
    serial: u64,
}

impl History {
    fn record(&self, partition: u64, kind: RecordKind, next: Index, payload: Bytes) -> Record {
        Record {
            partition: PartitionId(partition),
            epoch: Epoch::FIRST,
            first_index: next,
            count: u32::from(kind.counts()),
            stamp: Stamp(self.serial),
            kind,
            payload,
        }
    }

    fn next(&self, partition: u64) -> Index {
        let own = self.submitted.iter().rev().find(|record| record.partition.0 == partition);
        own.map_or(1, |record| record.first_index + 1)
    }

    /// A command that no other equals.
    pub fn command(&mut self, partition: u64, bytes: usize) -> Append {
        self.serial += 1;
        let mut payload = self.serial.to_le_bytes().to_vec();
        payload.resize(payload.len() + bytes, b'.');
        let next = self.next(partition);
        let record = self.record(partition, RecordKind::Commands, next, Bytes::from(payload));
        self.submitted.push(record.clone());
        Append::from(record)
    }

    /// A vote that no other equals.
    pub fn vote(&mut self, partition: u64) -> Append {
        self.serial += 1;
        self.hand_in(partition, Bytes::copy_from_slice(&self.serial.to_le_bytes()))
    }

    /// The votes that are known, handed in again: a promise pins no segment, so
    /// openings have to repeat it before anything is released.
    pub fn votes_again(&mut self) -> Vec<Append> {
        let known = self.votes.iter().filter(|(_, votes)| !votes.promised.is_empty());
        let known: Vec<(u64, Bytes)> = known.map(|(id, votes)| (id.0, votes.promised.clone())).collect();
        known.into_iter().map(|(partition, vote)| self.hand_in(partition, vote)).collect()
    }

    fn hand_in(&mut self, partition: u64, vote: Bytes) -> Append {
        self.votes.entry(PartitionId(partition)).or_default().later.push(vote.clone());
        let record = self.record(partition, RecordKind::Vote, self.next(partition), vote.clone());
        Append { record, carry: Some(wal::Carry::alone(vote)) }
    }

    /// A purge of everything promised.
    pub fn purge(&mut self, partition: u64) -> Append {
        let promised = self.submitted[..self.promised].iter().rev();
        let upto = promised.filter(|r| r.partition.0 == partition).map(|r| r.first_index).next().unwrap_or(0);
        self.purged.insert(PartitionId(partition), upto);
        Append::from(self.record(partition, RecordKind::Purge, upto + 1, index_payload(upto)))
    }

    /// A batch with everything submitted so far is written.
    pub fn written(&mut self, lsn: Lsn) {
        self.under_way.push((lsn, self.submitted.len()));
    }

    /// Everything up to a batch is durable and acknowledged.
    pub fn durable(&mut self, upto: Lsn) {
        while let Some((_, count)) = self.under_way.first().filter(|(lsn, _)| *lsn <= upto) {
            self.promised = self.promised.max(*count);
            self.under_way.remove(0);
        }
        if self.under_way.is_empty() {
            for votes in self.votes.values_mut() {
                votes.promised = votes.later.pop().unwrap_or(std::mem::take(&mut votes.promised));
                votes.later.clear();
            }
        }
    }

    /// What was promised since then was not: it ended before.
    pub fn take_back(&mut self, before: &History) {
        self.promised = before.promised;
        for (partition, votes) in &mut self.votes {
            let earlier = before.votes.get(partition).cloned().unwrap_or_default();
            votes.later.extend(earlier.later);
            votes.later.push(std::mem::replace(&mut votes.promised, earlier.promised));
        }
    }

    /// Judges what a recovery shows; from now on that is what was promised.
    /// The commands shown must be a stretch of those submitted: nothing before
    /// it is needed any more, nothing behind it was promised.
    pub fn judge(&mut self, shown: &[Record], carriers: &Carriers, last: &BTreeMap<PartitionId, Index>) {
        let commands: Vec<&Record> = shown.iter().filter(|r| r.kind == RecordKind::Commands).collect();
        let from = commands.first().map_or(self.promised, |first| {
            let place = self.submitted.iter().position(|record| record == *first);
            place.unwrap_or_else(|| panic!("phantom: {first:?}"))
        });
        let needed = |record: &&Record| {
            self.purged.get(&record.partition).is_none_or(|upto| record.first_index > *upto)
        };
        let lost = self.submitted[..from].iter().find(needed);
        assert!(lost.is_none(), "lost: {lost:?}, shown from {:?}", commands.first());
        let upto = from + commands.len();
        assert!(upto >= self.promised, "lost: {:?}", &self.submitted[upto..self.promised]);
        let expected = self.submitted.get(from..upto).expect("phantom: more than was submitted");
        assert!(expected.iter().eq(commands), "phantom, or out of order");
        self.submitted.truncate(upto);
        self.promised = upto;
        self.under_way.clear();
        self.judge_votes(shown, carriers);
        for partition in last.keys().chain(self.purged.keys()) {
            let known = last.get(partition).copied().unwrap_or(0);
            assert_eq!(known + 1, self.next(partition.0), "the last index of partition {partition}");
        }
    }

    /// The last vote that the log knows is the last one promised, or a later one.
    fn judge_votes(&mut self, shown: &[Record], carriers: &Carriers) {
        for (partition, votes) in &mut self.votes {
            let own = shown.iter().filter(|r| r.partition == *partition && r.kind == RecordKind::Vote);
            let carried = carriers.get(*partition).map(|carrier| carrier.opaque.clone());
            let known = own.last().map(|record| record.payload.clone()).or(carried).unwrap_or_default();
            let there = known == votes.promised || votes.later.contains(&known);
            assert!(there, "lost: a vote of partition {partition}: {known:?} is known of {votes:?}");
            *votes = Votes { promised: known, later: Vec::new() };
        }
    }
}
