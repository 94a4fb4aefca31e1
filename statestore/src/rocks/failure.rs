//! RocksDB's errors, which are texts, as ours, which have codes.

use crate::error::StoreError;
use rocksdb::{Error, ErrorKind};
use std::io;
use std::path::Path;

/// What the operating system says, as RocksDB passes it on.
const REASONS: [(&str, io::ErrorKind); 6] = [
    ("No space left on device", io::ErrorKind::StorageFull),
    ("Disk quota exceeded", io::ErrorKind::QuotaExceeded),
    ("Read-only file system", io::ErrorKind::ReadOnlyFilesystem),
    ("Permission denied", io::ErrorKind::PermissionDenied),
    ("Not a directory", io::ErrorKind::NotADirectory),
    ("Is a directory", io::ErrorKind::IsADirectory),
];

/// Says what was attempted where when RocksDB fails.
pub(super) trait Attempt<T> {
    fn attempt(self, what: &'static str, path: &Path) -> Result<T, StoreError>;
}

impl<T> Attempt<T> for Result<T, Error> {
    fn attempt(self, what: &'static str, path: &Path) -> Result<T, StoreError> {
        self.map_err(|error| translate(&error, what, path))
    }
}

fn translate(error: &Error, what: &'static str, path: &Path) -> StoreError {
    let message = error.to_string();
    let says = |text: &str| message.contains(text);
    // The system's reason first: RocksDB wraps it in errors of several kinds.
    if let Some((_, kind)) = REASONS.iter().find(|(text, _)| says(text)) {
        return StoreError::Io { what, path: path.to_owned(), source: io::Error::new(*kind, message) };
    }
    if says("lock hold by current process") || says("While lock file") {
        return StoreError::InUse { path: path.to_owned(), message };
    }
    if error.kind() == ErrorKind::Incomplete {
        return StoreError::Busy { path: path.to_owned() };
    }
    // We never ask for a file of our own making: one that is missing is lost.
    let lost = says("No such file or directory") || says("create_if_missing is false");
    if lost || error.kind() == ErrorKind::Corruption {
        return StoreError::damaged(path, message);
    }
    StoreError::Io { what, path: path.to_owned(), source: io::Error::other(message) }
}
