//! Where exports lie in a data directory: those that are given, those that come, and
//! what a store rests on that has taken one in.

use crate::data_dir::sealed::{seal, unseal};
use bytes::Bytes;
use env::{EntryKind, Files, files};
use model::PartitionId;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const TITLE: &str = "statehouse export base\nversion 1\n";
const BASE: &str = ".base";

/// The directories of exports.
#[derive(Clone)]
pub(crate) struct Home {
    files: Arc<dyn Files>,
    given: PathBuf,
    coming: PathBuf,
}

impl Home {
    /// In this data directory. What was being given when the process ended is of no
    /// more use; what was coming may be.
    pub fn open(files: Arc<dyn Files>, data_dir: &Path) -> io::Result<Home> {
        let (given, coming) = (data_dir.join("exports"), data_dir.join("imports"));
        for dir in [&given, &coming] {
            files.create_dir(dir)?;
        }
        files.sync_dir(data_dir)?;
        let home = Home { files, given, coming };
        for entry in home.files.list(&home.given)? {
            home.clear(&home.given.join(entry.name))?;
        }
        Ok(home)
    }

    /// The files' seam.
    pub fn files(&self) -> &dyn Files {
        &*self.files
    }

    /// Where an export is made that is given. It is not there.
    pub fn given(&self, name: &str) -> PathBuf {
        self.given.join(name)
    }

    /// Where the files of an export come together.
    pub fn coming(&self, partition: PartitionId) -> PathBuf {
        self.coming.join(partition.to_string())
    }

    /// Removes a directory of files, or a file.
    pub fn clear(&self, path: &Path) -> io::Result<()> {
        match self.files.list(path) {
            Ok(entries) => {
                for entry in entries {
                    self.files.unlink(&path.join(entry.name))?;
                }
                self.files.remove_dir(path)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(_) => self.files.unlink(path),
        }
    }

    /// Of partitions that are not held, nothing is kept.
    pub fn keep_of(&self, is_held: impl Fn(PartitionId) -> bool) -> io::Result<()> {
        for entry in self.files.list(&self.coming)? {
            let name = entry.name.strip_suffix(BASE).unwrap_or(&entry.name);
            if name.parse().ok().is_some_and(|id| !is_held(PartitionId(id))) {
                self.clear(&self.coming.join(&entry.name))?;
            }
        }
        Ok(())
    }

    /// The store of a partition rests on this from when it has taken its export in.
    pub fn note_base(&self, partition: PartitionId, base: &[u8]) -> io::Result<()> {
        let hex: String = base.iter().map(|byte| format!("{byte:02x}")).collect();
        let body = format!("{TITLE}{hex}\n");
        let content = format!("{body}{}\n", seal(body.as_bytes()));
        files::replace(&*self.files, &self.coming, &format!("{partition}{BASE}"), content.as_bytes())
    }

    /// What stores rest on, of those that have taken an export in, or were about to.
    pub fn bases(&self) -> io::Result<BTreeMap<PartitionId, Bytes>> {
        let mut bases = BTreeMap::new();
        for entry in self.files.list(&self.coming)? {
            let id = entry.name.strip_suffix(BASE).and_then(|id| id.parse().ok()).map(PartitionId);
            let Some(id) = id.filter(|_| entry.kind == EntryKind::File) else { continue };
            let device = self.files.open_read(&self.coming.join(&entry.name))?;
            let content = files::read_all(&*device)?;
            match unseal(&content).ok().and_then(base_of) {
                Some(base) => drop(bases.insert(id, base)),
                None => tracing::warn!(partition = id.0, "what a store rests on cannot be read"),
            }
        }
        Ok(bases)
    }

    /// The partition is deleted: nothing of it stays.
    pub fn forget(&self, partition: PartitionId) -> io::Result<()> {
        self.clear(&self.coming(partition))?;
        match self.files.unlink(&self.coming.join(format!("{partition}{BASE}"))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.files.sync_dir(&self.coming)
    }
}

fn base_of(body: &[u8]) -> Option<Bytes> {
    let hex = std::str::from_utf8(body).ok()?.strip_prefix(TITLE)?.strip_suffix('\n')?;
    let digits = hex.as_bytes().chunks(2).map(|two| {
        let two = std::str::from_utf8(two).ok().filter(|two| two.len() == 2)?;
        u8::from_str_radix(two, 16).ok()
    });
    digits.collect::<Option<Vec<u8>>>().map(Bytes::from)
}
