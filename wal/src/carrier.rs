//! Carrier state: what the log has to remember of each partition even when all
//! its records are gone.

use crate::packet::Carry;
use crate::place::Lsn;
use bytes::Bytes;
use model::{Epoch, Index, PartitionId, Record, RecordKind, Stamp};
use std::collections::BTreeMap;

/// One partition's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carrier {
    /// Its records up to this index are in its store; the log may let go.
    pub purged: Index,
    /// What its owner handed in: vote, committed, membership. Opaque here.
    pub opaque: Bytes,
    /// A later state may have been lost to damage: the owner must not act on
    /// this one as if it were its last word. Stays until it hands in another.
    pub suspect: bool,
    /// Was it handed in since the log was opened? Until then a later promise
    /// may stand in a record behind the last opening, and that record is needed.
    /// Known to this process alone.
    pub(crate) fresh: bool,
    /// Everything of it up to this batch, but for what has an index, is in the
    /// opaque bytes. Known to this process alone.
    pub(crate) cleared: Lsn,
}

const SUSPECT: u8 = 1;

/// Every partition's that has records in this log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carriers {
    by_partition: BTreeMap<PartitionId, Carrier>,
}

impl Carriers {
    /// Takes note of a record that has been written.
    pub(crate) fn note(&mut self, record: &Record) {
        if record.partition == PartitionId::LOG {
            return;
        }
        match record.kind {
            RecordKind::Forget => self.forget(record.partition),
            RecordKind::Purge => self.purge(record.partition, index(&record.payload).unwrap_or(0)),
            _ => self.know(record.partition),
        }
    }

    /// The partition has records in the log.
    pub(crate) fn know(&mut self, partition: PartitionId) {
        self.by_partition.entry(partition).or_default();
    }

    /// Its store holds everything up to here. Never goes back.
    pub(crate) fn purge(&mut self, partition: PartitionId, upto: Index) {
        let carrier = self.by_partition.entry(partition).or_default();
        carrier.purged = carrier.purged.max(upto);
    }

    /// Its records bind nothing any more.
    pub(crate) fn forget(&mut self, partition: PartitionId) {
        self.by_partition.remove(&partition);
    }

    /// The owner hands in what the next openings repeat, with a record of this
    /// batch. Others of the batch may stand behind it.
    pub(crate) fn carry(&mut self, partition: PartitionId, carry: Carry, batch: Lsn) {
        let carrier = self.by_partition.entry(partition).or_default();
        (carrier.opaque, carrier.suspect, carrier.fresh) = (carry.state, false, true);
        if carry.alone {
            carrier.cleared = Lsn(batch.0.saturating_sub(1));
        }
    }

    /// Promises of the partition may have been lost.
    pub(crate) fn suspect(&mut self, partition: PartitionId) {
        self.by_partition.entry(partition).or_default().suspect = true;
    }

    /// Takes in a `Checkpoint` record of an opening.
    pub(crate) fn restore(&mut self, record: &Record) -> Option<()> {
        let (purged, rest) = record.payload.split_at_checked(8)?;
        let (&flags, opaque) = rest.split_first()?;
        if flags & !SUSPECT != 0 {
            return None;
        }
        let opaque = record.payload.slice_ref(opaque);
        let carrier =
            Carrier { purged: index(purged)?, opaque, suspect: flags & SUSPECT != 0, ..Carrier::default() };
        self.by_partition.insert(record.partition, carrier);
        Some(())
    }

    /// The `Checkpoint` records of an opening.
    pub(crate) fn records(&self) -> impl Iterator<Item = Record> {
        self.by_partition.iter().map(|(partition, carrier)| {
            let mut payload = Vec::with_capacity(9 + carrier.opaque.len());
            payload.extend_from_slice(&carrier.purged.to_le_bytes());
            payload.push(if carrier.suspect { SUSPECT } else { 0 });
            payload.extend_from_slice(&carrier.opaque);
            Record {
                partition: *partition,
                epoch: Epoch::default(),
                first_index: carrier.purged.saturating_add(1),
                count: 0,
                stamp: Stamp(0),
                kind: RecordKind::Checkpoint,
                payload: Bytes::from(payload),
            }
        })
    }

    /// One partition's; `None` when the log knows nothing of it, or is told to
    /// forget it.
    pub fn get(&self, partition: PartitionId) -> Option<&Carrier> {
        self.by_partition.get(&partition)
    }

    /// Every partition's, by id.
    pub fn iter(&self) -> impl Iterator<Item = (PartitionId, &Carrier)> {
        self.by_partition.iter().map(|(partition, carrier)| (*partition, carrier))
    }
}

/// The index that a `Purge`, `Gap` or `AcceptLoss` record names.
pub fn index(payload: &[u8]) -> Option<Index> {
    payload.try_into().ok().map(Index::from_le_bytes)
}

/// The payload of a `Purge`, `Gap` or `AcceptLoss` record.
pub fn index_payload(index: Index) -> Bytes {
    Bytes::copy_from_slice(&index.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: RecordKind, payload: Bytes) -> Record {
        Record {
            partition: PartitionId(4),
            epoch: Epoch::FIRST,
            first_index: 1,
            count: u32::from(kind.counts()),
            stamp: Stamp(1),
            kind,
            payload,
        }
    }

    #[test]
    fn a_checkpoint_round_trips_and_purges_never_go_back() {
        let mut carriers = Carriers::default();
        carriers.note(&record(RecordKind::Commands, Bytes::new()));
        carriers.note(&record(RecordKind::Purge, index_payload(9)));
        carriers.note(&record(RecordKind::Purge, index_payload(5)));
        carriers.carry(PartitionId(4), Carry::alone(Bytes::from_static(b"vote")), Lsn(7));
        carriers.suspect(PartitionId(4));
        let mut restored = Carriers::default();
        for record in carriers.records() {
            restored.restore(&record).expect("our own bytes");
        }
        let carrier = carriers.by_partition.get_mut(&PartitionId(4)).expect("just noted");
        assert_eq!((carrier.fresh, carrier.cleared), (true, Lsn(6)));
        (carrier.fresh, carrier.cleared) = (false, Lsn(0));
        assert_eq!(restored, carriers);
        assert_eq!(restored.get(PartitionId(4)).map(|c| c.purged), Some(9));
        restored.note(&record(RecordKind::Forget, Bytes::new()));
        assert_eq!(restored.get(PartitionId(4)), None);
    }
}
