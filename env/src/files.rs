//! Files: names on one side, contents on the other, as crashes treat them.
//!
//! A *name* (create, rename, unlink) is durable once its directory has been
//! synced. *Content* is durable once its file has been synced. Neither implies
//! the other; code that needs both says so twice.

use std::io;
use std::path::Path;
use std::sync::Arc;

/// What stands behind a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// Content.
    File,
    /// More names.
    Directory,
    /// Anything else; we make none and touch none.
    Other,
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Without its directory.
    pub name: String,
    /// What stands behind it.
    pub kind: EntryKind,
    /// Bytes of content; 0 for what is no file.
    pub bytes: u64,
}

/// Names.
pub trait Files: Send + Sync {
    /// Makes a directory; not an error when it is there already.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// The names in a directory, sorted: order must not depend on the disk.
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>>;

    /// Makes a file that must not exist yet, for reading and writing.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn LogDevice>>;

    /// Opens a file for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn LogDevice>>;

    /// Opens a file for reading alone.
    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn LogDevice>>;

    /// Gives a file another name, replacing what bears it. Durable after
    /// [`Files::sync_dir`].
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Takes a file's name away. Durable after [`Files::sync_dir`].
    fn unlink(&self, path: &Path) -> io::Result<()>;

    /// Takes an empty directory's name away. Durable after [`Files::sync_dir`] of the
    /// one that it was in.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Takes a lock that dies with the process. `WouldBlock` when another
    /// living process holds it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn FileLock>>;
}

/// A lock on a directory, held until dropped.
pub trait FileLock: Send + Sync {}

/// Content: one file, addressed by offset.
pub trait LogDevice: Send + Sync {
    /// Reads until `into` is full or the file ends; returns what was read.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize>;

    /// Writes all of it. After an error any part may have been written.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Writes the parts one behind the other, past the page cache where whole
    /// blocks can be: for what is written once and rarely read. After an error
    /// any part of them may have been written.
    fn write_parts_at(&self, offset: u64, parts: &[&[u8]]) -> io::Result<()> {
        match parts {
            [all] => self.write_at(offset, all),
            _ => self.write_at(offset, &parts.concat()),
        }
    }

    /// Makes written content durable. After an error nothing is known, and a
    /// second call that succeeds proves nothing.
    fn sync(&self) -> io::Result<()>;

    /// The file's length in bytes.
    fn bytes(&self) -> io::Result<u64>;

    /// Cuts or extends (with zeroes) the file.
    fn set_bytes(&self, bytes: u64) -> io::Result<()>;
}

/// A file's whole content. For small files: the caller knows the bound.
pub fn read_all(device: &dyn LogDevice) -> io::Result<Vec<u8>> {
    let bytes = usize::try_from(device.bytes()?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the file is too long to read at once"))?;
    let mut content = vec![0; bytes];
    let read = device.read_at(0, &mut content)?;
    content.truncate(read);
    Ok(content)
}

/// Puts a small file in place so that a crash leaves the old one or the new
/// one: written beside it, synced, renamed, directory synced.
pub fn replace(files: &dyn Files, dir: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let beside = dir.join(format!("{name}.new"));
    match files.unlink(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let device = files.create(&beside)?;
    let written = device.write_at(0, content).and_then(|()| device.sync());
    drop(device);
    if let Err(error) = written {
        // Half a file must not wait for a later rename; the old one stands.
        let _ = files.unlink(&beside);
        return Err(error);
    }
    files.rename(&beside, &dir.join(name))?;
    files.sync_dir(dir)
}
