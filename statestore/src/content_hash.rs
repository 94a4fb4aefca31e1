//! One number for all rows of a partition: equal on every kind of store.

use crate::error::StoreError;
use crate::store::Store;
use model::keyspace::meta;
use model::{KeyRange, PartitionId};
use std::ops::ControlFlow;
use xxhash_rust::xxh3::Xxh3;

/// Hashes all rows, in order, as seen at one moment: for each row the lengths
/// of key and value (little-endian `u32`), then both.
///
/// The row that names the partition is left out: it says whose rows these are,
/// not what they are, and so the same rows imported under another id hash the
/// same. The applied index is in.
pub fn content_hash(store: &dyn Store, partition: PartitionId) -> Result<u128, StoreError> {
    let mut hash = Xxh3::new();
    store.scan(partition, &KeyRange::all(), &mut |key, value| {
        if key != meta::PARTITION {
            hash.update(&length(key));
            hash.update(&length(value));
            hash.update(key);
            hash.update(value);
        }
        ControlFlow::Continue(())
    })?;
    Ok(hash.digest128())
}

fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).expect("rows are bounded by records, far below 4 GiB").to_le_bytes()
}
