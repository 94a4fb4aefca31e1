//! Why a data directory was not opened.
//!
//! The message says what happened, with paths and with what was found and what
//! was expected. What is safe and what to do next belong to the code.

use super::sealed::Flaw;
use model::{ClusterId, Code, NodeId, code};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a data directory was not opened. Nothing in it was lost.
#[derive(Debug, Error)]
pub enum DataDirError {
    /// Another process holds the lock.
    #[error("{} is in use by {}", path.display(), holder(*pid))]
    InUse {
        /// The directory.
        path: PathBuf,
        /// Who wrote itself into LOCK, if that can be read.
        pid: Option<u32>,
    },
    /// There is no FORMAT, and there is something that set-up never leaves.
    #[error("{} holds {name}, but no FORMAT: it is not ours, or lost that file", path.display())]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// The first thing found that is not the rest of a set-up.
        name: String,
    },
    /// FORMAT or IDENTITY is whole, and of a version that is not known here.
    #[error("{} has version {found}; this build knows version {known}", path.display())]
    FormatUnknown {
        /// The file.
        path: PathBuf,
        /// What it says.
        found: u32,
        /// What this build writes.
        known: u32,
    },
    /// FORMAT cannot be understood.
    #[error("{} is damaged: {flaw}", path.display())]
    FormatDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// IDENTITY cannot be understood, or is not there.
    #[error("{} is damaged: {flaw}", path.display())]
    IdentityDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// It belongs to another cluster.
    #[error("{} belongs to cluster {found}, not to cluster {expected}", path.display())]
    OtherCluster {
        /// The directory.
        path: PathBuf,
        /// Whose it is.
        found: ClusterId,
        /// Whose it should be.
        expected: ClusterId,
    },
    /// It belongs to another node of the cluster.
    #[error("{} belongs to node {found}, not to node {expected}", path.display())]
    OtherNode {
        /// The directory.
        path: PathBuf,
        /// Whose it is.
        found: NodeId,
        /// Whose it should be.
        expected: NodeId,
    },
    /// FORMAT says that set-up was finished, yet one of the directories that
    /// set-up makes is gone. An empty one in its place would hide the loss.
    #[error("{} is missing", path.display())]
    Incomplete {
        /// The directory that is gone.
        path: PathBuf,
    },
    /// It was never set up, and should have been.
    #[error("{} holds no node's data", path.display())]
    Bare {
        /// The directory.
        path: PathBuf,
    },
    /// Something else bears a name of ours.
    #[error("{} is not a {wanted}", path.display())]
    WrongFileType {
        /// What it is about.
        path: PathBuf,
        /// What it should be.
        wanted: &'static str,
    },
    /// The operating system refused.
    #[error("cannot {operation} {}: {source}", path.display())]
    System {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// The answer.
        source: io::Error,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

impl DataDirError {
    /// The code, which says what is safe and what to do.
    pub fn code(&self) -> Code {
        match self {
            DataDirError::InUse { .. } => code::DIRECTORY_IN_USE,
            DataDirError::Foreign { .. } => code::DIRECTORY_FOREIGN,
            DataDirError::FormatUnknown { .. } => code::FORMAT_UNKNOWN,
            DataDirError::FormatDamaged { .. } => code::FORMAT_DAMAGED,
            DataDirError::IdentityDamaged { .. } => code::IDENTITY_DAMAGED,
            DataDirError::OtherCluster { .. } => code::OTHER_CLUSTER,
            DataDirError::OtherNode { .. } => code::OTHER_NODE,
            DataDirError::Incomplete { .. } => code::DIRECTORY_INCOMPLETE,
            DataDirError::Bare { .. } => code::DIRECTORY_BARE,
            DataDirError::WrongFileType { .. } => code::WRONG_FILE_TYPE,
            DataDirError::System { source, .. } => match source.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => code::DISK_FULL,
                ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => code::DIRECTORY_READ_ONLY,
                ErrorKind::NotADirectory | ErrorKind::IsADirectory => code::WRONG_FILE_TYPE,
                _ => code::DIRECTORY_IO,
            },
        }
    }

    /// For `map_err`: what was tried, and on what.
    pub(crate) fn system(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DataDirError {
        move |source| DataDirError::System { operation, path: path.to_owned(), source }
    }

    /// For `map_err`: what is wrong with FORMAT.
    pub(super) fn format(path: PathBuf) -> impl FnOnce(Flaw) -> DataDirError {
        move |flaw| match flaw {
            Flaw::Version { found, known } => DataDirError::FormatUnknown { path, found, known },
            flaw => DataDirError::FormatDamaged { path, flaw },
        }
    }

    /// For `map_err`: what is wrong with IDENTITY.
    pub(super) fn identity(path: PathBuf) -> impl FnOnce(Flaw) -> DataDirError {
        move |flaw| match flaw {
            Flaw::Version { found, known } => DataDirError::FormatUnknown { path, found, known },
            flaw => DataDirError::IdentityDamaged { path, flaw },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_decides_the_code() {
        let table = [
            (libc_enospc(), code::DISK_FULL),
            (ErrorKind::QuotaExceeded.into(), code::DISK_FULL),
            (ErrorKind::ReadOnlyFilesystem.into(), code::DIRECTORY_READ_ONLY),
            (ErrorKind::PermissionDenied.into(), code::DIRECTORY_READ_ONLY),
            (ErrorKind::NotADirectory.into(), code::WRONG_FILE_TYPE),
            (ErrorKind::IsADirectory.into(), code::WRONG_FILE_TYPE),
            (ErrorKind::NotFound.into(), code::DIRECTORY_IO),
            (io::Error::other("anything"), code::DIRECTORY_IO),
        ];
        for (source, code) in table {
            let error = DataDirError::system("sync", Path::new("/d/log"))(source);
            assert_eq!(error.code(), code, "{error}");
            assert!(error.to_string().starts_with("cannot sync /d/log: "), "{error}");
        }
    }

    /// As the kernel reports it, by number.
    fn libc_enospc() -> io::Error {
        io::Error::from_raw_os_error(28)
    }
}
