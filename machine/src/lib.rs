//! Machines: what a command means.
//!
//! It is: the trait [`Machine`], pure from command to mutations, and [`Keyed`],
//! the friendlier one that applications implement; the machines in the box, [`Kv`],
//! [`Counter`] and [`Lease`]; the [`Registry`] of those that a build has; and
//! [`Register`], the small machine that tests and simulations run.
//! It is not: anything that knows time, threads or I/O. A machine sees a
//! [`View`], a command and where it stands ([`At`]), and returns an [`Outcome`]; who calls it, when, and
//! where the mutations go is not its business.

pub mod counter;
pub mod keyed;
mod kv;
pub mod lease;
mod machine;
mod register;
mod registry;
mod versions;

pub use counter::Counter;
pub use keyed::{Keyed, Reads, Rows};
pub use kv::{Act, Change, Changes, Clear, Kv, KvCommand, KvReply, Row, TTL_MS_MAX};
pub use lease::Lease;
pub use machine::{At, Machine, Nonsense, Outcome, View, ViewError};
pub use register::{Register, RegisterCommand};
pub use registry::{NameTaken, Registry, Setting};
pub use versions::Versions;
