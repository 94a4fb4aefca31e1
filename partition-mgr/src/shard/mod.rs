//! Shards: threads that own many partitions each.
//!
//! ```text
//! inbox ─► round: take in → drain (a record each) → one submission to the log
//!                 → apply (one batch a store) → answers, one call an outlet
//! ```
//!
//! `round.rs` is a round, in two halves ([`Shard::take_in`], [`Shard::move_on`]),
//! and knows neither threads nor channels; `thread.rs` drives it, in production
//! and in the simulated world. `replicas.rs` is what of it concerns partitions with
//! replicas on other nodes, `at_log.rs` what the log has been handed. What a store does not take now waits in
//! `parked.rs`.

mod at_log;
mod message;
mod parked;
mod reads;
mod replicas;
mod round;
mod storing;
mod tenant;
mod thread;
mod timers;

pub use message::{Effects, LogJob, LogOutcome, Message, Order, Replica, Report, StoreJob, Stored};
pub use round::Shard;
pub use thread::{Inbox, Nowhere, Post, SLACK, ShardThread};
