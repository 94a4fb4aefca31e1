//! The partition: a single writer with a clock, a log and a store.
//!
//! It is: [`Partition`], the actor that its shard moves along by `step()`; its
//! [`Mailbox`], the way in, and [`Outlet`], the way home; and [`replay()`], which
//! brings a store from what it had flushed to what the log holds, through the
//! same machines that made it.
//! It is not: aware of gRPC, of sockets, or of other partitions.
//!
//! ```text
//! log ─► records ─► commands ─► machine (on an overlay of the store) ─► parts ─► store
//! ```

mod actor;
mod mailbox;
mod outlet;
mod parallel;
mod progress;
mod published;
mod replay;
mod report;

pub use actor::{Charter, Input, Partition};
pub use mailbox::{Envelope, Mailbox, Permit, Room, Unaccepted};
pub use outlet::{Outbox, Outlet, ReplyTo};
pub use parallel::ParallelReplay;
pub use progress::Progress;
pub use published::{Leader, Published};
pub use replay::{Rulebook, replay};
pub use report::{PartitionReplay, Refusal, ReplayError, ReplayReport};
