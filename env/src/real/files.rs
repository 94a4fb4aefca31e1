//! The operating system's files.
#![allow(clippy::disallowed_methods)] // this is the seam

use super::direct::Direct;
use crate::files::{Entry, EntryKind, FileLock, Files, LogDevice};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// Files on a mounted file system.
pub struct OsFiles;

impl Files for OsFiles {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        match fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if fs::metadata(path)?.is_dir() {
                    return Ok(());
                }
                Err(io::Error::from(io::ErrorKind::NotADirectory))
            }
            made => made,
        }
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let meta = entry.metadata()?;
            let kind = match meta.file_type() {
                t if t.is_file() => EntryKind::File,
                t if t.is_dir() => EntryKind::Directory,
                _ => EntryKind::Other,
            };
            let bytes = if kind == EntryKind::File { meta.len() } else { 0 };
            entries.push(Entry { name: entry.file_name().to_string_lossy().into_owned(), kind, bytes });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn LogDevice>> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        Ok(Arc::new(OsFile::of(file)))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn LogDevice>> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Arc::new(OsFile::of(file)))
    }

    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn LogDevice>> {
        let file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        Ok(Arc::new(OsFile::of(file)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn FileLock>> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(io::Error::from(io::ErrorKind::WouldBlock)),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Who holds it, for people; the lock itself is the kernel's. A full
        // disk must not keep a node from starting for want of this line.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Box::new(OsLock(file)))
    }
}

struct OsFile {
    file: File,
    /// Opened with the first write that may pass the cache.
    direct: OnceLock<Option<Direct>>,
}

impl OsFile {
    fn of(file: File) -> OsFile {
        OsFile { file, direct: OnceLock::new() }
    }

    /// Writes the parts past the page cache, if that can be.
    fn write_direct(&self, offset: u64, parts: &[&[u8]], total: usize) -> io::Result<bool> {
        if !Direct::takes(offset, total) {
            return Ok(false);
        }
        match self.direct.get_or_init(|| Direct::beside(&self.file)) {
            Some(direct) => direct.write(offset, parts),
            None => Ok(false),
        }
    }
}

impl LogDevice for OsFile {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while done < into.len() {
            match self.file.read_at(&mut into[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn write_parts_at(&self, offset: u64, parts: &[&[u8]]) -> io::Result<()> {
        let total: usize = parts.iter().map(|part| part.len()).sum();
        if self.write_direct(offset, parts, total)? {
            return Ok(());
        }
        if parts.len() > IOV_MAX {
            return self.write_at(offset, &parts.concat());
        }
        let written = match pwritev(&self.file, offset, parts) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            written => written?,
        };
        if written == total {
            return Ok(());
        }
        // Rare: a signal or a limit cut it short. The rest goes the plain way.
        self.write_at(offset + written as u64, &parts.concat()[written..])
    }

    #[allow(unsafe_code)]
    fn sync(&self) -> io::Result<()> {
        // Not `sync_data`: std retries on EINTR, and after any error here no
        // second sync may be believed.
        // SAFETY: the descriptor is open for as long as `self.file` lives.
        match unsafe { libc::fdatasync(self.file.as_raw_fd()) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn bytes(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn set_bytes(&self, bytes: u64) -> io::Result<()> {
        self.file.set_len(bytes)
    }
}

/// What one call takes, by POSIX's least and Linux's own bound.
const IOV_MAX: usize = 1024;

#[allow(unsafe_code)]
fn pwritev(file: &File, offset: u64, parts: &[&[u8]]) -> io::Result<usize> {
    let parts: Vec<libc::iovec> = parts
        .iter()
        .map(|part| libc::iovec { iov_base: part.as_ptr().cast_mut().cast(), iov_len: part.len() })
        .collect();
    let offset = libc::off_t::try_from(offset).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    let count =
        libc::c_int::try_from(parts.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    // SAFETY: the descriptor is open for as long as `file` lives, every part
    // outlives the call, and pwritev only reads from them.
    let written = unsafe { libc::pwritev(file.as_raw_fd(), parts.as_ptr(), count, offset) };
    usize::try_from(written).map_err(|_| io::Error::last_os_error())
}

struct OsLock(#[expect(dead_code, reason = "held for the kernel's lock on it")] File);

impl FileLock for OsLock {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{read_all, replace};

    #[test]
    fn content_and_names() {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let files = OsFiles;
        let sub = dir.path().join("sub");
        files.create_dir(&sub).expect("made");
        files.create_dir(&sub).expect("made twice is made");
        let device = files.create(&sub.join("b")).expect("created");
        device.write_at(3, b"xyz").expect("written");
        device.write_parts_at(6, &[b"p", b"", b"qr"]).expect("written");
        device.sync().expect("synced");
        assert_eq!(read_all(&*device).expect("read"), b"\0\0\0xyzpqr");
        assert_eq!(device.read_at(4, &mut [0; 8]).expect("short at the end"), 5);
        assert_eq!(files.create(&sub.join("b")).err().map(|e| e.kind()), Some(io::ErrorKind::AlreadyExists));
        replace(&files, &sub, "a", b"one").expect("placed");
        replace(&files, &sub, "a", b"two").expect("replaced");
        let names: Vec<String> = files.list(&sub).expect("listed").into_iter().map(|e| e.name).collect();
        assert_eq!(names, ["a", "b"]);
        let file = dir.path().join("sub").join("a");
        assert_eq!(files.create_dir(&file).map_err(|e| e.kind()), Err(io::ErrorKind::NotADirectory));
        assert_eq!(files.open_read(&sub).err().map(|e| e.kind()), Some(io::ErrorKind::IsADirectory));
    }

    #[test]
    fn a_lock_is_exclusive_and_dies_with_its_holder() {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let path = dir.path().join("LOCK");
        let held = OsFiles.lock(&path).expect("free");
        assert_eq!(OsFiles.lock(&path).err().map(|e| e.kind()), Some(io::ErrorKind::WouldBlock));
        drop(held);
        OsFiles.lock(&path).expect("free again");
    }
}
