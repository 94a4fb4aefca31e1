//! What the manager tells the log: who is forgotten, and what stores hold.

use super::{Core, StartError};
use model::{Epoch, Index, PartitionId, Record, RecordKind, Stamp};
use wal::{Append, LogError, Submission, Urgency, index_payload};

impl Core {
    /// Tells the log, and waits until it is as durable as the log promises.
    pub(super) fn tell_log(&self, appends: &[Append]) -> Result<(), StartError> {
        let packet = self.inlet.frame(appends)?;
        let (told, answer) = self.env.channel(1);
        let answered = move |synced| {
            // Whoever asked waits below.
            let _ = told.send(synced);
        };
        self.inlet.submit(Submission {
            packet,
            urgency: Urgency::Urgent,
            chain: None,
            answer: Box::new(answered),
        })?;
        match answer.recv() {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(refused)) => Err(StartError::Untold(refused)),
            Err(_) => Err(LogError::Closed.into()),
        }
    }
}

/// Nothing of the partition binds the log any more.
pub(super) fn forget(partition: PartitionId) -> Append {
    of(partition, RecordKind::Forget, 1, bytes::Bytes::new())
}

/// The partition's store holds everything up to here.
pub(super) fn purge(partition: PartitionId, upto: Index) -> Append {
    of(partition, RecordKind::Purge, upto + 1, index_payload(upto))
}

fn of(partition: PartitionId, kind: RecordKind, first_index: Index, payload: bytes::Bytes) -> Append {
    let epoch = Epoch::default();
    Append::from(Record { partition, epoch, first_index, count: 0, stamp: Stamp(0), kind, payload })
}
