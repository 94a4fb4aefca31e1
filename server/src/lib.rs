//! The binary `statehouse`, and the little that stands between its command
//! line and the crates below.
//!
//! It is, so far: [`command_line`], which knows the verbs and the exit codes,
//! and [`doctor`], the offline reader of a data directory.
//! It is not: a place for logic. What the doctor concludes stands in small
//! pure modules of its own, until the command line has a crate.
//!
//! ```text
//! main ─► command_line ─► doctor ─► partition-mgr (what the directory is)
//!              │             ├────► statestore    (what the stores have)
//!         exit code          └────► wal           (what the log has)
//! ```

pub mod command_line;
pub mod config;
pub mod dev;
pub mod doctor;
mod failure;
pub mod progress;
mod run;
pub mod serve;

pub use failure::Failure;
