//! Opening a directory of instances: all of them, or none.
//!
//! Instance 0 is made last. So a directory with an instance 0 is complete, and
//! one without is either new, or the remains of a first start that crashed, in
//! which no other instance can hold a partition.

use super::disk::remove_dir_of_links;
use super::instance::{self, Instance};
use super::listener::FlushObserver;
use super::options::Shared;
use super::slot::Slot;
use super::{Journal, RocksStore};
use crate::error::{Attempt, StoreError};
use crate::manifest::sync_parent;
use env::real::OsFiles;
use env::{EntryKind, Files};
use model::{Limits, PartitionId};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Where the links of an import lie until RocksDB has taken them.
pub(super) const IMPORTING: &str = "importing-";

impl RocksStore {
    /// Opens the instances in a directory (`0`, `1`, …), making all of them if
    /// there is none. The directory's parent must be there. `observer` hears of
    /// every flush.
    pub fn open(
        dir: &Path,
        instances: usize,
        journal: Journal,
        limits: &Limits,
        observer: Option<Arc<dyn FlushObserver>>,
    ) -> Result<RocksStore, StoreError> {
        if instances == 0 {
            return Err(StoreError::layout(dir, "a store has at least one instance"));
        }
        OsFiles.create_dir(dir).attempt("making", dir)?;
        sync_parent(&OsFiles, dir)?;
        remove_links(dir)?;
        let found = found(dir)?;
        let complete = is_complete(dir, &found)?;
        check_count(dir, &found, instances, complete)?;
        let mut opening = Opening {
            shared: Shared::new(limits, journal),
            observer,
            read_bytes_max: limits.read_bytes_max,
            dir,
            complete,
            opened: BTreeMap::new(),
        };
        if complete {
            (0..instances).try_for_each(|number| opening.open(number))?;
        } else {
            opening.finish_first_start(&found, instances)?;
        }
        opening.into_store(journal)
    }
}

/// The numbers that bear the name of an instance.
pub(super) fn found(dir: &Path) -> Result<BTreeSet<usize>, StoreError> {
    let mut found = BTreeSet::new();
    for entry in OsFiles.list(dir).attempt("listing", dir)? {
        let number: Option<usize> = entry.name.parse().ok();
        let Some(number) = number.filter(|number| number.to_string() == entry.name) else { continue };
        if entry.kind != EntryKind::Directory {
            let path = dir.join(&entry.name);
            return Err(io::Error::from(io::ErrorKind::NotADirectory)).attempt("opening", &path);
        }
        found.insert(number);
    }
    Ok(found)
}

fn is_complete(dir: &Path, found: &BTreeSet<usize>) -> Result<bool, StoreError> {
    if found.contains(&0) { instance::exists(&dir.join("0")) } else { Ok(false) }
}

fn check_count(dir: &Path, found: &BTreeSet<usize>, asked: usize, complete: bool) -> Result<(), StoreError> {
    let fits = match complete {
        true => found.iter().copied().eq(0..asked),
        false => found.iter().all(|number| *number < asked),
    };
    if fits {
        return Ok(());
    }
    let found = found.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    Err(StoreError::layout(dir, format!("it holds the instances {found}, but is opened with {asked}")))
}

/// What a crash in an import leaves: links, whose source is elsewhere.
fn remove_links(dir: &Path) -> Result<(), StoreError> {
    for entry in OsFiles.list(dir).attempt("listing", dir)? {
        if entry.name.starts_with(IMPORTING) && entry.kind == EntryKind::Directory {
            remove_dir_of_links(&dir.join(&entry.name))?;
        }
    }
    Ok(())
}

struct Opening<'d> {
    shared: Shared,
    observer: Option<Arc<dyn FlushObserver>>,
    read_bytes_max: usize,
    dir: &'d Path,
    complete: bool,
    opened: BTreeMap<usize, (Instance, Vec<Slot>)>,
}

impl Opening<'_> {
    fn open(&mut self, number: usize) -> Result<(), StoreError> {
        let path = self.dir.join(number.to_string());
        // Missing files of a complete store are damage, not a fresh start.
        if self.complete && !instance::exists(&path)? {
            return Err(StoreError::damaged(&path, "it has no CURRENT file"));
        }
        let opened = Instance::open(number, path, &self.shared, self.observer.clone())?;
        self.opened.insert(number, opened);
        Ok(())
    }

    fn finish_first_start(&mut self, found: &BTreeSet<usize>, count: usize) -> Result<(), StoreError> {
        for number in found {
            if instance::exists(&self.dir.join(number.to_string()))? {
                self.open(*number)?;
            }
        }
        if let Some(number) = self.opened.iter().find(|(_, (_, slots))| !slots.is_empty()).map(|(n, _)| n) {
            let why = format!("instance 0 is missing, but instance {number} holds partitions");
            return Err(StoreError::damaged(self.dir, why));
        }
        for number in (0..count).rev().filter(|number| !found.contains(number)) {
            let path = self.dir.join(number.to_string());
            OsFiles.create_dir(&path).attempt("making", &path)?;
        }
        OsFiles.sync_dir(self.dir).attempt("syncing the directory", self.dir)?;
        for number in (0..count).rev() {
            if !self.opened.contains_key(&number) {
                self.open(number)?;
            }
        }
        Ok(())
    }

    fn into_store(self, journal: Journal) -> Result<RocksStore, StoreError> {
        let mut slots: BTreeMap<PartitionId, Arc<Slot>> = BTreeMap::new();
        let mut instances = Vec::new();
        let mut twice = Vec::new();
        for (instance, found) in self.opened.into_values() {
            instance.make_usual_spares()?;
            instances.push(instance);
            for slot in found {
                let id = slot.partition;
                twice.extend(slots.insert(id, Arc::new(slot)));
            }
        }
        for slot in twice {
            let id = slot.partition;
            let other = slots.remove(&id).expect("the one that was found later");
            if slot.applied() == other.applied() {
                return Err(StoreError::damaged(self.dir, format!("partition {id} lies in two slots")));
            }
            // An export was about to take its place, and has.
            let (less, more) = if slot.applied() < other.applied() { (slot, other) } else { (other, slot) };
            let instance: &Instance = &instances[less.instance];
            instance.drop_slot(less.number)?;
            instance.tenants.moved_out(less.number);
            slots.insert(id, more);
        }
        Ok(RocksStore::with(self.dir.to_owned(), journal, instances, slots, self.read_bytes_max))
    }
}
