//! What a directory of instances holds, read without opening it for writing.

use super::Journal;
use super::failure::Attempt;
use super::handle::Handle;
use super::instance::{families, imports};
use super::open::found;
use super::options::Shared;
use super::slot::{self, Content};
use crate::error::StoreError;
use crate::inspect::{Inspection, Row};
use model::keyspace::meta;
use model::{Limits, PartitionId};
use rocksdb::{ColumnFamilyDescriptor, DB, InfoLogger, LogLevel, ReadOptions, ReadTier};
use std::path::Path;
use std::sync::Arc;

/// The partitions in a RocksDB store's directory. No file is made or changed;
/// a journal is read, not replayed into files.
pub fn inspect(dir: &Path, limits: &Limits) -> Result<Inspection, StoreError> {
    let shared = Shared::new(limits, Journal::Off);
    let mut inspection = Inspection::default();
    for number in found(dir)? {
        let path = dir.join(number.to_string());
        match rows(&shared, number, &path) {
            Ok(rows) => inspection.rows.extend(rows),
            Err(error) => inspection.problems.push((path, error)),
        }
    }
    Ok(inspection)
}

fn rows(shared: &Shared, instance: usize, path: &Path) -> Result<Vec<Row>, StoreError> {
    let mut options = shared.instance(false);
    // Its own log file would be a file made.
    options.set_info_logger(InfoLogger::new_callback_logger(LogLevel::Fatal, |_, _| {}));
    let names = families(&options, path)?;
    let described = names.iter().map(|name| ColumnFamilyDescriptor::new(name, shared.slot()));
    let db = DB::open_cf_descriptors_read_only(&options, path, described, false).attempt("opening", path)?;
    let db = Arc::new(db);
    let imports = imports(&db, path)?;
    let mut rows = Vec::new();
    for (name, number) in names.iter().filter_map(|name| Some((name, slot::number_of(name)?))) {
        let Some(handle) = Handle::find(&db, name) else { continue };
        let content = slot::content(&handle, imports.get(&number).copied(), path)?;
        if let Content::Partition(partition, applied) = content {
            rows.push(row(&handle, name, instance, (partition, applied), path)?);
        }
    }
    Ok(rows)
}

fn row(
    handle: &Handle,
    name: &str,
    instance: usize,
    (partition, applied): (PartitionId, u64),
    path: &Path,
) -> Result<Row, StoreError> {
    let mut reads = ReadOptions::default();
    reads.set_read_tier(ReadTier::Persisted);
    let number = |property: &str| {
        let value = handle.db().property_int_value_cf(handle.family(), property);
        Ok::<_, StoreError>(value.attempt("measuring", path)?.unwrap_or(0))
    };
    Ok(Row {
        partition,
        instance: Some(instance),
        slot: name.to_owned(),
        applied,
        flushed: slot::meta_row(handle, &meta::APPLIED, &reads, path)?.unwrap_or(0),
        bytes: number("rocksdb.total-sst-files-size")?,
        keys: number("rocksdb.estimate-num-keys")?,
    })
}
