//! What a replay came to: by partition, or why it stopped.

use machine::ViewError;
use model::command::CommandError;
use model::{Code, Index, PartitionId, RecordKind, code};
use statestore::StoreError;
use std::collections::BTreeMap;
use wal::{Condemned, LogError};

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
    /// A row that its machine cannot read.
    #[error("index {index}: {why}")]
    Row {
        /// Of the command that wanted it.
        index: Index,
        /// What the machine says.
        why: String,
    },
    /// What its store remembers of operations cannot be read.
    #[error("{0}")]
    Retries(String),
    /// This build lacks the partition's machine.
    #[error("this build has no machine for it")]
    NoMachine,
    /// Its commands do not come to what they came to when they were made.
    #[error("its changes up to index {index} do not come to what the log has noted of them")]
    Diverged {
        /// Where that shows.
        index: Index,
    },
    /// It lacks the version of it that the history asks for.
    #[error("index {index}: this build lacks machine `{name}` in version {version}")]
    Version {
        /// From where on.
        index: Index,
        /// Which machine.
        name: String,
        /// In which version.
        version: u32,
    },
}

impl Refusal {
    /// Does it say something of the log? Then it concerns those alone whose records
    /// are there.
    pub fn is_of_the_log(&self) -> bool {
        !matches!(self, Refusal::Version { .. } | Refusal::Retries(_))
    }

    /// Its code.
    pub fn code(&self) -> Code {
        match self {
            Refusal::Damaged(_) => code::LOG_DAMAGED,
            Refusal::Gap { .. } => code::REPLAY_GAP,
            Refusal::Retries(_) => code::STORE_DAMAGED,
            Refusal::Version { .. } => code::NO_MACHINE,
            Refusal::Diverged { .. } => code::STATE_DIVERGED,
            Refusal::Row { .. } | Refusal::Unreadable { .. } | Refusal::Kind { .. } | Refusal::NoMachine => {
                code::RECORD_UNREADABLE
            }
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
    /// A thread could not be started, or ended early.
    #[error("a replay thread {0}")]
    Thread(String),
}

impl ReplayError {
    /// Its code.
    pub fn code(&self) -> Code {
        match self {
            ReplayError::Log(error) => error.code(),
            ReplayError::Store(error) => error.code(),
            ReplayError::View(_) | ReplayError::Thread(_) => code::STORE_IO,
        }
    }
}

impl ReplayReport {
    /// Both, of replays that shared the partitions.
    pub(crate) fn plus(mut self, other: ReplayReport) -> ReplayReport {
        self.partitions.extend(other.partitions);
        self.strangers.extend(other.strangers);
        self.strangers.sort_unstable();
        self.ahead.extend(other.ahead);
        self.records_applied += other.records_applied;
        self
    }
}
