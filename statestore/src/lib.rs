//! Stores: rows of partitions, changed at indexes, read from any thread.
//!
//! It is: two small traits and two stores that keep them. [`Store`] applies
//! mutations at an index and answers reads; [`StoreFiles`] moves the same rows
//! as files. [`MemoryStore`] keeps rows in an ordered map and writes local
//! checkpoints; `RocksStore` keeps them in RocksDB, a column family for each
//! partition. [`conformance`] is the suite both pass, and any that an
//! application brings.
//! It is not: a log, and it does not know one. What is applied but not flushed
//! is gone after a power loss; whoever holds the log applies it again, and
//! the applied index, which lies in the same batch as the rows, says from where.
//!
//! Three nouns: a **part** is what one partition gets in one batch; the
//! **applied** index is how far a partition is; the **flushed** index is how
//! far it is without the log.
//!
//! ```text
//!            parts at indexes                     manifest + files
//!                  │ apply                        export │ ▲ import
//!                  ▼                                     ▼ │
//!   plan: skip old, refuse gaps ──► rows + applied row, one batch a store
//!                                     │                        │
//!                          memory: ordered map        rocks: column family
//!                          checkpoint file            SST files, flush events
//!                                     └── flushed ≤ applied ───┘
//! ```

pub mod conformance;
mod content_hash;
mod cursor;
mod error;
pub mod inspect;
pub mod manifest;
pub mod memory;
mod moment;
mod plan;
#[cfg(feature = "rocksdb")]
pub mod rocks;
mod store;

pub use content_hash::content_hash;
pub use cursor::{Cursor, Walk};
pub use error::StoreError;
pub use manifest::Manifest;
pub use memory::MemoryStore;
pub use moment::{Look, Moment};
pub use plan::{Change, Plan, plan};
#[cfg(feature = "rocksdb")]
pub use rocks::{FlushObserver, Journal, RocksStore};
pub use store::{Part, Store, StoreFiles, Visit};
