//! A moment of a partition in memory: a snapshot of its map.

use super::Rows;
use super::checkpoint::applied_of;
use crate::error::StoreError;
use crate::moment::Moment;
use bytes::Bytes;
use model::{Index, KeyRange};
use std::ops::Bound;

impl Moment for Rows {
    fn applied(&self) -> Index {
        applied_of(self).expect("every write keeps the applied row")
    }

    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(Rows::get(self, key).cloned())
    }

    fn range(&self, range: &KeyRange, most: usize) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let end = range.end().map_or(Bound::Unbounded, Bound::Excluded);
        let rows = Rows::range::<_, [u8]>(self, (Bound::Included(range.start()), end));
        Ok(rows.take(most).map(|(key, value)| (key.clone(), value.clone())).collect())
    }
}
