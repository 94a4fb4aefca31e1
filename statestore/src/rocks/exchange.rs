//! RocksDB's contents as files: checkpoint, export, import, all by links.

use super::RocksStore;
use super::disk::{link_files, remove_dir_of_links};
use super::failure::Attempt as _;
use super::instance::Instance;
use super::open::IMPORTING;
use super::slot::{self, Slot};
use crate::error::{Attempt as _, StoreError};
use crate::manifest::{self, File, Kind, Manifest, fingerprint, refuse_existing};
use crate::store::{Store, StoreFiles};
use env::Files;
use env::real::OsFiles;
use model::keyspace::meta;
use model::{Index, KeyRange, PartitionId};
use rocksdb::checkpoint::Checkpoint;
use rocksdb::{ExportImportFilesMetaData, ImportColumnFamilyOptions, LiveFile, WriteBatch};
use std::io;
use std::path::Path;
use std::sync::PoisonError;

/// No kind of key begins so.
const BEHIND_ALL: [u8; 1] = [u8::MAX];

/// RocksDB's name for the order of bytes, which is the only order we use.
const COMPARATOR: &str = "leveldb.BytewiseComparator";

impl StoreFiles for RocksStore {
    fn checkpoint(&self, dir: &Path) -> Result<(), StoreError> {
        refuse_existing(&OsFiles, dir)?;
        OsFiles.create_dir(dir).attempt("making", dir)?;
        // Instance 0 last: a copy that was cut short does not open.
        for instance in self.instances.iter().rev() {
            let checkpoint = Checkpoint::new(&instance.db).attempt("copying", &instance.path)?;
            let to = dir.join(instance.number.to_string());
            checkpoint.create_checkpoint(&to).attempt("copying to", &to)?;
        }
        OsFiles.sync_dir(dir).attempt("syncing the directory", dir)?;
        manifest::sync_parent(&OsFiles, dir)
    }

    fn export(&self, partition: PartitionId, dir: &Path) -> Result<Manifest, StoreError> {
        let slot = self.slot(partition)?;
        refuse_existing(&OsFiles, dir)?;
        // An export flushes. This flush comes before the writer is held up, so
        // that the export's own has little left to do.
        self.flush(&[partition])?;
        let (applied, live) = self.export_files(&slot, dir)?;
        let files = live.iter().map(|live| Ok(listed(live, fingerprint_of(live, dir)?)));
        let mut files = files.collect::<Result<Vec<File>, StoreError>>()?;
        files.sort_by(|a, b| a.name.cmp(&b.name));
        let manifest = Manifest { kind: Kind::Rocks, partition, applied, files };
        manifest.write(&OsFiles, dir)?;
        Ok(manifest)
    }

    fn import(&self, partition: PartitionId, dir: &Path) -> Result<Index, StoreError> {
        let _control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        self.refuse_held(partition)?;
        let manifest = verified(dir)?;
        self.add(self.import_slot(partition, &manifest, dir)?);
        Ok(manifest.applied)
    }

    /// For a moment the partition lies in two slots: whoever opens the store then takes
    /// the one that has more.
    fn replace(&self, partition: PartitionId, dir: &Path) -> Result<Index, StoreError> {
        let manifest = verified(dir)?;
        let _control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.slot(partition)?;
        let mut writer = before.writer();
        manifest::refuse_older(dir, manifest.applied, before.applied())?;
        let slot = self.import_slot(partition, &manifest, dir)?;
        writer.removed = true;
        let instance = self.instance(&before);
        instance.tenants.moved_out(before.number);
        self.add(slot);
        // Where that fails, the next start does it.
        let _ = instance.drop_slot(before.number);
        Ok(manifest.applied)
    }

    fn copy(&self, from: PartitionId, to: PartitionId, without: &[KeyRange]) -> Result<Index, StoreError> {
        let _control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        self.refuse_held(to)?;
        let source = self.slot(from)?;
        // As before an export.
        self.flush(&[from])?;
        let instance = self.emptiest();
        let number = instance.next_slot();
        let links = self.dir.join(format!("{IMPORTING}{}-{}", instance.number, slot::name(number)));
        let copied = self.export_files(&source, &links).and_then(|(applied, live)| {
            // RocksDB's own files, from its own hand: nobody could have changed
            // them, so that they are not read to be compared with anything.
            let files = live.iter().map(|live| listed(live, (live.size as u64, 0))).collect();
            let manifest = Manifest { kind: Kind::Rocks, partition: from, applied, files };
            self.take_in(instance, number, to, &manifest, &links, without)
        });
        // Where that fails, the next start does it; the copy stands or fell.
        let _ = remove_dir_of_links(&links);
        let slot = copied?;
        let applied = slot.applied();
        self.add(slot);
        Ok(applied)
    }
}

fn verified(dir: &Path) -> Result<Manifest, StoreError> {
    manifest::read(&OsFiles, dir)?.expect_kind(Kind::Rocks, dir)?;
    manifest::verify(&OsFiles, dir)
}

/// Links were verified as the export's files, so what is wrong with them is
/// wrong with the export.
fn blame(error: StoreError, dir: &Path) -> StoreError {
    match error {
        StoreError::ExportDamaged { why, .. } => StoreError::export_damaged(dir, why),
        other => other,
    }
}

impl RocksStore {
    /// A slot of an export's files, which nobody knows yet.
    fn import_slot(
        &self,
        partition: PartitionId,
        manifest: &Manifest,
        dir: &Path,
    ) -> Result<Slot, StoreError> {
        let instance = self.emptiest();
        let number = instance.next_slot();
        let links = self.dir.join(format!("{IMPORTING}{}-{}", instance.number, slot::name(number)));
        let imported = link_files(manifest, dir, &links)
            .and_then(|()| self.take_in(instance, number, partition, manifest, &links, &[]));
        // Where that fails, the next start does it; the import stands or fell.
        let _ = remove_dir_of_links(&links);
        imported.map_err(|error| blame(error, dir))
    }

    /// Exports with the writer held, so that the index is that of the files.
    fn export_files(&self, slot: &Slot, dir: &Path) -> Result<(Index, Vec<LiveFile>), StoreError> {
        let writer = slot.writer();
        if writer.removed {
            return Err(StoreError::Unknown(slot.partition));
        }
        let applied = slot.applied();
        let checkpoint = Checkpoint::new(slot.handle.db()).attempt("exporting", dir)?;
        let exported =
            checkpoint.export_column_family(slot.handle.family(), dir).attempt("exporting", dir)?;
        Ok((applied, exported.get_files()))
    }

    /// Makes a slot of linked files; without a trace when it fails.
    fn take_in(
        &self,
        instance: &Instance,
        number: u32,
        partition: PartitionId,
        manifest: &Manifest,
        links: &Path,
        without: &[KeyRange],
    ) -> Result<Slot, StoreError> {
        place(instance, number, partition, manifest, links)?;
        let adopted = self.adopt(instance, number, partition, manifest, without);
        if adopted.is_err() {
            let _ = instance.drop_slot(number);
        }
        adopted
    }

    /// Checks that the slot holds what the manifest says, and gives it its id;
    /// what it is to be without goes in the same batch.
    fn adopt(
        &self,
        instance: &Instance,
        number: u32,
        partition: PartitionId,
        manifest: &Manifest,
        without: &[KeyRange],
    ) -> Result<Slot, StoreError> {
        let (path, handle) = (&instance.path, instance.handle(number)?);
        // RocksDB never syncs the names it links.
        OsFiles.sync_dir(path).attempt("syncing the directory", path)?;
        let row = |row: &[u8]| slot::meta_row(&handle, row, &self.reads, path);
        if row(&meta::APPLIED)? != Some(manifest.applied)
            || row(&meta::PARTITION)? != Some(manifest.partition.0)
        {
            return Err(StoreError::export_damaged(path, "its rows are of another partition or index"));
        }
        if manifest.partition != partition {
            let (db, family) = (handle.db(), handle.family());
            let mut batch = WriteBatch::default();
            for range in without {
                batch.delete_range_cf(family, range.start(), range.end().unwrap_or(&BEHIND_ALL));
            }
            batch.put_cf(family, meta::PARTITION, partition.0.to_le_bytes());
            db.write_opt(&batch, &instance.writes).attempt("writing to", path)?;
            db.flush_cf(family).attempt("flushing", path)?;
            instance.end_import(number)?;
        }
        Ok(Slot::new(partition, instance.number, number, handle, manifest.applied))
    }
}

/// Hands linked files to RocksDB as a slot, which nobody knows yet. A crash
/// from here on leaves it absent unless it is whole and bears the right id.
fn place(
    instance: &Instance,
    number: u32,
    partition: PartitionId,
    manifest: &Manifest,
    links: &Path,
) -> Result<(), StoreError> {
    let metadata = metadata(manifest, links)?;
    if manifest.partition != partition {
        instance.begin_import(number, partition)?;
    }
    let mut options = ImportColumnFamilyOptions::default();
    options.set_move_files(true);
    let imported = instance.db.create_column_family_with_import(
        &instance.slot_options,
        slot::name(number),
        &options,
        &metadata,
    );
    imported.attempt("importing into", &instance.path)
}

fn fingerprint_of(live: &LiveFile, dir: &Path) -> Result<(u64, u32), StoreError> {
    let path = dir.join(name_of(live));
    let device = OsFiles.open_read(&path).attempt("opening", &path)?;
    fingerprint(&*device).attempt("reading", &path)
}

/// RocksDB names files with a slash in front.
fn name_of(live: &LiveFile) -> &str {
    live.name.trim_start_matches('/')
}

/// A file as the manifest lists it.
fn listed(live: &LiveFile, (bytes, crc32c): (u64, u32)) -> File {
    File {
        name: name_of(live).to_owned(),
        bytes,
        crc32c,
        level: u32::try_from(live.level).unwrap_or(0),
        smallest: live.start_key.clone().unwrap_or_default(),
        largest: live.end_key.clone().unwrap_or_default(),
        seqnos: (live.smallest_seqno, live.largest_seqno),
        entries: live.num_entries,
        deletions: live.num_deletions,
    }
}

/// What RocksDB wants to know of the files, which it keeps nowhere on disk.
fn metadata(manifest: &Manifest, links: &Path) -> Result<ExportImportFilesMetaData, StoreError> {
    let no_text = || io::Error::new(io::ErrorKind::InvalidInput, "RocksDB takes no path that is not UTF-8");
    let directory = links.to_str().ok_or_else(no_text).attempt("importing from", links)?;
    let lies = |_| StoreError::export_damaged(links, "a number in the manifest is out of range");
    let mut files = Vec::new();
    for file in &manifest.files {
        files.push(LiveFile {
            column_family_name: String::new(),
            name: format!("/{}", file.name),
            directory: directory.to_owned(),
            size: usize::try_from(file.bytes).map_err(lies)?,
            level: i32::try_from(file.level).map_err(lies)?,
            start_key: Some(file.smallest.clone()),
            end_key: Some(file.largest.clone()),
            smallest_seqno: file.seqnos.0,
            largest_seqno: file.seqnos.1,
            num_entries: file.entries,
            num_deletions: file.deletions,
        });
    }
    let mut metadata = ExportImportFilesMetaData::default();
    metadata.set_db_comparator_name(COMPARATOR);
    metadata.set_files(&files).attempt("importing from", links)?;
    Ok(metadata)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content_hash::content_hash;
    use crate::rocks::Journal;
    use crate::store::Part;
    use model::{Limits, Mutation};

    const ONE: PartitionId = PartitionId(1);
    const TWO: PartitionId = PartitionId(2);

    fn open(dir: &Path) -> RocksStore {
        RocksStore::open(&dir.join("rocks"), 1, Journal::Off, &Limits::default(), None).expect("opened")
    }

    /// A store with partition 1, and its export.
    fn exported(dir: &Path) -> (RocksStore, Manifest) {
        let store = open(dir);
        store.create(&[ONE], 0).expect("created");
        let mutations = vec![Mutation::put(&b"\x01a"[..], "1")];
        store.apply(&[Part { partition: ONE, first_index: 1, count: 1, mutations }]).expect("applied");
        let manifest = store.export(ONE, &dir.join("export")).expect("exported");
        (store, manifest)
    }

    /// An import that stops, as in a crash, before the slot is adopted.
    fn import_without_adopting(store: &RocksStore, partition: PartitionId, manifest: &Manifest, dir: &Path) {
        let instance = store.emptiest();
        let number = instance.next_slot();
        let links = store.dir.join(format!("{IMPORTING}crash"));
        link_files(manifest, &dir.join("export"), &links).expect("linked");
        place(instance, number, partition, manifest, &links).expect("placed");
    }

    #[test]
    fn an_import_cut_short_under_another_id_is_absent() {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let (store, manifest) = exported(dir.path());
        let hash = content_hash(&store, ONE).expect("hashed");
        import_without_adopting(&store, TWO, &manifest, dir.path());
        drop(store);
        for _ in 0..2 {
            let store = open(dir.path());
            assert_eq!(store.partitions().expect("listed"), [ONE], "no second partition 1, and no 2");
            assert_eq!(content_hash(&store, ONE).expect("hashed"), hash);
        }
        let store = open(dir.path());
        assert_eq!(store.import(TWO, &dir.path().join("export")).expect("the retry"), 1);
        drop(store);
        assert_eq!(open(dir.path()).partitions().expect("listed"), [ONE, TWO]);
    }

    #[test]
    fn an_import_cut_short_under_its_own_id_is_whole() {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let (store, manifest) = exported(dir.path());
        let hash = content_hash(&store, ONE).expect("hashed");
        store.remove(ONE).expect("removed");
        import_without_adopting(&store, ONE, &manifest, dir.path());
        drop(store);
        let store = open(dir.path());
        assert_eq!(content_hash(&store, ONE).expect("hashed"), hash);
    }

    #[test]
    fn a_note_that_comes_back_does_not_drop_an_adopted_slot() {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let (store, _) = exported(dir.path());
        store.import(TWO, &dir.path().join("export")).expect("imported");
        // `end_import` is not flushed, so this stop forgets it.
        drop(store);
        assert_eq!(open(dir.path()).partitions().expect("listed"), [ONE, TWO]);
    }

    #[test]
    fn a_manifest_that_lies_leaves_no_slot_behind() {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let (store, manifest) = exported(dir.path());
        for (partition, applied) in [(manifest.partition, 2), (PartitionId(9), manifest.applied)] {
            let lie = Manifest { partition, applied, ..manifest.clone() };
            let path = dir.path().join("export").join(manifest::NAME);
            OsFiles.unlink(&path).expect("unlinked");
            lie.write(&OsFiles, &dir.path().join("export")).expect("written");
            let error = store.import(TWO, &dir.path().join("export")).expect_err("refused");
            assert_eq!(error.code(), model::code::EXPORT_DAMAGED, "{error}");
        }
        drop(store);
        assert_eq!(open(dir.path()).partitions().expect("listed"), [ONE]);
    }
}
