//! Where checkpoints live: one file for each partition of a directory, put in
//! place so that a crash leaves the old one or the new one.

use super::Rows;
use super::checkpoint;
use crate::error::{Attempt, StoreError};
use crate::manifest::sync_parent;
use env::{EntryKind, Files, LogDevice};
use model::PartitionId;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const SUFFIX: &str = ".rows";
/// What is not renamed yet: half written, perhaps, and never read.
const SUFFIX_NEW: &str = ".rows.new";

/// A directory of checkpoints, or nowhere at all.
pub(super) struct Home(Option<Disk>);

pub(super) struct Disk {
    pub files: Arc<dyn Files>,
    pub dir: PathBuf,
}

/// What a directory of checkpoints holds.
#[derive(Default)]
pub(super) struct Loaded {
    pub sound: Vec<(PartitionId, Rows)>,
    /// Whose file cannot be read, the file, and why.
    pub damaged: Vec<(PartitionId, PathBuf, String)>,
}

fn rows_of(partition: PartitionId, device: &dyn LogDevice, path: &Path) -> Result<Rows, StoreError> {
    let (header, rows) = checkpoint::read(device, path)?;
    if header.partition == partition {
        return Ok(rows);
    }
    Err(StoreError::damaged(path, format!("it holds partition {}", header.partition)))
}

/// The partition a file name stands for.
pub(crate) fn partition_of(name: &str) -> Option<PartitionId> {
    let id = name.strip_suffix(SUFFIX)?;
    // One name for one id: no signs, no leading zeroes.
    id.parse().ok().map(PartitionId).filter(|partition| partition.to_string() == id)
}

impl Home {
    pub fn nowhere() -> Home {
        Home(None)
    }

    pub fn is_nowhere(&self) -> bool {
        self.0.is_none()
    }

    pub fn open(files: Arc<dyn Files>, dir: &Path) -> Result<Home, StoreError> {
        files.create_dir(dir).attempt("making", dir)?;
        sync_parent(&*files, dir)?;
        Ok(Home(Some(Disk { files, dir: dir.to_owned() })))
    }

    /// The files of a store that has some.
    pub fn disk(&self) -> Result<&Disk, StoreError> {
        let nowhere = || io::Error::new(io::ErrorKind::Unsupported, "the store keeps no files");
        self.0.as_ref().ok_or_else(nowhere).attempt("using the files of", Path::new("a volatile store"))
    }

    /// Every checkpoint, verified; of one that is damaged, why. Leftovers of a
    /// crash are removed.
    pub fn load(&self) -> Result<Loaded, StoreError> {
        let Disk { files, dir } = self.disk()?;
        let mut loaded = Loaded::default();
        for entry in files.list(dir).attempt("listing", dir)? {
            let path = dir.join(&entry.name);
            if entry.name.ends_with(SUFFIX_NEW) && entry.kind == EntryKind::File {
                files.unlink(&path).attempt("removing", &path)?;
                continue;
            }
            let Some(partition) = partition_of(&entry.name) else { continue };
            if entry.kind != EntryKind::File {
                return Err(io::Error::from(io::ErrorKind::IsADirectory)).attempt("opening", &path);
            }
            let device = files.open_read(&path).attempt("opening", &path)?;
            match rows_of(partition, &*device, &path) {
                Ok(rows) => loaded.sound.push((partition, rows)),
                Err(StoreError::Damaged { why, .. }) => loaded.damaged.push((partition, path, why)),
                // A bit of the number itself may have changed: whose file it is
                // has to wait, and nobody else.
                Err(StoreError::FormatUnknown { found, known, .. }) => {
                    let why = format!("it has format {found}; this build knows format {known}");
                    loaded.damaged.push((partition, path, why));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(loaded)
    }

    /// Makes the rows what a crash returns to.
    pub fn save(&self, partition: PartitionId, rows: &Rows) -> Result<(), StoreError> {
        match &self.0 {
            None => Ok(()),
            Some(disk) => disk.save(partition, rows),
        }
    }

    /// Takes a partition's checkpoint away, durably.
    pub fn forget(&self, partition: PartitionId) -> Result<(), StoreError> {
        let Some(Disk { files, dir }) = &self.0 else { return Ok(()) };
        let path = dir.join(format!("{partition}{SUFFIX}"));
        match files.unlink(&path) {
            // Gone by an earlier try whose directory sync failed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            unlinked => unlinked.attempt("removing", &path)?,
        }
        files.sync_dir(dir).attempt("syncing the directory", dir)
    }
}

impl Disk {
    fn save(&self, partition: PartitionId, rows: &Rows) -> Result<(), StoreError> {
        let (files, dir) = (&*self.files, &self.dir);
        let new = dir.join(format!("{partition}{SUFFIX_NEW}"));
        match files.unlink(&new) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // A file that failed to sync before is never synced again.
            unlinked => unlinked.attempt("removing", &new)?,
        }
        let device = files.create(&new).attempt("creating", &new)?;
        checkpoint::write(&*device, partition, rows).attempt("writing", &new)?;
        drop(device);
        let path = dir.join(format!("{partition}{SUFFIX}"));
        files.rename(&new, &path).attempt("renaming", &path)?;
        files.sync_dir(dir).attempt("syncing the directory", dir)
    }
}
