//! A data directory that is open: locked, ours, and at a boot number that
//! nobody has seen before.

use super::ground::{Ground, check_parts, read_sealed, refuse_used, survey};
use super::set_up::{make, new_identity, replace, set_up};
use super::{CHECKPOINTS, DataDirError, FORMAT, Format, IDENTITY, Identity, LOCK, LOG, QUARANTINE, STORE};
use env::{Env, FileLock, Files, files};
use model::{ClusterId, DiskId, NodeId};
use std::io;
use std::num::NonZeroU8;
use std::path::{Path, PathBuf};

/// What the caller takes the directory for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expect {
    /// Refused when it is another one. Without it, any is taken, and a bare
    /// directory begins a new cluster.
    pub cluster: Option<ClusterId>,
    /// Refused when it is another one. Without it, any is taken, and a bare
    /// directory becomes that of node 1.
    pub node: Option<NodeId>,
    /// The disk that a bare directory is to be. Without it, one is drawn.
    pub disk: Option<DiskId>,
    /// Store instances for a bare directory. Elsewhere the disk decides: see
    /// [`DataDir::stores_overruled`].
    pub stores: NonZeroU8,
    /// May a bare directory be set up? One that should hold a node's data and is
    /// bare is a disk that was lost, or is not mounted.
    pub may_set_up: bool,
}

/// An open data directory. The lock on it goes when this is dropped.
///
/// Invariant: the boot number is on disk, and greater than that of any earlier
/// opening of this disk.
pub struct DataDir {
    path: PathBuf,
    format: Format,
    identity: Identity,
    stores_overruled: Option<NonZeroU8>,
    newly_set_up: bool,
    _lock: Box<dyn FileLock>,
}

impl DataDir {
    /// Opens the directory, setting it up first when it is bare. Its parent
    /// must exist. Whatever is refused is left as it was.
    pub fn open(env: &Env, path: &Path, expect: Expect) -> Result<DataDir, DataDirError> {
        let files = &*env.files;
        let lock = approach(files, path, expect.may_set_up)?;
        // Again: until the lock was ours, another process may have been at it.
        let newly_set_up = match survey(files, path)? {
            Ground::SetUp => false,
            Ground::Unfinished(entries) => {
                refuse_used(files, path, &entries)?;
                set_up(env, path, expect)?;
                true
            }
        };
        let format = read_format(files, path)?;
        let identity = read_identity(files, path)?;
        expect.check(path, &identity)?;
        check_parts(files, path)?;
        let identity = raise_boot(files, path, identity)?;
        let stores_overruled = (format.stores != expect.stores).then_some(expect.stores);
        let path = path.to_owned();
        Ok(DataDir { path, format, identity, stores_overruled, newly_set_up, _lock: lock })
    }

    /// Is there one, set up, whoever's it is? Otherwise it would be set up.
    pub fn is_there(env: &Env, path: &Path) -> Result<bool, DataDirError> {
        Ok(matches!(survey(&*env.files, path)?, Ground::SetUp))
    }

    /// Which disk a bare directory is going to be, for whoever tells others of it before
    /// it is set up: the same each time, whatever comes in between.
    pub fn begin(env: &Env, path: &Path) -> Result<DiskId, DataDirError> {
        let files = &*env.files;
        let _lock = approach(files, path, true)?;
        if let Ground::Unfinished(entries) = survey(files, path)? {
            refuse_used(files, path, &entries)?;
            if !entries.iter().any(|entry| entry.name == IDENTITY) {
                let identity = new_identity(env, path, None, None, None);
                replace(files, path, IDENTITY, &identity.encode())?;
            }
        }
        Ok(read_identity(files, path)?.disk)
    }

    /// Where it is, as the caller named it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The cluster it belongs to.
    pub fn cluster(&self) -> ClusterId {
        self.identity.cluster
    }

    /// The node it belongs to.
    pub fn node(&self) -> NodeId {
        self.identity.node
    }

    /// This set-up of this directory.
    pub fn disk(&self) -> DiskId {
        self.identity.disk
    }

    /// The number of this opening; the first is 1.
    pub fn boot(&self) -> u64 {
        self.identity.boot
    }

    /// Who it is to other nodes.
    pub fn as_peer(&self) -> peer::Identity {
        let Identity { cluster, node, disk, boot } = self.identity;
        peer::Identity { cluster, node, disk, boot }
    }

    /// How many store instances it has.
    pub fn stores(&self) -> NonZeroU8 {
        self.format.stores
    }

    /// The count that was asked for, if the disk has another. Worth a warning:
    /// the count on disk is a fact and was taken.
    pub fn stores_overruled(&self) -> Option<NonZeroU8> {
        self.stores_overruled
    }

    /// Was it bare? A node that should have had data wants to know.
    pub fn newly_set_up(&self) -> bool {
        self.newly_set_up
    }

    /// Where the node's log is.
    pub fn log_dir(&self) -> PathBuf {
        self.path.join(LOG)
    }

    /// Where the store instances are.
    pub fn store_dir(&self) -> PathBuf {
        self.path.join(STORE)
    }

    /// Where memory stores keep their checkpoints.
    pub fn checkpoint_dir(&self) -> PathBuf {
        self.path.join(CHECKPOINTS)
    }

    /// Where things go that nobody claims.
    pub fn quarantine_dir(&self) -> PathBuf {
        self.path.join(QUARANTINE)
    }
}

impl std::fmt::Debug for DataDir {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("DataDir");
        shown.field("path", &self.path).field("format", &self.format).field("identity", &self.identity);
        shown.finish_non_exhaustive()
    }
}

impl Expect {
    fn check(&self, path: &Path, identity: &Identity) -> Result<(), DataDirError> {
        let path = || path.to_owned();
        match self.cluster {
            Some(expected) if expected != identity.cluster => {
                return Err(DataDirError::OtherCluster { path: path(), found: identity.cluster, expected });
            }
            _ => {}
        }
        match self.node {
            Some(expected) if expected != identity.node => {
                Err(DataDirError::OtherNode { path: path(), found: identity.node, expected })
            }
            _ => Ok(()),
        }
    }
}

/// Takes the lock of a directory that is set up, or may be; it is made if need be.
fn approach(files: &dyn Files, path: &Path, may_set_up: bool) -> Result<Box<dyn FileLock>, DataDirError> {
    if let Ground::Unfinished(entries) = survey(files, path)? {
        if !may_set_up {
            return Err(DataDirError::Bare { path: path.to_owned() });
        }
        if !entries.iter().any(|entry| entry.name == LOCK) {
            // Nobody can be at work here without LOCK; it must not appear
            // in a directory that is then found to be somebody else's.
            refuse_used(files, path, &entries)?;
        }
        make(files, path)?;
    }
    take_lock(files, path)
}

fn take_lock(files: &dyn Files, dir: &Path) -> Result<Box<dyn FileLock>, DataDirError> {
    let path = dir.join(LOCK);
    files.lock(&path).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => DataDirError::InUse { path: dir.to_owned(), pid: holder(files, &path) },
        _ => DataDirError::system("lock", &path)(error),
    })
}

/// Who wrote itself into LOCK last. It may be gone: only the lock itself tells.
pub(super) fn holder(files: &dyn Files, path: &Path) -> Option<u32> {
    let device = files.open_read(path).ok()?;
    let content = files::read_all(&*device).ok()?;
    std::str::from_utf8(&content).ok()?.trim_end().parse().ok()
}

fn read_format(files: &dyn Files, dir: &Path) -> Result<Format, DataDirError> {
    let path = dir.join(FORMAT);
    let read = read_sealed(files, &path, Format::decode).map_err(DataDirError::system("read", &path))?;
    read.map_err(DataDirError::format(path))
}

fn read_identity(files: &dyn Files, dir: &Path) -> Result<Identity, DataDirError> {
    let path = dir.join(IDENTITY);
    let read = read_sealed(files, &path, Identity::decode).map_err(DataDirError::system("read", &path))?;
    read.map_err(DataDirError::identity(path))
}

/// Counts this opening, durably. A crash before the end may use up a number;
/// one that was returned is never returned again.
fn raise_boot(files: &dyn Files, dir: &Path, identity: Identity) -> Result<Identity, DataDirError> {
    let next = identity.next_boot().map_err(DataDirError::identity(dir.join(IDENTITY)))?;
    replace(files, dir, IDENTITY, &next.encode())?;
    Ok(next)
}
