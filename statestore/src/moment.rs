//! A moment of a partition: rows that belong together, however they are looked
//! for.

use crate::error::StoreError;
use bytes::Bytes;
use model::{Index, KeyRange};

/// Rows of one partition as they are at one moment. Each call may wait for a
/// disk.
pub trait Moment {
    /// Every command up to here shows, and none beyond.
    fn applied(&self) -> Index;

    /// One row, by stored key.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// Rows of a range of stored keys, in order, so many at most.
    fn range(&self, range: &KeyRange, most: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError>;
}

/// What is called with a moment, which ends when it returns.
pub type Look<'a> = &'a mut dyn FnMut(&dyn Moment) -> Result<(), StoreError>;
