//! The retry table of a partition, as its store has it.

use super::table::RetryTable;
use bytes::Bytes;
use model::keyspace::{KeyKind, meta};
use model::{KeyRange, PartitionId};
use statestore::{Store, StoreError};
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Reads what the store remembers of operations. A row that this build cannot
/// read is refused: without it something might be done twice.
pub fn load(store: &dyn Store, partition: PartitionId) -> Result<RetryTable, StoreError> {
    let mut table = RetryTable::default();
    if let Some(mark) = store.get(partition, &meta::FORGOTTEN)? {
        table.load_mark(&mark).ok_or_else(|| unreadable(partition, &meta::FORGOTTEN))?;
    }
    let mut bad = None;
    store.scan(partition, &rows(), &mut |key, value| {
        if table.load(key, &Bytes::copy_from_slice(value)).is_some() {
            return ControlFlow::Continue(());
        }
        bad = Some(unreadable(partition, key));
        ControlFlow::Break(())
    })?;
    bad.map_or(Ok(table), Err)
}

/// Where everything lies that a partition remembers of operations: who copies
/// rows for other clients leaves it out.
pub fn whole() -> [KeyRange; 2] {
    let mark = Bytes::from_static(&meta::FORGOTTEN);
    let behind = Bytes::from([&mark[..], &[0]].concat());
    [KeyRange::new(mark, Some(behind)).expect("a key is below the next one"), rows()]
}

fn rows() -> KeyRange {
    let from = |kind: KeyKind| Bytes::copy_from_slice(&[kind as u8]);
    KeyRange::new(from(KeyKind::Retry), Some(from(KeyKind::Deadline))).expect("one kind is below the other")
}

fn unreadable(partition: PartitionId, key: &[u8]) -> StoreError {
    let why = format!("row {} of its retry table is none that this build knows", key.escape_ascii());
    StoreError::Damaged { path: PathBuf::from(format!("partition {partition}")), why }
}
