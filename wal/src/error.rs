//! What can go wrong with the log, each with its code.

use crate::batch::FORMAT;
use crate::frame::FrameError;
use crate::place::{LogIdentity, SegmentId};
use model::{Code, code};
use std::io;
use std::path::{Path, PathBuf};

/// Why the log did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The operating system refused.
    #[error("{operation} {}: {source}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Writing or syncing a segment in use failed: the process must end.
    #[error("{operation} {}: {source}; nothing of this batch was acknowledged", path.display())]
    Failed {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An earlier write or sync failed; nothing is taken any more.
    #[error("the log failed before and takes nothing more until the process is started again")]
    Poisoned,
    /// No room for another segment.
    #[error("the log's segment is full and there is no room for another one in {}", path.display())]
    Full {
        /// The log's directory.
        path: PathBuf,
    },
    /// A record above the limit.
    #[error("the record has {bytes} bytes; the limit is {bytes_max} (log_record_bytes_max)")]
    TooLong {
        /// Its size.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// A segment that is still needed is not there.
    #[error("segment {segment} is missing: there is no file {}, and nothing says that it may be gone", path.display())]
    Missing {
        /// Which one.
        segment: SegmentId,
        /// Where it should be.
        path: PathBuf,
    },
    /// A later format.
    #[error("{} has log format {found}; this build reads format {FORMAT}", path.display())]
    Format {
        /// Which file.
        path: PathBuf,
        /// What it says.
        found: u16,
    },
    /// Somebody else's segment.
    #[error(
        "{} belongs to cluster {}, disk {}; this log is of cluster {}, disk {}",
        path.display(), found.cluster, found.disk, expected.cluster, expected.disk
    )]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// Whose it is.
        found: LogIdentity,
        /// Whose it should be.
        expected: LogIdentity,
    },
    /// A file where a directory should be, or the other way round.
    #[error("{} is not a {expected}", path.display())]
    WrongType {
        /// What is in the way.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
    },
    /// A sound batch with a record that this build cannot read.
    #[error("segment {segment}, offset {offset}: {source}")]
    Unreadable {
        /// Which segment.
        segment: SegmentId,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        source: FrameError,
    },
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
}

impl LogError {
    /// Its code.
    pub fn code(&self) -> Code {
        match self {
            LogError::Io { source, .. } => code_of(source),
            LogError::Failed { .. } | LogError::Poisoned | LogError::Closed => code::LOG_SYNC_FAILED,
            LogError::Full { .. } => code::LOG_FULL,
            LogError::TooLong { .. } => code::RECORD_TOO_LONG,
            LogError::Missing { .. } => code::LOG_SEGMENT_MISSING,
            LogError::Format { .. } => code::LOG_FORMAT_UNKNOWN,
            LogError::Foreign { .. } => code::LOG_FOREIGN,
            LogError::WrongType { .. } => code::WRONG_FILE_TYPE,
            LogError::Unreadable { .. } => code::RECORD_UNREADABLE,
        }
    }

    /// For `map_err`: an operation on a path that the system refused.
    pub(crate) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LogError {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::NotADirectory => LogError::WrongType { path, expected: "directory" },
            io::ErrorKind::IsADirectory => LogError::WrongType { path, expected: "file" },
            _ => LogError::Io { operation, path, source },
        }
    }

    /// Did it fail for want of room?
    pub(crate) fn is_full(&self) -> bool {
        self.code() == code::DISK_FULL
    }
}

fn code_of(error: &io::Error) -> Code {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => code::DISK_FULL,
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => code::DIRECTORY_READ_ONLY,
        _ => code::LOG_IO,
    }
}
