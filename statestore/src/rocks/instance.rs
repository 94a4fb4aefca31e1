//! One RocksDB: its slots, spare ones, and half-finished imports.

use super::failure::Attempt;
use super::handle::Handle;
use super::listener::{FlushObserver, Listener, Tenants};
use super::options::Shared;
use super::slot::{self, Content, Slot};
use crate::error::StoreError;
use model::PartitionId;
use rocksdb::{ColumnFamilyDescriptor, DB, DEFAULT_COLUMN_FAMILY_NAME, Options, WriteBatch, WriteOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// In the default column family: `import/` and a slot's name, for an import
/// under another id than was exported; the value is the new id. While the row
/// stands, the slot is absent unless it names that id.
const IMPORT: &str = "import/";

/// Batches kept for reuse, and the size from which one is not kept.
const BATCHES_KEPT: usize = 8;
const BATCH_BYTES_KEPT: usize = 4 << 20;

/// One RocksDB of a store.
pub(super) struct Instance {
    pub number: usize,
    pub path: PathBuf,
    pub db: Arc<DB>,
    pub writes: WriteOptions,
    pub slot_options: Options,
    pub tenants: Arc<Tenants>,
    spare_slots: usize,
    spares: Mutex<Spares>,
    batches: Mutex<Vec<WriteBatch>>,
}

struct Spares {
    /// The least number that no slot has had since the instance was opened.
    next: u32,
    free: BTreeSet<u32>,
}

/// Is there a database, or the beginnings of one at most?
pub(super) fn exists(path: &Path) -> Result<bool, StoreError> {
    use crate::error::Attempt;
    use env::Files;
    let entries = env::real::OsFiles.list(path).attempt("listing", path)?;
    Ok(entries.iter().any(|entry| entry.name == "CURRENT"))
}

/// The column families of a database on disk.
pub(super) fn families(options: &Options, path: &Path) -> Result<Vec<String>, StoreError> {
    DB::list_cf(options, path).attempt("opening", path)
}

/// Imports under another id that may not have been finished, by slot.
pub(super) fn imports(db: &DB, path: &Path) -> Result<BTreeMap<u32, PartitionId>, StoreError> {
    let mut found = BTreeMap::new();
    let mut rows = db.raw_iterator();
    rows.seek(IMPORT);
    while let Some((key, value)) = rows.item() {
        let Some(name) = key.strip_prefix(IMPORT.as_bytes()) else { break };
        let slot = std::str::from_utf8(name).ok().and_then(slot::number_of);
        let id = value.try_into().ok().map(u64::from_le_bytes);
        let (Some(slot), Some(id)) = (slot, id) else {
            return Err(StoreError::damaged(path, "a note of an import cannot be read"));
        };
        found.insert(slot, PartitionId(id));
        rows.next();
    }
    rows.status().attempt("reading", path)?;
    Ok(found)
}

impl Instance {
    /// Opens the database in an existing directory, with the partitions in it.
    pub fn open(
        number: usize,
        path: PathBuf,
        shared: &Shared,
        observer: Option<Arc<dyn FlushObserver>>,
    ) -> Result<(Instance, Vec<Slot>), StoreError> {
        let there = exists(&path)?;
        let mut options = shared.instance(!there);
        let tenants = Arc::new(Tenants::default());
        let names = match there {
            true => families(&options, &path)?,
            false => vec![DEFAULT_COLUMN_FAMILY_NAME.to_owned()],
        };
        if let Some(observer) = observer {
            options.add_event_listener(Listener { tenants: tenants.clone(), observer });
        }
        let described = names.iter().map(|name| ColumnFamilyDescriptor::new(name, shared.slot()));
        let db = DB::open_cf_descriptors(&options, &path, described).attempt("opening", &path)?;
        let instance = Instance {
            number,
            path,
            db: Arc::new(db),
            writes: shared.writes(),
            slot_options: shared.slot(),
            tenants,
            spare_slots: shared.spare_slots(),
            spares: Mutex::new(Spares { next: 1, free: BTreeSet::new() }),
            batches: Mutex::new(Vec::new()),
        };
        let slots = instance.take_stock(&names)?;
        Ok((instance, slots))
    }

    /// Sorts the column families into partitions, spares and leftovers.
    fn take_stock(&self, names: &[String]) -> Result<Vec<Slot>, StoreError> {
        let imports = imports(&self.db, &self.path)?;
        let mut slots = Vec::new();
        for name in names.iter().filter(|name| *name != DEFAULT_COLUMN_FAMILY_NAME) {
            let number = slot::number_of(name);
            let number =
                number.ok_or_else(|| StoreError::damaged(&self.path, format!("{name} is no slot")))?;
            self.note_taken(number);
            let handle = self.handle(number)?;
            match slot::content(&handle, imports.get(&number).copied(), &self.path)? {
                Content::Partition(partition, applied) => {
                    self.tenants.moved_in(number, partition);
                    slots.push(Slot::new(partition, self.number, number, handle, applied));
                }
                Content::Spare => drop(self.spares().free.insert(number)),
                Content::Leftover => self.drop_slot(number)?,
            }
        }
        self.forget_imports(imports.keys().copied())?;
        Ok(slots)
    }

    /// Each was finished or dropped. Durably so, since after this start the
    /// numbers of dropped slots may be given again.
    fn forget_imports(&self, slots: impl Iterator<Item = u32>) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        slots.for_each(|slot| batch.delete(format!("{IMPORT}{}", slot::name(slot))));
        if batch.is_empty() {
            return Ok(());
        }
        // Nobody else is there yet whom waiting in the engine would hold up.
        let mut patient = WriteOptions::default();
        patient.disable_wal(true);
        self.db.write_opt(&batch, &patient).attempt("writing", &self.path)?;
        self.db.flush().attempt("flushing", &self.path)
    }

    /// Notes, durably, that a slot is about to be imported under an id which
    /// its files do not have.
    pub fn begin_import(&self, slot: u32, partition: PartitionId) -> Result<(), StoreError> {
        let key = format!("{IMPORT}{}", slot::name(slot));
        self.db.put_opt(key, partition.0.to_le_bytes(), &self.writes).attempt("writing", &self.path)?;
        self.db.flush().attempt("flushing", &self.path)
    }

    /// The slot names its partition now, durably. The note may come back in a
    /// crash, and then agrees with the slot.
    pub fn end_import(&self, slot: u32) -> Result<(), StoreError> {
        let key = format!("{IMPORT}{}", slot::name(slot));
        self.db.delete_opt(key, &self.writes).attempt("writing", &self.path)
    }

    fn spares(&self) -> std::sync::MutexGuard<'_, Spares> {
        self.spares.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn handle(&self, slot: u32) -> Result<Handle, StoreError> {
        let name = slot::name(slot);
        Handle::find(&self.db, &name)
            .ok_or_else(|| StoreError::damaged(&self.path, format!("{name} is not open")))
    }

    /// A number that is on disk is not given again.
    fn note_taken(&self, number: u32) {
        let mut spares = self.spares();
        spares.next = spares.next.max(number.saturating_add(1));
    }

    /// A number for a slot that is yet to be made.
    pub fn next_slot(&self) -> u32 {
        let mut spares = self.spares();
        spares.next += 1;
        spares.next - 1
    }

    /// Takes empty slots, making more (and spare ones) when there are too few.
    pub fn take_spares(&self, count: usize) -> Result<Vec<u32>, StoreError> {
        if self.spares().free.len() < count {
            self.make_spares(count + self.spare_slots)?;
        }
        let mut spares = self.spares();
        Ok((0..count).filter_map(|_| spares.free.pop_first()).collect())
    }

    /// Makes empty slots until there are so many: fifteen cost what one does.
    pub fn make_spares(&self, count: usize) -> Result<(), StoreError> {
        let missing = count.saturating_sub(self.spares().free.len());
        if missing == 0 {
            return Ok(());
        }
        let numbers: Vec<u32> = (0..missing).map(|_| self.next_slot()).collect();
        let names: Vec<String> = numbers.iter().map(|number| slot::name(*number)).collect();
        self.db.create_cfs(&names, &self.slot_options).attempt("making slots in", &self.path)?;
        self.spares().free.extend(numbers);
        Ok(())
    }

    pub fn make_usual_spares(&self) -> Result<(), StoreError> {
        self.make_spares(self.spare_slots)
    }

    /// Drops a slot, durably. Its number is not given again before a restart.
    pub fn drop_slot(&self, slot: u32) -> Result<(), StoreError> {
        self.db.drop_cf(&slot::name(slot)).attempt("dropping a slot in", &self.path)
    }

    /// An empty batch; a used one, if there is one.
    pub fn batch(&self) -> WriteBatch {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Takes a batch back, so that the next need not allocate.
    pub fn reuse(&self, mut batch: WriteBatch) {
        if batch.size_in_bytes() > BATCH_BYTES_KEPT {
            return;
        }
        batch.clear();
        let mut kept = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < BATCHES_KEPT {
            kept.push(batch);
        }
    }
}
