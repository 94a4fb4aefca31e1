//! From a call on the wire to the partition that holds its key, and back.
//!
//! It is: the door that every call comes through ([`door`]: identity, rights,
//! limits, deadline, trace, as tower layers in one file), the services behind
//! it ([`DataService`], [`ControlPlane`]), and the desk at which a thread's
//! requests wait for their answers ([`Desk`]).
//! It is not: the owner of sockets (the server), of partitions (their manager),
//! or of anything on disk.
//!
//! ```text
//! connection ─► door ─► write: split by partition ─► mailboxes … desk ─► answer
//!                   └─► read: store, past the shard ───────────────────► answer
//! ```

mod control;
mod data;
mod desk;
pub mod door;
mod house;
mod meters;

pub use control::ControlPlane;
pub use data::DataService;
pub use desk::Desk;
pub use house::{House, Settings};
pub use meters::Meters;
