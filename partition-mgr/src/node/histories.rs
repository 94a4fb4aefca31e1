//! What the log has of this node's replicas, read back at a start.

use coordinator::Desired;
use model::{Code, Epoch, PartitionId};
use replication::raft::{Lost, Recovered, Recovering};
use std::collections::BTreeMap;
use wal::{ReadBatch, Writer};

/// Histories that are being read.
pub(super) struct Histories(BTreeMap<PartitionId, Result<Recovering, Lost>>);

/// What came of each.
pub(super) type Read = BTreeMap<PartitionId, Result<Recovered, Lost>>;

impl Histories {
    /// Of every partition on whose history replicas agree, whether it belongs here
    /// still or not: its records are in the log.
    pub fn begin(log: &Writer, desired: &Desired) -> Histories {
        let known = desired.partitions.keys().chain(desired.gone.keys());
        let agreed = known.filter(|id| desired.is_agreed(**id));
        Histories(
            agreed
                .map(|id| {
                    let carrier = log.carriers().get(*id);
                    let (carried, suspect) = carrier.map_or((&[][..], false), |c| (&c.opaque[..], c.suspect));
                    let generation = desired.epoch_of(*id).unwrap_or(Epoch::FIRST).generation;
                    (*id, Recovering::new(*id, generation, carried, suspect))
                })
                .collect(),
        )
    }

    /// The next batch of the log.
    pub fn take(&mut self, batch: &ReadBatch) {
        for record in &batch.records {
            let Some(read) = self.0.get_mut(&record.partition) else { continue };
            if let Ok(recovering) = read
                && let Err(lost) = recovering.take(record)
            {
                *read = Err(lost);
            }
        }
    }

    /// All of it was shown.
    pub fn finish(self) -> Read {
        self.0.into_iter().map(|(id, read)| (id, read.and_then(Recovering::finish))).collect()
    }
}

/// Why a replica cannot go on with what is there, if it cannot: the log has lost what
/// it promised, or its store what the log has let go of.
pub(super) fn flaw(read: &Result<Recovered, Lost>, applied: model::Index) -> Option<(Code, String)> {
    match read {
        Err(lost) => Some((lost.code(), lost.to_string())),
        Ok(recovered) if recovered.rests_on() > applied => {
            let upto = recovered.rests_on();
            Some((
                model::code::REPLAY_GAP,
                format!("the store ends at index {applied}, and the log has let go of what is before {upto}"),
            ))
        }
        Ok(_) => None,
    }
}
