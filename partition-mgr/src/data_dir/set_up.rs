//! Setting up a bare directory, so that a crash anywhere leaves what the next
//! start can begin again.
//!
//! The order is the whole design:
//! 1. the directory itself, and its parent synced: nothing is written into a
//!    directory that a power loss may take away;
//! 2. LOCK (taken by the caller, between [`make`] and [`set_up`]);
//! 3. the parts;
//! 4. IDENTITY with boot 0, and the directory synced: from here on everything
//!    but FORMAT is durable;
//! 5. FORMAT, and the directory synced.
//!
//! So FORMAT is never there without the rest, and before it nobody has been
//! told the identity: doing all of it again, under a new one, loses nothing. A
//! cluster that a node joins is told its disk before; then IDENTITY is there
//! first (`DataDir::begin`), with that disk, and the set-up is told to keep it.

use super::{DataDir, DataDirError, Expect, FORMAT, Format, IDENTITY, Identity, PARTS};
use env::{Env, Files, files};
use model::{BootId, ClusterId, DiskId, NodeId};
use std::path::Path;

/// The node of a directory that was set up without being told one.
const FIRST_NODE: NodeId = NodeId(1);

/// Makes the directory, durably. One that is there may be the work of a
/// process that died before the sync, so its parent is synced all the same.
pub(super) fn make(files: &dyn Files, dir: &Path) -> Result<(), DataDirError> {
    files.create_dir(dir).map_err(DataDirError::system("make directory", dir))?;
    let parent = match dir.parent() {
        None => return Ok(()), // the root of all names
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
    };
    files.sync_dir(parent).map_err(DataDirError::system("sync directory", parent))
}

/// Fills the directory, under its lock. FORMAT comes last.
pub(super) fn set_up(env: &Env, dir: &Path, expect: Expect) -> Result<(), DataDirError> {
    let files = &*env.files;
    for part in PARTS {
        let path = dir.join(part);
        files.create_dir(&path).map_err(DataDirError::system("make directory", &path))?;
    }
    let identity = new_identity(env, dir, expect.cluster, expect.node, expect.disk);
    replace(files, dir, IDENTITY, &identity.encode())?;
    replace(files, dir, FORMAT, &Format { stores: expect.stores }.encode())
}

/// That of a directory which has never been opened: what nobody has said is drawn.
pub(super) fn new_identity(
    env: &Env,
    dir: &Path,
    cluster: Option<ClusterId>,
    node: Option<NodeId>,
    disk: Option<DiskId>,
) -> Identity {
    Identity {
        cluster: cluster.unwrap_or_else(|| ClusterId(draw(env, dir, "cluster-id"))),
        node: node.unwrap_or(FIRST_NODE),
        disk: disk.unwrap_or_else(|| DiskId(draw(env, dir, "disk-id"))),
        boot: 0,
    }
}

/// Puts FORMAT or IDENTITY in place: content synced, renamed, name synced.
pub(super) fn replace(files: &dyn Files, dir: &Path, name: &str, content: &[u8]) -> Result<(), DataDirError> {
    files::replace(files, dir, name, content).map_err(DataDirError::system("write", &dir.join(name)))
}

/// The id of a boot that begins.
pub(super) fn draw_boot(env: &Env, dir: &DataDir) -> BootId {
    BootId(draw(env, dir.path(), &format!("boot-id {} {}", dir.disk(), dir.boot())) as u64)
}

/// A new id. A stream's label decides its numbers, so path and time are part
/// of it: two directories of one process are two disks, and one that was wiped
/// and set up again is a new one.
fn draw(env: &Env, dir: &Path, label: &str) -> u128 {
    let label = format!("{label} {} {}", env.clock.wall().0, dir.display());
    env.rng.stream(&label).next_u128()
}
