//! Apply: records become rows. Replay after a start and live requests go
//! through this one path.
//!
//! Records are gathered into one part for the store; a command sees the store
//! with everything gathered before it laid over.

use crate::answer::Reply;
use crate::ordering;
use crate::overlay::{Overlaid, Overlay};
use crate::retries::{Known, RetryDraft, RetryTable};
use crate::rig::Rig;
use bytes::Bytes;
use env::{Plant, sometimes};
use machine::{At, Machine, ViewError};
use model::command::{CommandError, decode_commands};
use model::keyspace::meta;
use model::{Command, Index, Mutation, PartitionId, Record, RecordKind, Stamp, code};
use statestore::{Part, Store, StoreError};

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
    retries: RetryTable,
    rig: Rig,
}

impl Applier {
    /// Goes on behind what the store has.
    pub fn after(partition: PartitionId, applied: Index, retries: RetryTable) -> Applier {
        let (overlay, rig) = (Overlay::default(), Rig::default());
        Applier { partition, applied, stamp: Stamp(0), count: 0, overlay, retries, rig }
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

    /// Applies the record that follows; what became of each command is appended.
    pub fn apply(
        &mut self,
        record: &Record,
        machine: &dyn Machine,
        store: &dyn Store,
        replies: &mut Vec<Reply>,
    ) -> Result<(), ApplyError> {
        ordering::assert_follows(record.first_index, self.applied);
        let (index, kind) = (record.first_index, record.kind);
        if kind != RecordKind::Commands {
            return Err(ApplyError::Kind { index, kind });
        }
        let commands = decode_commands(&record.payload, record.count);
        let commands = commands.map_err(|error| ApplyError::Unreadable { index, error })?;
        let fetched = self.prefetch(&commands, machine, store)?;
        let (mut draft, from) = (RetryDraft::default(), replies.len());
        let stamp = record.stamp;
        for (index, command) in (index..).zip(&commands) {
            let known = self.known(&draft, command, stamp);
            if self.hears(&known, command) {
                draft.take_mark(command);
            }
            replies.push(match (known, command.op) {
                (Known::New, Some(op)) if command.asks => {
                    draft.give_up(op, index);
                    without_doing(Known::GivenUp)
                }
                (Known::New, _) => {
                    let (overlay, partition) = (&self.overlay, self.partition);
                    let view = Overlaid { store, partition, overlay, fetched: &fetched };
                    let outcome = machine.apply(&view, &command.body, At { index, stamp })?;
                    self.overlay.extend(outcome.mutations);
                    draft.remember(command, index, &outcome.reply);
                    Reply::Now(outcome.reply)
                }
                (known, _) => without_doing(known),
            });
        }
        let changes = self.retries.close(draft, record.first_index, record.stamp);
        self.overlay.extend(changes);
        if let Some(witness) = &self.rig.witness {
            witness.applied(record, &replies[from..]);
        }
        (self.applied, self.stamp) = (record.last_index(), record.stamp);
        self.count += record.count;
        Ok(())
    }

    /// Does the mark of this command count? One that finds no room may make some.
    fn hears(&self, known: &Known, command: &Command) -> bool {
        match known {
            Known::New | Known::Done(_) | Known::Settled | Known::GivenUp => true,
            Known::Full => command.op.is_some_and(|op| self.retries.knows(op.client)),
            Known::Forgotten | Known::Ahead => false,
        }
    }

    /// What the table knows of the command. One without an op-id is always new.
    fn known(&self, draft: &RetryDraft, command: &Command, stamp: Stamp) -> Known {
        match command.op {
            Some(op) if !self.rig.plants.has(Plant::RetryAppliedTwice) => self.retries.look(draft, op, stamp),
            _ => Known::New,
        }
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
        let done = commands.iter().filter(|command| !command.asks);
        done.for_each(|command| machine.reads(&command.body, &mut keys));
        keys.retain(|key| !self.overlay.holds(key));
        keys.sort_unstable();
        keys.dedup();
        if keys.len() < 2 {
            return Ok(Vec::new());
        }
        let asked: Vec<&[u8]> = keys.iter().map(|key| &key[..]).collect();
        match store.multi_get(self.partition, &asked) {
            Ok(rows) => Ok(keys.into_iter().zip(rows).collect()),
            // Together they are more than may be held: each is read when it is
            // asked for, and let go.
            Err(StoreError::TooMuch { .. }) => Ok(Vec::new()),
            Err(error) => Err(ViewError(Box::new(error)).into()),
        }
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

/// What is said of a command that is not done now.
fn without_doing(known: Known) -> Reply {
    match known {
        Known::New => unreachable!("what is new is done"),
        Known::Done(answered) => {
            sometimes!("an operation was answered again");
            Reply::Before(answered)
        }
        Known::Settled => {
            sometimes!("an operation came when nobody needed its answer");
            Reply::Refused(code::OP_SETTLED)
        }
        Known::GivenUp => {
            sometimes!("an operation was asked for before it came");
            Reply::Refused(code::OP_GIVEN_UP)
        }
        Known::Forgotten => {
            sometimes!("an operation's client was forgotten");
            Reply::Refused(code::CLIENT_FORGOTTEN)
        }
        Known::Full => {
            sometimes!("there was no room to remember an operation");
            Reply::Refused(code::OVERLOADED)
        }
        Known::Ahead => {
            sometimes!("an operation's client was from the future");
            Reply::Refused(code::CLIENT_AHEAD)
        }
    }
}

/// The partition clock's last reading, as its store has it.
pub fn last_stamp(store: &dyn Store, partition: PartitionId) -> Result<Stamp, statestore::StoreError> {
    Ok(stamp_of(store.get(partition, &meta::STAMP)?))
}

/// The reading in a row of [`meta::STAMP`].
pub fn stamp_of(row: Option<Bytes>) -> Stamp {
    Stamp(row.and_then(|row| row[..].try_into().ok()).map_or(0, u64::from_le_bytes))
}
