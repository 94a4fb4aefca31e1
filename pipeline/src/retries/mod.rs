//! Exactly once: what a partition remembers of operations.
//!
//! `table.rs` decides, `row.rs` is what stands in the store, `load.rs` brings the
//! one back from the other. The table is asked when a record is applied, not at
//! the door: what is sent again stands behind the original in the log, so it
//! waits for it by itself, and every replica decides the same.

mod load;
mod row;
mod table;

pub use load::{load, whole};
pub use table::{Answered, Known, RetryDraft, RetryTable};
