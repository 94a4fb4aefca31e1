//! How a log is to behave.

use crate::place::LogIdentity;
use env::Plants;
use model::{Durability, Limits};
use std::path::PathBuf;

/// When a batch is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncPolicy {
    /// Before it is acknowledged.
    Each,
    /// Written at once and acknowledged as `os`; synced within so many
    /// milliseconds.
    Every(u64),
}

impl SyncPolicy {
    /// What an acknowledgement is worth.
    pub fn reaches(self) -> Durability {
        match self {
            SyncPolicy::Each => Durability::Local,
            SyncPolicy::Every(_) => Durability::Os,
        }
    }
}

/// When the mark that proves a batch durable is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkPolicy {
    /// By the next batch, or when the log is quiet for `log_mark_ms`. Until
    /// then, rot of exactly the last batch reads as a torn tail.
    Idle,
    /// Before the batch is acknowledged: a second sync closes that gap.
    BeforeAck,
}

/// A log's settings.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// The log's directory.
    pub dir: PathBuf,
    /// Whose log it is.
    pub identity: LogIdentity,
    /// When a batch is on disk.
    pub sync: SyncPolicy,
    /// When it is proven to be.
    pub mark: MarkPolicy,
    /// Sizes and bounds.
    pub limits: Limits,
    /// Known mistakes switched on; none outside simulation.
    pub plants: Plants,
}

impl LogConfig {
    /// A log that syncs each batch, with default limits.
    pub fn new(dir: PathBuf, identity: LogIdentity) -> LogConfig {
        LogConfig {
            dir,
            identity,
            sync: SyncPolicy::Each,
            mark: MarkPolicy::Idle,
            limits: Limits::default(),
            plants: Plants::NONE,
        }
    }
}
