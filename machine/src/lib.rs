//! Machines: what a command means.
//!
//! It is: the public trait [`Machine`], pure from command to mutations; the
//! machines in the box, so far [`Kv`]; and [`Register`], the small machine that
//! tests and simulations run.
//! It is not: anything that knows time, threads or I/O. A machine sees a
//! [`View`], a command and where it stands ([`At`]), and returns an [`Outcome`]; who calls it, when, and
//! where the mutations go is not its business.

mod kv;
mod machine;
mod register;

pub use kv::{Change, Changes, Kv, KvCommand, KvReply, Row};
pub use machine::{At, Machine, Outcome, View, ViewError};
pub use register::{Register, RegisterCommand};
