//! What a store is: rows by partition, changed at indexes, read from any thread.
//!
//! Two small traits, so that an application can bring its own: [`Store`] holds
//! rows, [`StoreFiles`] moves them as files. The suite in
//! [`crate::conformance`] says, by tests, what both promise.

use crate::cursor::{Cursor, Walk};
use crate::error::StoreError;
use crate::manifest::Manifest;
use crate::moment::Look;
use bytes::Bytes;
use model::{Index, KeyRange, Mutation, PartitionId};
use std::ops::ControlFlow;
use std::path::Path;

/// What one partition gets in one batch.
///
/// Invariant: `count > 0`. The indexes are `first_index .. first_index + count`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Whose rows.
    pub partition: PartitionId,
    /// The index of the first command behind these mutations.
    pub first_index: Index,
    /// How many indexes the part covers.
    pub count: u32,
    /// The changes, in order; a later one wins.
    pub mutations: Vec<Mutation>,
}

impl Part {
    /// The applied index once the part is in.
    pub fn last_index(&self) -> Index {
        self.first_index + Index::from(self.count) - 1
    }
}

/// What a scan calls with each row's key and value.
pub type Visit<'v> = &'v mut (dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'v);

/// Rows of many partitions.
///
/// Invariant, for every partition: `flushed ≤ applied`. What is flushed
/// survives power loss; the rest comes back from the log.
pub trait Store: Send + Sync {
    /// Applies the parts as one batch: each partition's at once visible, and
    /// never seen (nor flushed) without its applied index. Two calls for the
    /// same partition wait for each other.
    ///
    /// A part that ends at or below its partition's applied index is skipped;
    /// any other must begin at `applied + 1`, else nothing at all is applied.
    /// An error of the disk may come after some partitions have theirs; each
    /// of them whole, so the same call again does the rest.
    fn apply(&self, parts: &[Part]) -> Result<(), StoreError>;

    /// One row.
    fn get(&self, partition: PartitionId, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// Many rows of one partition, all seen at the same moment. Refused as
    /// [`StoreError::TooMuch`] soon after their bytes pass `read_bytes_max`.
    fn multi_get(&self, partition: PartitionId, keys: &[&[u8]]) -> Result<Vec<Option<Bytes>>, StoreError>;

    /// The same, by a thread that must not wait for a disk: `None` when rows
    /// would have to be read from one, and somebody else should ask.
    fn multi_get_now(
        &self,
        partition: PartitionId,
        keys: &[&[u8]],
    ) -> Result<Option<Vec<Option<Bytes>>>, StoreError> {
        self.multi_get(partition, keys).map(Some)
    }

    /// The rows of a range of stored keys as they are at this moment, to be
    /// visited in order, a few at a time.
    fn cursor(
        &self,
        partition: PartitionId,
        range: &KeyRange,
        walk: Walk,
    ) -> Result<Box<dyn Cursor>, StoreError>;

    /// Lets somebody look at the partition as it is at this moment.
    fn moment(&self, partition: PartitionId, look: Look<'_>) -> Result<(), StoreError>;

    /// Visits rows of a range of stored keys in order, all seen at the same
    /// moment, until `visit` breaks. No row is visited twice.
    fn scan(&self, partition: PartitionId, range: &KeyRange, visit: Visit<'_>) -> Result<(), StoreError> {
        self.cursor(partition, range, Walk::SHORT)?.visit(visit).map(drop)
    }

    /// The index up to which commands are applied.
    fn applied(&self, partition: PartitionId) -> Result<Index, StoreError>;

    /// The index up to which commands survive power loss without the log.
    fn flushed(&self, partition: PartitionId) -> Result<Index, StoreError>;

    /// Makes everything applied so far survive power loss, for these
    /// partitions and no others.
    fn flush(&self, partitions: &[PartitionId]) -> Result<(), StoreError>;

    /// Makes empty partitions, durably, with applied index `origin` (0 for a
    /// new one, the parent's seal for a child). All or none; only a crash
    /// meanwhile may leave some of them, empty.
    fn create(&self, partitions: &[PartitionId], origin: Index) -> Result<(), StoreError>;

    /// Deletes a partition and its rows, durably.
    fn remove(&self, partition: PartitionId) -> Result<(), StoreError>;

    /// The partitions held, sorted.
    fn partitions(&self) -> Result<Vec<PartitionId>, StoreError>;
}

/// A store's contents as files.
pub trait StoreFiles: Send + Sync {
    /// Writes a copy of the whole store, from which the same kind of store
    /// opens. The directory must not exist; its parent must.
    fn checkpoint(&self, dir: &Path) -> Result<(), StoreError>;

    /// Writes one partition's rows at one index, by links where it can, with a
    /// manifest of checksums. The directory must not exist; its parent must.
    fn export(&self, partition: PartitionId, dir: &Path) -> Result<Manifest, StoreError>;

    /// Takes exported files in as a partition that must not exist yet, after
    /// checking every file against the manifest. Returns the applied index.
    fn import(&self, partition: PartitionId, dir: &Path) -> Result<Index, StoreError>;

    /// Puts exported files into the place of a partition that has applied less, after
    /// checking every file against the manifest. A crash leaves the one or the other.
    /// Returns the applied index.
    fn replace(&self, partition: PartitionId, dir: &Path) -> Result<Index, StoreError>;

    /// Makes a partition that must not exist yet of another's rows at one index,
    /// by links where it can, durably; those in the ranges `without` are left
    /// out. The other may be written to meanwhile. Returns the applied index; a
    /// crash leaves the new partition whole or absent.
    fn copy(&self, from: PartitionId, to: PartitionId, without: &[KeyRange]) -> Result<Index, StoreError>;
}
