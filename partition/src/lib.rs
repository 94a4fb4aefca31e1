//! The partition: a single writer with a clock, a log and a store.
//!
//! It is, so far: [`replay()`], which brings a store from what it had flushed to
//! what the log holds, through the same machines that made it. The actor with
//! its mailbox and its pure `step()` comes with the first served request.
//! It is not: aware of gRPC, of sockets, or of other partitions.
//!
//! ```text
//! log ─► records ─► commands ─► machine (on an overlay of the store) ─► parts ─► store
//! ```

mod overlay;
mod parallel;
mod progress;
mod replay;
mod report;

pub use parallel::ParallelReplay;
pub use progress::Progress;
pub use replay::{Machines, replay};
pub use report::{PartitionReplay, Refusal, ReplayError, ReplayReport};
