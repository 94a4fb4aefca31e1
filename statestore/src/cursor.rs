//! A cursor: the rows of a range, a few at a time, all seen at one moment.
//!
//! It is for whoever cannot take a whole range in one call: a client that reads
//! slowly, a thread that must not be held up for long. It keeps its moment for as
//! long as it lives, and a store keeps whatever that moment needs; so nobody
//! should keep one without a deadline.

use crate::error::StoreError;
use crate::store::Visit;
use model::Index;

/// How a cursor goes through its range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Walk {
    /// From the end backwards.
    pub reverse: bool,
    /// It goes far: worth reading ahead for, and nothing that a cache should
    /// make room for.
    pub long: bool,
}

impl Walk {
    /// A few rows from the start.
    pub const SHORT: Walk = Walk { reverse: false, long: false };
}

/// Rows of one partition, all of one moment.
///
/// Later writes do not show, and it outlives the partition's removal. It may be
/// moved between threads; each call may wait for a disk.
pub trait Cursor: Send {
    /// Every command up to here shows, and none beyond.
    fn applied(&self) -> Index;

    /// Visits rows from where it stands, until there are no more or `visit`
    /// breaks. The row at which it breaks counts as not seen: the next call
    /// begins with it. True when it broke.
    fn visit(&mut self, visit: Visit<'_>) -> Result<bool, StoreError>;
}
