//! What the stores of a data directory hold.

use super::examine::{CHECKPOINTS, STORE};
use crate::failure::Failure;
use env::{EntryKind, Files};
use model::{Index, Limits, PartitionId};
use statestore::StoreError;
use statestore::inspect::{self, Inspection, Row};
use std::collections::BTreeMap;
use std::path::Path;

/// All stores together.
#[derive(Debug, Default)]
pub(super) struct Stores {
    pub rows: Vec<Row>,
    /// What could not be read.
    pub problems: Vec<Failure>,
    /// What a start would find, by partition.
    pub held: BTreeMap<PartitionId, Index>,
    /// Partitions found in two places.
    pub twice: Vec<PartitionId>,
    /// The numbers that RocksDB instances bear.
    pub instances: Vec<usize>,
}

/// Reads what is there of them.
pub(super) fn read_stores(files: &dyn Files, dir: &Path, has: impl Fn(&str) -> bool) -> Stores {
    let mut stores = Stores::default();
    if has(STORE) {
        let store_dir = dir.join(STORE);
        stores.instances = instances(files, &store_dir);
        stores.take(inspect::rocks(&store_dir, &Limits::default()));
    }
    if has(CHECKPOINTS) {
        stores.take(inspect::memory(files, &dir.join(CHECKPOINTS)));
    }
    stores
}

fn instances(files: &dyn Files, dir: &Path) -> Vec<usize> {
    let entries = files.list(dir).unwrap_or_default();
    let directories = entries.iter().filter(|entry| entry.kind == EntryKind::Directory);
    let mut numbers: Vec<usize> = directories.filter_map(|entry| entry.name.parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}

impl Stores {
    fn take(&mut self, inspected: Result<Inspection, StoreError>) {
        match inspected {
            Err(error) => self.problems.push(error.into()),
            Ok(inspection) => {
                self.problems.extend(inspection.problems.into_iter().map(|(_, error)| error.into()));
                for row in inspection.rows {
                    if self.held.insert(row.partition, row.applied).is_some() {
                        self.twice.push(row.partition);
                    }
                    self.rows.push(row);
                }
            }
        }
    }
}
