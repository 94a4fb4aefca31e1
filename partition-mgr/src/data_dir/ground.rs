//! What lies in a directory before we touch it: ours, the rest of a set-up
//! that was interrupted, or somebody else's.
//!
//! Read this file with `set_up.rs` beside it: what is accepted here as a rest
//! is exactly what a crash there can leave.

use super::sealed::{FILE_BYTES_MAX, Flaw};
use super::{DataDirError, FORMAT, IDENTITY, Identity, LOCK, PARTS};
use env::{Entry, EntryKind, Files, files};
use std::io;
use std::path::Path;

/// What `files::replace` writes before it renames.
const HALF_DONE: [&str; 2] = ["IDENTITY.new", "FORMAT.new"];

/// What the names in a directory say.
pub(super) enum Ground {
    /// FORMAT is there: set-up was finished once.
    SetUp,
    /// Nothing, or at most what a set-up makes before FORMAT. An absent
    /// directory has no entries either.
    Unfinished(Vec<Entry>),
}

/// Looks at the names alone, and changes nothing.
pub(super) fn survey(files: &dyn Files, dir: &Path) -> Result<Ground, DataDirError> {
    let entries = match files.list(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(DataDirError::system("list", dir)(error)),
    };
    if entries.iter().any(|entry| entry.name == FORMAT) {
        for entry in &entries {
            // Opening a pipe would wait for ever, and a link may lead anywhere.
            if [FORMAT, IDENTITY, LOCK].contains(&entry.name.as_str()) && entry.kind != EntryKind::File {
                let path = dir.join(&entry.name);
                return Err(DataDirError::WrongFileType { path, wanted: "regular file" });
            }
        }
        return Ok(Ground::SetUp);
    }
    match entries.iter().find(|entry| !may_be_rest(entry)) {
        Some(entry) => Err(foreign(dir, &entry.name)),
        None => Ok(Ground::Unfinished(entries)),
    }
}

/// Is a file of this name, kind and length what a set-up may leave?
fn may_be_rest(entry: &Entry) -> bool {
    let name = entry.name.as_str();
    if PARTS.contains(&name) {
        // A link may be an operator's, to another disk; `refuse_used` follows it.
        return entry.kind != EntryKind::File;
    }
    let file = name == LOCK || name == IDENTITY || HALF_DONE.contains(&name);
    file && entry.kind == EntryKind::File && entry.bytes <= FILE_BYTES_MAX
}

/// Refuses a directory that has been in use, though FORMAT is gone: its parts
/// are not empty, or somebody has been told its identity.
pub(super) fn refuse_used(files: &dyn Files, dir: &Path, entries: &[Entry]) -> Result<(), DataDirError> {
    for Entry { name, .. } in entries {
        let path = dir.join(name);
        if PARTS.contains(&name.as_str()) {
            let inside = files.list(&path).map_err(DataDirError::system("list", &path))?;
            if let Some(first) = inside.first() {
                return Err(foreign(dir, &format!("{name}/{}", first.name)));
            }
        } else if name == IDENTITY {
            // A set-up puts it in place whole, with boot 0.
            match read_sealed(files, &path, Identity::decode).map_err(DataDirError::system("read", &path))? {
                Ok(Identity { boot: 0, .. }) => {}
                _ => return Err(foreign(dir, IDENTITY)),
            }
        }
    }
    Ok(())
}

/// Refuses a directory that was set up and has lost a part since.
pub(super) fn check_parts(files: &dyn Files, dir: &Path) -> Result<(), DataDirError> {
    for part in PARTS {
        let path = dir.join(part);
        match files.list(&path) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(DataDirError::Incomplete { path });
            }
            Err(error) => return Err(DataDirError::system("list", &path)(error)),
        }
    }
    Ok(())
}

/// Reads FORMAT or IDENTITY. The outer error is the system's, the inner one is
/// about what the file says.
pub(super) fn read_sealed<T>(
    files: &dyn Files,
    path: &Path,
    decode: impl FnOnce(&[u8]) -> Result<T, Flaw>,
) -> io::Result<Result<T, Flaw>> {
    let device = match files.open_read(path) {
        Ok(device) => device,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Err(Flaw::Absent)),
        Err(error) => return Err(error),
    };
    let bytes = device.bytes()?;
    if bytes > FILE_BYTES_MAX {
        return Ok(Err(Flaw::TooLong { bytes }));
    }
    Ok(decode(&files::read_all(&*device)?))
}

fn foreign(dir: &Path, name: &str) -> DataDirError {
    DataDirError::Foreign { path: dir.to_owned(), name: name.to_owned() }
}
