//! A disk that can lose, tear, reorder, rot, fill up and lie.
//!
//! Two views: the *cache*, which every read shows, and the *medium*, which a
//! power loss leaves (with any subset of what pends). A crash of the process
//! alone keeps the cache, so a restart sees bytes that are not on the medium;
//! after an EIO on sync they never will be, and the next sync says OK.

use crate::files::{Entry, EntryKind, FileLock, Files, LogDevice};
use crate::sim::file::SimFile;
use crate::sim::image::{Atom, Image, Inode, NameChange, Node, blanks, sectors};
use crate::sim::pending::Pending;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a process asks of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OpKind {
    /// A directory is made.
    CreateDir,
    /// A file is made.
    Create,
    /// A name changes.
    Rename,
    /// A name goes.
    Unlink,
    /// Bytes are written.
    Write,
    /// A length changes.
    SetBytes,
    /// A file is synced.
    Sync,
    /// A directory is synced.
    SyncDir,
    /// Bytes are read.
    Read,
}

/// What goes wrong with one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// EIO. On a sync: reported once, the pages are marked clean, reads go on
    /// showing the new bytes, and the medium never gets them.
    Eio,
    /// ENOSPC. On a write, a prefix may have been written.
    Full,
    /// EROFS.
    ReadOnly,
    /// The sync says OK and does nothing.
    Lie,
}

type FaultRule = Box<dyn FnMut(OpKind, &Path) -> Option<Fault> + Send>;
type Watcher = Box<dyn FnMut(OpKind, &Path, &Pending) + Send>;

#[derive(Default)]
pub(super) struct State {
    pub(super) cache: Image,
    pub(super) medium: Pending,
    next_file: Inode,
    locks: BTreeSet<PathBuf>,
    capacity_bytes: Option<u64>,
    faults: Option<FaultRule>,
    watcher: Option<Watcher>,
}

/// The disk; clones share it.
#[derive(Clone, Default)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

impl SimDisk {
    /// An empty disk.
    pub fn new() -> SimDisk {
        SimDisk::default()
    }

    /// A disk as a power loss left it.
    pub fn from_image(image: Image) -> SimDisk {
        let disk = SimDisk::new();
        {
            let mut state = disk.state();
            state.next_file = image.contents.keys().max().map_or(0, |last| last + 1);
            state.cache = image.clone();
            state.medium.durable = image;
        }
        disk
    }

    /// A disk whose cache shows everything that pends: what the death of the
    /// process alone leaves.
    pub fn from_pending(pending: &Pending) -> SimDisk {
        let mut cache = pending.durable.clone();
        for atom in &pending.atoms {
            cache.apply(atom);
        }
        let disk = SimDisk::from_image(cache);
        disk.state().medium = pending.clone();
        disk
    }

    /// The same disk after the death of the process alone: the cache stays,
    /// and so does what pends. The copy goes its own way.
    pub fn after_process_death(&self) -> SimDisk {
        let disk = SimDisk::new();
        {
            let (from, mut to) = (self.state(), disk.state());
            to.cache = from.cache.clone();
            to.medium = from.medium.clone();
            to.next_file = from.next_file;
        }
        disk
    }

    /// The process is dead and its disk copied: whatever still holds a handle
    /// does not run any more, and need not keep the content.
    pub fn scrap(&self) {
        *self.state() = State::default();
    }

    /// Medium and what pends on it, now.
    pub fn pending(&self) -> Pending {
        self.state().medium.clone()
    }

    /// Asks `rule` before each operation whether it goes wrong.
    pub fn set_faults(&self, rule: impl FnMut(OpKind, &Path) -> Option<Fault> + Send + 'static) {
        self.state().faults = Some(Box::new(rule));
    }

    /// Everything works again.
    pub fn clear_faults(&self) {
        self.state().faults = None;
    }

    /// Calls `watcher` after each operation that changed cache or medium.
    pub fn watch(&self, watcher: impl FnMut(OpKind, &Path, &Pending) + Send + 'static) {
        self.state().watcher = Some(Box::new(watcher));
    }

    /// Writes and creations fail with ENOSPC beyond so many bytes of content.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity_bytes = bytes;
    }

    /// Rot: changes bytes on medium and in cache, silently.
    pub fn rot(&self, path: &Path, offset: u64, change: impl Fn(&mut [u8])) {
        let mut state = self.state();
        let Some(Node::File(file)) = state.cache.names.get(path).copied() else {
            panic!("no file to rot at {}", path.display());
        };
        let State { cache, medium, .. } = &mut *state;
        for image in [cache, &mut medium.durable] {
            if let Some(content) = image.contents.get_mut(&file) {
                let content = Arc::make_mut(content).change();
                let start = (offset as usize).min(content.len());
                change(&mut content[start..]);
            }
        }
    }

    /// Bytes of content, as the cache shows it.
    pub fn used_bytes(&self) -> u64 {
        self.state().used_bytes()
    }

    /// Files and their lengths, by path.
    pub fn contents(&self) -> Vec<(PathBuf, u64)> {
        let state = self.state();
        let files = state.cache.names.iter().filter_map(|(path, node)| match node {
            Node::File(file) => Some((path.clone(), state.cache.length(*file))),
            Node::Directory => None,
        });
        files.collect()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn error(fault: Fault) -> io::Error {
    io::Error::from_raw_os_error(match fault {
        Fault::Eio | Fault::Lie => libc::EIO,
        Fault::Full => libc::ENOSPC,
        Fault::ReadOnly => libc::EROFS,
    })
}

impl State {
    pub(super) fn fault(&mut self, kind: OpKind, path: &Path) -> Option<Fault> {
        self.faults.as_mut()?(kind, path)
    }

    pub(super) fn check(&mut self, kind: OpKind, path: &Path) -> io::Result<()> {
        self.fault(kind, path).map_or(Ok(()), |fault| Err(error(fault)))
    }

    pub(super) fn done(&mut self, kind: OpKind, path: &Path) {
        if let Some(watcher) = &mut self.watcher {
            watcher(kind, path, &self.medium);
        }
    }

    pub(super) fn pend(&mut self, atom: Atom) {
        self.cache.apply(&atom);
        self.medium.atoms.push(atom);
    }

    /// The bytes show at once, and pend sector by sector, or in longer pieces
    /// where nothing else can be but zeroes.
    pub(super) fn write(&mut self, file: Inode, offset: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let end = self.cache.length(file).max(self.medium.durable.length(file));
        let is_blank = offset >= end && bytes.iter().all(|byte| *byte == 0);
        self.cache.write(file, offset, bytes);
        match is_blank {
            true => self.medium.atoms.extend(blanks(file, offset, bytes)),
            false => self.medium.atoms.extend(sectors(file, offset, bytes)),
        }
    }

    /// Pending atoms that `synced` picks reach the medium.
    pub(super) fn settle(&mut self, synced: impl Fn(&Atom) -> bool) {
        let Pending { durable, atoms } = &mut self.medium;
        atoms.retain(|atom| {
            let now = synced(atom);
            if now {
                durable.apply(atom);
            }
            !now
        });
    }

    fn node(&self, path: &Path) -> io::Result<Node> {
        self.cache.names.get(path).copied().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    fn used_bytes(&self) -> u64 {
        let live = self.cache.names.values().filter_map(|node| match node {
            Node::File(file) => self.cache.contents.get(file),
            Node::Directory => None,
        });
        live.map(|content| content.len() as u64).sum()
    }

    pub(super) fn make_room(&self, bytes: u64) -> io::Result<()> {
        match self.capacity_bytes {
            Some(capacity) if self.used_bytes() + bytes > capacity => Err(error(Fault::Full)),
            _ => Ok(()),
        }
    }
}

impl Files for SimDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        match state.cache.names.get(path) {
            Some(Node::Directory) => return Ok(()),
            Some(Node::File(_)) => return Err(io::Error::from(io::ErrorKind::NotADirectory)),
            None => {}
        }
        state.check(OpKind::CreateDir, path)?;
        let to = Some((path.to_owned(), Node::Directory));
        state.medium.durable.made.insert(path.to_owned());
        state.cache.made.insert(path.to_owned());
        state.pend(Atom::Name(NameChange { from: None, to }));
        state.done(OpKind::CreateDir, path);
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let state = self.state();
        if state.node(path)? != Node::Directory {
            return Err(io::Error::from(io::ErrorKind::NotADirectory));
        }
        let inside = state.cache.names.iter().filter(|(name, _)| name.parent() == Some(path));
        let entries = inside.filter_map(|(name, node)| {
            let name = name.file_name()?.to_string_lossy().into_owned();
            Some(match node {
                Node::Directory => Entry { name, kind: EntryKind::Directory, bytes: 0 },
                Node::File(file) => {
                    let bytes = state.cache.contents.get(file).map_or(0, |c| c.len() as u64);
                    Entry { name, kind: EntryKind::File, bytes }
                }
            })
        });
        Ok(entries.collect())
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn LogDevice>> {
        let mut state = self.state();
        if state.cache.names.contains_key(path) {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        state.check(OpKind::Create, path)?;
        let file = state.next_file;
        state.next_file += 1;
        let to = Some((path.to_owned(), Node::File(file)));
        state.pend(Atom::Name(NameChange { from: None, to }));
        state.done(OpKind::Create, path);
        Ok(self.device(file, path))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn LogDevice>> {
        let node = self.state().node(path)?;
        match node {
            Node::File(file) => Ok(self.device(file, path)),
            Node::Directory => Err(io::Error::from(io::ErrorKind::IsADirectory)),
        }
    }

    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn LogDevice>> {
        self.open(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        let node = state.node(from)?;
        state.check(OpKind::Rename, to)?;
        state.pend(Atom::Name(NameChange { from: Some(from.to_owned()), to: Some((to.to_owned(), node)) }));
        state.done(OpKind::Rename, to);
        Ok(())
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.node(path)?;
        state.check(OpKind::Unlink, path)?;
        state.pend(Atom::Name(NameChange { from: Some(path.to_owned()), to: None }));
        state.done(OpKind::Unlink, path);
        Ok(())
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        if !self.list(path)?.is_empty() {
            return Err(io::Error::from(io::ErrorKind::DirectoryNotEmpty));
        }
        self.unlink(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.check(OpKind::SyncDir, path)?;
        state.settle(|atom| matches!(atom, Atom::Name(change) if change.directory() == Some(path)));
        state.done(OpKind::SyncDir, path);
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn FileLock>> {
        if !self.state().cache.names.contains_key(path) {
            self.create(path)?;
        }
        if !self.state().locks.insert(path.to_owned()) {
            return Err(io::Error::from(io::ErrorKind::WouldBlock));
        }
        Ok(Box::new(SimLock { disk: self.clone(), path: path.to_owned() }))
    }
}

struct SimLock {
    disk: SimDisk,
    path: PathBuf,
}

impl FileLock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.disk.state().locks.remove(&self.path);
    }
}

impl SimDisk {
    fn device(&self, file: Inode, path: &Path) -> Arc<dyn LogDevice> {
        Arc::new(SimFile::new(self, file, path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::read_all;
    use crate::rng::Rng;

    fn each_image(disk: &SimDisk) -> Vec<SimDisk> {
        let mut disks = Vec::new();
        let mut stream = Rng::from_seed(1).stream("images");
        disk.pending().each_image(&mut stream, |image| disks.push(SimDisk::from_image(image)));
        disks
    }

    fn content(disk: &SimDisk, path: &str) -> Option<Vec<u8>> {
        let device = disk.open(Path::new(path)).ok()?;
        read_all(&*device).ok()
    }

    fn disk() -> SimDisk {
        let disk = SimDisk::new();
        disk.create_dir(Path::new("/d")).expect("made");
        disk.sync_dir(Path::new("/")).expect("synced");
        disk
    }

    #[test]
    fn a_name_needs_its_directory_and_content_needs_its_file() {
        let disk = disk();
        let device = disk.create(Path::new("/d/f")).expect("created");
        device.write_at(0, b"x").expect("written");
        device.sync().expect("synced");
        assert!(
            each_image(&disk).iter().any(|image| content(image, "/d/f").is_none()),
            "the name may be lost"
        );
        disk.sync_dir(Path::new("/d")).expect("synced");
        assert!(each_image(&disk).iter().all(|image| content(image, "/d/f").as_deref() == Some(b"x")));
    }

    #[test]
    fn after_eio_the_cache_shows_what_the_medium_never_gets() {
        let disk = disk();
        let device = disk.create(Path::new("/d/f")).expect("created");
        disk.sync_dir(Path::new("/d")).expect("synced");
        device.write_at(0, b"ghost").expect("written");
        let mut first = true;
        disk.set_faults(move |kind, _| {
            (kind == OpKind::Sync && std::mem::take(&mut first)).then_some(Fault::Eio)
        });
        assert!(device.sync().is_err());
        device.sync().expect("the second sync lies");
        let restarted = disk.after_process_death();
        assert_eq!(content(&restarted, "/d/f").as_deref(), Some(&b"ghost"[..]));
        assert!(each_image(&restarted).iter().all(|image| content(image, "/d/f").as_deref() == Some(b"")));
    }

    #[test]
    fn a_full_disk_refuses_growth_and_takes_overwrites() {
        let disk = disk();
        let device = disk.create(Path::new("/d/f")).expect("created");
        device.set_bytes(8).expect("there is room");
        disk.set_capacity(Some(8));
        device.write_at(0, b"12345678").expect("no growth");
        let full = device.write_at(8, b"9").map_err(|e| e.kind());
        assert_eq!(full, Err(io::ErrorKind::StorageFull));
    }

    #[test]
    fn a_lock_dies_with_the_process() {
        let disk = disk();
        let _held = disk.lock(Path::new("/d/LOCK")).expect("free");
        assert!(disk.lock(Path::new("/d/LOCK")).is_err());
        disk.after_process_death().lock(Path::new("/d/LOCK")).expect("free after death");
    }
}
