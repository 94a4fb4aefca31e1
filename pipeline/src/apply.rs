//! Apply: records become rows. Replay after a start and live requests go
//! through this one path.
//!
//! Records are gathered into one part for the store; a command sees the store
//! with everything gathered before it laid over.

use crate::ordering;
use crate::overlay::{Overlaid, Overlay};
use crate::rig::Rig;
use bytes::Bytes;
use machine::{At, Machine, ViewError};
use model::command::{CommandError, decode_commands};
use model::keyspace::meta;
use model::{Command, Index, Mutation, PartitionId, Record, RecordKind, Stamp};
use statestore::{Part, Store};

/// Why a record cannot be applied. Nothing behind it is, either.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The rows could not be read.
    #[error(transparent)]
    View(#[from] ViewError),
    /// Content that this build cannot read.
    #[error("index {index}: {error}")]
    Unreadable {
        /// Where.
        index: Index,
        /// What is wrong.
        error: CommandError,
    },
    /// A kind of record that this build cannot apply.
    #[error("index {index}: this build cannot apply a record of kind {kind}")]
    Kind {
        /// Where.
        index: Index,
        /// Which kind.
        kind: RecordKind,
    },
}

/// Applies the records of one partition.
///
/// Invariant: `applied` is what store and gathered part hold together; after an
/// error nothing more may be applied.
pub struct Applier {
    partition: PartitionId,
    applied: Index,
    stamp: Stamp,
    count: u32,
    overlay: Overlay,
    rig: Rig,
}

impl Applier {
    /// Goes on behind what the store has.
    pub fn after(partition: PartitionId, applied: Index) -> Applier {
        let overlay = Overlay::default();
        Applier { partition, applied, stamp: Stamp(0), count: 0, overlay, rig: Rig::default() }
    }

    /// The same in the simulated world.
    #[must_use]
    pub fn rigged(self, rig: Rig) -> Applier {
        Applier { rig, ..self }
    }

    /// What store and gathered part hold together.
    pub fn applied(&self) -> Index {
        self.applied
    }

    /// Is anything gathered?
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Applies the record that follows; the machine's replies are appended.
    pub fn apply(
        &mut self,
        record: &Record,
        machine: &dyn Machine,
        store: &dyn Store,
        replies: &mut Vec<Bytes>,
    ) -> Result<(), ApplyError> {
        ordering::assert_follows(record.first_index, self.applied);
        let (index, kind) = (record.first_index, record.kind);
        if kind != RecordKind::Commands {
            return Err(ApplyError::Kind { index, kind });
        }
        let commands = decode_commands(&record.payload, record.count);
        let commands = commands.map_err(|error| ApplyError::Unreadable { index, error })?;
        let fetched = self.prefetch(&commands, machine, store)?;
        for (index, command) in (index..).zip(&commands) {
            let view =
                Overlaid { store, partition: self.partition, overlay: &self.overlay, fetched: &fetched };
            let outcome = machine.apply(&view, &command.body, At { index, stamp: record.stamp })?;
            self.overlay.extend(outcome.mutations);
            replies.push(outcome.reply);
        }
        if let Some(witness) = &self.rig.witness {
            witness.applied(record);
        }
        (self.applied, self.stamp) = (record.last_index(), record.stamp);
        self.count += record.count;
        Ok(())
    }

    /// The rows that the commands will read and that are not gathered, fetched
    /// together, sorted by key. One row is as well read when it is asked for.
    fn prefetch(
        &self,
        commands: &[Command],
        machine: &dyn Machine,
        store: &dyn Store,
    ) -> Result<Vec<(Bytes, Option<Bytes>)>, ApplyError> {
        let mut keys = Vec::new();
        commands.iter().for_each(|command| machine.reads(&command.body, &mut keys));
        keys.retain(|key| !self.overlay.holds(key));
        keys.sort_unstable();
        keys.dedup();
        if keys.len() < 2 {
            return Ok(Vec::new());
        }
        let asked: Vec<&[u8]> = keys.iter().map(|key| &key[..]).collect();
        let rows = store.multi_get(self.partition, &asked).map_err(|error| ViewError(Box::new(error)))?;
        Ok(keys.into_iter().zip(rows).collect())
    }

    /// What was gathered, for the store, with the clock's reading beside it.
    pub fn part(&mut self) -> Option<Part> {
        let count = std::mem::take(&mut self.count);
        if count == 0 {
            return None;
        }
        let first_index = self.applied + 1 - Index::from(count);
        let mut mutations = self.overlay.take();
        let stamp = Bytes::copy_from_slice(&self.stamp.0.to_le_bytes());
        mutations.push(Mutation::put(Bytes::from_static(&meta::STAMP), stamp));
        Some(Part { partition: self.partition, first_index, count, mutations })
    }
}

/// The partition clock's last reading, as its store has it.
pub fn last_stamp(store: &dyn Store, partition: PartitionId) -> Result<Stamp, statestore::StoreError> {
    let row = store.get(partition, &meta::STAMP)?;
    let stamp = row.and_then(|row| row[..].try_into().ok()).map_or(0, u64::from_le_bytes);
    Ok(Stamp(stamp))
}
