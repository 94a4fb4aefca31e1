//! Machines: what a command means.
//!
//! It is: the public trait [`Machine`], pure from command to mutations, and
//! [`Register`], the small machine that tests and simulations run.
//! It is not: anything that knows time, threads or I/O. A machine sees a
//! [`View`] and a stamp, and returns an [`Outcome`]; who calls it, when, and
//! where the mutations go is not its business.

mod machine;
mod register;

pub use machine::{Machine, Outcome, View, ViewError};
pub use register::{Register, RegisterCommand};
