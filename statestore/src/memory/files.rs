//! The memory store as files: checkpoint, export, import.

use super::home::Home;
use super::{MemoryStore, Rows, checkpoint};
use crate::error::{Attempt, StoreError};
use crate::manifest::{self, File, Kind, Manifest, refuse_existing};
use crate::store::StoreFiles;
use bytes::Bytes;
use model::keyspace::meta;
use model::{Index, KeyRange, PartitionId};
use std::path::Path;
use std::sync::PoisonError;

/// The one file of an export, beside its manifest.
const ROWS: &str = "rows";

impl StoreFiles for MemoryStore {
    fn checkpoint(&self, dir: &Path) -> Result<(), StoreError> {
        let disk = self.home.disk()?;
        refuse_existing(&*disk.files, dir)?;
        // Each partition at its own index, as the store itself keeps them.
        let copy = Home::open(disk.files.clone(), dir)?;
        let held = self.partitions.read().unwrap_or_else(PoisonError::into_inner).clone();
        for (id, partition) in held {
            copy.save(id, &partition.snapshot())?;
        }
        Ok(())
    }

    fn export(&self, partition: PartitionId, dir: &Path) -> Result<Manifest, StoreError> {
        let files = &*self.home.disk()?.files;
        let rows = self.snapshot(partition)?;
        refuse_existing(files, dir)?;
        files.create_dir(dir).attempt("making", dir)?;
        let path = dir.join(ROWS);
        let device = files.create(&path).attempt("creating", &path)?;
        let written = checkpoint::write(&*device, partition, &rows).attempt("writing", &path)?;
        let manifest = manifest_of(partition, &rows, &written);
        manifest.write(files, dir)?;
        Ok(manifest)
    }

    fn import(&self, partition: PartitionId, dir: &Path) -> Result<Index, StoreError> {
        let _control = self.control.hold();
        self.refuse_held(partition)?;
        let (applied, rows) = self.exported(partition, dir)?;
        self.home.save(partition, &rows)?;
        self.add(partition, rows);
        Ok(applied)
    }

    fn replace(&self, partition: PartitionId, dir: &Path) -> Result<Index, StoreError> {
        let _control = self.control.hold();
        let before = self.partition(partition)?;
        let (applied, rows) = self.exported(partition, dir)?;
        let mut writer = before.writer();
        manifest::refuse_older(dir, applied, before.applied())?;
        before.between_saves(|| self.home.save(partition, &rows))?;
        writer.removed = true;
        self.add(partition, rows);
        Ok(applied)
    }

    fn copy(&self, from: PartitionId, to: PartitionId, without: &[KeyRange]) -> Result<Index, StoreError> {
        let _control = self.control.hold();
        self.refuse_held(to)?;
        let mut rows = self.snapshot(from)?;
        for range in without {
            let left_out: Vec<Bytes> = within(&rows, range).collect();
            left_out.iter().for_each(|key| drop(rows.remove(key)));
        }
        rows.insert(Bytes::from_static(&meta::PARTITION), Bytes::copy_from_slice(&to.0.to_le_bytes()));
        let applied = checkpoint::applied_of(&rows).expect("every write keeps the applied row");
        self.home.save(to, &rows)?;
        self.add(to, rows);
        Ok(applied)
    }
}

impl MemoryStore {
    /// The rows of an export, as this partition's.
    fn exported(&self, partition: PartitionId, dir: &Path) -> Result<(Index, Rows), StoreError> {
        let files = &*self.home.disk()?.files;
        manifest::read(files, dir)?.expect_kind(Kind::Memory, dir)?;
        let manifest = manifest::verify(files, dir)?;
        let path = dir.join(ROWS);
        let device = files.open_read(&path).attempt("opening", &path)?;
        let (header, mut rows) = checkpoint::read(&*device, &path)?;
        if (header.partition, header.applied) != (manifest.partition, manifest.applied) {
            return Err(StoreError::export_damaged(dir, "its rows are of another partition or index"));
        }
        rows.insert(Bytes::from_static(&meta::PARTITION), Bytes::copy_from_slice(&partition.0.to_le_bytes()));
        Ok((header.applied, rows))
    }
}

fn within<'r>(rows: &'r Rows, range: &'r KeyRange) -> impl Iterator<Item = Bytes> + 'r {
    let from = rows.range(Bytes::copy_from_slice(range.start())..);
    from.map(|(key, _)| key.clone()).take_while(|key| range.contains(key))
}

fn manifest_of(partition: PartitionId, rows: &Rows, written: &checkpoint::Written) -> Manifest {
    let key = |row: Option<&(Bytes, Bytes)>| row.map_or_else(Vec::new, |(key, _)| key.to_vec());
    let file = File {
        name: ROWS.to_owned(),
        bytes: written.bytes,
        crc32c: written.crc32c,
        level: 0,
        smallest: key(rows.get_min()),
        largest: key(rows.get_max()),
        seqnos: (0, 0),
        entries: rows.len() as u64,
        deletions: 0,
    };
    let applied = checkpoint::applied_of(rows).expect("every write keeps the applied row");
    Manifest { kind: Kind::Memory, partition, applied, files: vec![file] }
}
