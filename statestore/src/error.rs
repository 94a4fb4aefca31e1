//! What can go wrong with a store, and the code each case has.

use model::{Code, Index, PartitionId, code};
use std::io;
use std::path::{Path, PathBuf};

/// A store refused or failed. [`StoreError::code`] says what is safe and what
/// to do; the text says where.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No such partition here.
    #[error("the store does not hold partition {0}")]
    Unknown(PartitionId),
    /// The partition is here already, or named twice.
    #[error("the store already holds partition {0}")]
    Exists(PartitionId),
    /// A part neither is in already nor follows what is in.
    #[error(
        "partition {partition} has applied {applied}, but got {count} commands that begin at {first_index}"
    )]
    Gap {
        /// Whose.
        partition: PartitionId,
        /// What it has.
        applied: Index,
        /// Where the part begins.
        first_index: Index,
        /// How many indexes it covers.
        count: u32,
    },
    /// A mutation names a row that only the store itself may write.
    #[error("partition {partition} got a change of row {}, which the store keeps for itself", .key.escape_ascii())]
    Reserved {
        /// Whose.
        partition: PartitionId,
        /// The row.
        key: Vec<u8>,
    },
    /// The rows asked for are too much for one answer.
    #[error("the rows asked for have more than {bytes_max} bytes together")]
    TooMuch {
        /// What one answer holds.
        bytes_max: usize,
    },
    /// The operating system, or the engine below, refused.
    #[error("{what} {}: {source}", .path.display())]
    Io {
        /// The attempt, as a verb and an object.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The engine takes nothing now, until it has worked off what it has.
    #[error("{} works off what it has before it takes more", .path.display())]
    Busy {
        /// Where.
        path: PathBuf,
    },
    /// A living process has the store open.
    #[error("{} is open in a living process: {message}", .path.display())]
    InUse {
        /// Where.
        path: PathBuf,
        /// What the engine said.
        message: String,
    },
    /// Files of the store are not what was written.
    #[error("{} is damaged: {why}", .path.display())]
    Damaged {
        /// Where.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// A file of a later build.
    #[error("{} has format {found}, which this build does not know; it knows {known}", .path.display())]
    FormatUnknown {
        /// Where.
        path: PathBuf,
        /// The version in the file.
        found: u32,
        /// The version of this build.
        known: u32,
    },
    /// The store was made with other settings.
    #[error("{}: {why}", .path.display())]
    Layout {
        /// Where.
        path: PathBuf,
        /// Which settings, found and asked.
        why: String,
    },
    /// Exported files are not those of their manifest.
    #[error("the export in {} is damaged: {why}", .path.display())]
    ExportDamaged {
        /// Where.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
}

impl StoreError {
    /// The code, which never changes meaning.
    pub fn code(&self) -> Code {
        match self {
            StoreError::Unknown(_) => code::PARTITION_UNKNOWN,
            StoreError::Exists(_) => code::PARTITION_EXISTS,
            StoreError::Gap { .. } => code::INDEX_GAP,
            StoreError::Reserved { .. } => code::ROW_RESERVED,
            StoreError::TooMuch { .. } => code::ANSWER_TOO_LARGE,
            StoreError::Io { source, .. } => io_code(source),
            StoreError::Busy { .. } => code::STORE_BUSY,
            StoreError::InUse { .. } => code::DIRECTORY_IN_USE,
            StoreError::Damaged { .. } => code::STORE_DAMAGED,
            StoreError::FormatUnknown { .. } => code::FORMAT_UNKNOWN,
            StoreError::Layout { .. } => code::STORE_LAYOUT,
            StoreError::ExportDamaged { .. } => code::EXPORT_DAMAGED,
        }
    }

    /// Does it pass by itself? Nothing was applied that a second attempt would
    /// apply twice, so it may be made.
    pub fn passes(&self) -> bool {
        matches!(self, StoreError::Busy { .. }) || self.is_full()
    }

    /// Is there no room? A quota is none that an engine waits for.
    pub fn is_full(&self) -> bool {
        matches!(self, StoreError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull)
    }

    pub(crate) fn damaged(path: &Path, why: impl Into<String>) -> StoreError {
        StoreError::Damaged { path: path.to_owned(), why: why.into() }
    }

    pub(crate) fn export_damaged(path: &Path, why: impl Into<String>) -> StoreError {
        StoreError::ExportDamaged { path: path.to_owned(), why: why.into() }
    }

    /// The store on disk, or the one asked for, is not made like this.
    pub fn layout(path: &Path, why: impl Into<String>) -> StoreError {
        StoreError::Layout { path: path.to_owned(), why: why.into() }
    }
}

fn io_code(error: &io::Error) -> Code {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => code::DISK_FULL,
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => code::DIRECTORY_READ_ONLY,
        io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => code::WRONG_FILE_TYPE,
        _ => code::STORE_IO,
    }
}

/// Says what was attempted where when an [`io::Result`] fails.
pub(crate) trait Attempt<T> {
    fn attempt(self, what: &'static str, path: &Path) -> Result<T, StoreError>;
}

impl<T> Attempt<T> for io::Result<T> {
    fn attempt(self, what: &'static str, path: &Path) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Io { what, path: path.to_owned(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_s_reasons_keep_their_codes() {
        let table = [
            (io::ErrorKind::StorageFull, code::DISK_FULL),
            (io::ErrorKind::QuotaExceeded, code::DISK_FULL),
            (io::ErrorKind::ReadOnlyFilesystem, code::DIRECTORY_READ_ONLY),
            (io::ErrorKind::PermissionDenied, code::DIRECTORY_READ_ONLY),
            (io::ErrorKind::NotADirectory, code::WRONG_FILE_TYPE),
            (io::ErrorKind::IsADirectory, code::WRONG_FILE_TYPE),
            (io::ErrorKind::Other, code::STORE_IO),
        ];
        for (kind, code) in table {
            let failed: io::Result<()> = Err(io::Error::from(kind));
            let error = failed.attempt("writing", Path::new("/d")).expect_err("it failed");
            assert_eq!(error.code(), code, "{kind}");
        }
    }
}
