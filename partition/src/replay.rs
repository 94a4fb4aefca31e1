//! Replay: from what a store had flushed to what the log holds.
//!
//! Records go through the machine that would have applied them live; nothing
//! else knows what they mean. A partition that cannot be brought up whole is
//! refused by name and the others go on. Nothing is skipped to get past a
//! problem: a store either holds every command up to its applied index or says
//! so by refusing.

use crate::overlay::{Overlaid, Overlay};
use crate::progress::Progress;
use machine::{Machine, ViewError};
use model::command::{CommandError, decode_commands};
use model::{Code, Index, PartitionId, Record, RecordKind, code};
use statestore::{Part, Store, StoreError};
use std::collections::BTreeMap;
use wal::{Condemned, LogError, Reader, Recovery};

/// Which machine a partition runs.
pub trait Machines {
    /// The partition's machine, if this build has it.
    fn of(&self, partition: PartitionId) -> Option<&dyn Machine>;
}

/// Every partition runs the same machine.
impl<M: Machine> Machines for M {
    fn of(&self, _partition: PartitionId) -> Option<&dyn Machine> {
        Some(self)
    }
}

/// Why a partition is not served after replay.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Records that had been durable cannot be read.
    #[error("records that had been durable cannot be read: {0}")]
    Damaged(Condemned),
    /// The log continues behind a hole.
    #[error("the store ends at index {applied}, the log continues at {next}")]
    Gap {
        /// What the store has.
        applied: Index,
        /// What the log has next.
        next: Index,
    },
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
    /// This build lacks the partition's machine.
    #[error("this build has no machine for it")]
    NoMachine,
}

impl Refusal {
    /// Its code.
    pub fn code(&self) -> Code {
        match self {
            Refusal::Damaged(_) => code::LOG_DAMAGED,
            Refusal::Gap { .. } => code::REPLAY_GAP,
            Refusal::Unreadable { .. } | Refusal::Kind { .. } | Refusal::NoMachine => code::RECORD_UNREADABLE,
        }
    }
}

/// What replay did with one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionReplay {
    /// What its store had.
    pub from: Index,
    /// What its store has now.
    pub applied: Index,
    /// Why it must not be served, if it must not.
    pub refusal: Option<Refusal>,
}

/// What replay did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplayReport {
    /// By partition of the store.
    pub partitions: BTreeMap<PartitionId, PartitionReplay>,
    /// Partitions with records in the log that the store does not hold, and
    /// that nobody told the log to forget. Their records stay.
    pub strangers: Vec<PartitionId>,
    /// Partitions whose store is ahead of the log, which lost its unsynced tail
    /// (`sync = every`): a `Gap` record up to this index has to be appended
    /// before anything else.
    pub ahead: BTreeMap<PartitionId, Index>,
    /// Records applied.
    pub records_applied: u64,
}

/// Why replay as a whole stopped.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Reading the log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A machine could not read its view.
    #[error(transparent)]
    View(#[from] ViewError),
}

impl ReplayError {
    /// Its code.
    pub fn code(&self) -> Code {
        match self {
            ReplayError::Log(error) => error.code(),
            ReplayError::Store(error) => error.code(),
            ReplayError::View(_) => code::STORE_IO,
        }
    }
}

/// Brings every partition of `store` up to the log.
pub fn replay(
    reader: &mut Reader,
    recovery: &Recovery,
    store: &dyn Store,
    machines: &dyn Machines,
    batch_bytes_max: usize,
    progress: &mut dyn FnMut(Progress),
) -> Result<ReplayReport, ReplayError> {
    let mut replay = Replay::new(recovery, store, machines)?;
    let mut reading = Progress { bytes_total: recovery.bytes, ..Progress::default() };
    while let Some(batch) = reader.next_batch()? {
        for record in &batch.records {
            replay.take(record)?;
            if replay.gathered_bytes >= batch_bytes_max {
                replay.flush()?;
            }
        }
        reading.bytes_done += batch.bytes;
        reading.records_applied = replay.report.records_applied;
        progress(reading);
    }
    replay.flush()?;
    Ok(replay.finish())
}

/// One partition on its way up.
struct Climber<'a> {
    machine: Option<&'a dyn Machine>,
    /// What store and gathered part hold together.
    applied: Index,
    /// The part being gathered.
    first_index: Index,
    count: u32,
    overlay: Overlay,
    from: Index,
    /// Damage that its store had not flushed past.
    damaged: Option<Condemned>,
    refusal: Option<Refusal>,
}

struct Replay<'a> {
    store: &'a dyn Store,
    climbers: BTreeMap<PartitionId, Climber<'a>>,
    gathered_bytes: usize,
    report: ReplayReport,
}

impl<'a> Replay<'a> {
    fn new(
        recovery: &Recovery,
        store: &'a dyn Store,
        machines: &'a dyn Machines,
    ) -> Result<Replay<'a>, ReplayError> {
        let mut climbers = BTreeMap::new();
        let mut report = ReplayReport::default();
        for partition in store.partitions()? {
            let applied = store.applied(partition)?;
            if recovery.last.get(&partition).is_some_and(|last| *last < applied) {
                report.ahead.insert(partition, applied);
            }
            let losses = recovery.damages.iter().filter_map(|damage| damage.loss_of(partition, applied));
            let climber = Climber {
                machine: machines.of(partition),
                applied,
                first_index: applied + 1,
                count: 0,
                overlay: Overlay::default(),
                from: applied,
                damaged: losses.min_by_key(|lost| lost.first),
                refusal: None,
            };
            climbers.insert(partition, climber);
        }
        Ok(Replay { store, climbers, gathered_bytes: 0, report })
    }

    fn take(&mut self, record: &Record) -> Result<(), ReplayError> {
        let Some(climber) = self.climbers.get_mut(&record.partition) else {
            self.note_stranger(record);
            return Ok(());
        };
        let gathered = climber.take(record, self.store)?;
        self.gathered_bytes += gathered;
        self.report.records_applied += u64::from(gathered > 0);
        Ok(())
    }

    fn note_stranger(&mut self, record: &Record) {
        let strangers = &mut self.report.strangers;
        match (record.kind, strangers.binary_search(&record.partition)) {
            (RecordKind::Forget, Ok(at)) => {
                strangers.remove(at);
            }
            (RecordKind::Forget, Err(_)) | (_, Ok(_)) => {}
            (_, Err(at)) => strangers.insert(at, record.partition),
        }
    }

    /// Applies what was gathered, all partitions in one store batch.
    fn flush(&mut self) -> Result<(), ReplayError> {
        let gathered = self.climbers.iter_mut().filter(|(_, climber)| climber.count > 0);
        let parts: Vec<Part> = gathered.map(|(partition, climber)| climber.part(*partition)).collect();
        self.gathered_bytes = 0;
        if !parts.is_empty() {
            self.store.apply(&parts)?;
        }
        Ok(())
    }

    fn finish(mut self) -> ReplayReport {
        for (partition, climber) in self.climbers {
            let refusal = climber.refusal.or(climber.damaged.map(Refusal::Damaged));
            let one = PartitionReplay { from: climber.from, applied: climber.applied, refusal };
            self.report.partitions.insert(partition, one);
        }
        self.report
    }
}

impl Climber<'_> {
    /// Takes a record in; returns the bytes gathered, 0 if it was not applied.
    fn take(&mut self, record: &Record, store: &dyn Store) -> Result<usize, ViewError> {
        if self.refusal.is_some() || !record.kind.counts() || record.last_index() <= self.applied {
            return Ok(0);
        }
        if record.first_index != self.applied + 1 {
            self.refusal = Some(match self.damaged {
                Some(lost) => Refusal::Damaged(lost),
                None => Refusal::Gap { applied: self.applied, next: record.first_index },
            });
            return Ok(0);
        }
        let (index, kind) = (record.first_index, record.kind);
        let Some(machine) = self.machine else {
            self.refusal = Some(Refusal::NoMachine);
            return Ok(0);
        };
        if kind != RecordKind::Commands {
            self.refusal = Some(Refusal::Kind { index, kind });
            return Ok(0);
        }
        match decode_commands(&record.payload, record.count) {
            Err(error) => {
                self.refusal = Some(Refusal::Unreadable { index, error });
                return Ok(0);
            }
            Ok(commands) => {
                for command in commands {
                    let view = Overlaid { store, partition: record.partition, overlay: &self.overlay };
                    let outcome = machine.apply(&view, &command.body, record.stamp)?;
                    self.overlay.extend(outcome.mutations);
                }
            }
        }
        self.applied = record.last_index();
        self.count += record.count;
        Ok(record.payload.len() + 1)
    }

    fn part(&mut self, partition: PartitionId) -> Part {
        let (first_index, count) = (self.first_index, std::mem::take(&mut self.count));
        self.first_index = self.applied + 1;
        Part { partition, first_index, count, mutations: self.overlay.take() }
    }
}
