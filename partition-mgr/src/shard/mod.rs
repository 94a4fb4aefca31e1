//! Shards: threads that own many partitions each.
//!
//! ```text
//! inbox ─► round: take in → drain (a record each) → one submission to the log
//!                 → apply (one batch a store) → answers, one call an outlet
//! ```
//!
//! [`Shard::step`] is a round and knows neither threads nor channels;
//! `thread.rs` drives it in production, the simulation calls it directly.

mod message;
mod parked;
mod round;
mod tenant;
mod thread;

pub use message::{Effects, LogJob, LogOutcome, Message, Order, Report, StoreJob, Stored};
pub use round::Shard;
pub use thread::{Inbox, SLACK, ShardThread};
