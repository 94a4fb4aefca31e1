//! Links: the one thing that RocksDB needs of the disk beyond what the seam
//! `env::Files` has, because no simulation runs RocksDB.
#![allow(clippy::disallowed_methods, reason = "RocksDB lives on the real file system")]

use crate::error::{Attempt, StoreError};
use crate::manifest::{Manifest, sync_parent};
use env::Files;
use env::real::OsFiles;
use std::fs;
use std::path::Path;

/// Makes a directory with links to an export's files: RocksDB takes files by
/// link and then takes their names away, and the export must stay. Where the
/// file system makes no link (another disk), there is a synced copy.
pub(super) fn link_files(manifest: &Manifest, from: &Path, to: &Path) -> Result<(), StoreError> {
    OsFiles.create_dir(to).attempt("making", to)?;
    for file in &manifest.files {
        let (source, link) = (from.join(&file.name), to.join(&file.name));
        if fs::hard_link(&source, &link).is_err() {
            fs::copy(&source, &link).attempt("copying to", &link)?;
            OsFiles.open(&link).and_then(|copy| copy.sync()).attempt("syncing", &link)?;
        }
    }
    Ok(())
}

/// Removes such a directory and what is left in it.
pub(super) fn remove_dir_of_links(dir: &Path) -> Result<(), StoreError> {
    for entry in OsFiles.list(dir).attempt("listing", dir)? {
        let path = dir.join(&entry.name);
        OsFiles.unlink(&path).attempt("removing", &path)?;
    }
    fs::remove_dir(dir).attempt("removing", dir)?;
    sync_parent(&OsFiles, dir)
}
