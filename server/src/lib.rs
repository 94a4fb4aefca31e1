//! The binary `statehouse`, and the little that stands between its command
//! line and the crates below.
//!
//! It is: [`command_line`], which knows the verbs and the exit codes; [`serve`],
//! a node from its first socket to its end, and [`config`], how it is set; [`dev`],
//! a node for trying things; and [`doctor`], the offline reader of a data directory.
//! It is not: a place for logic. What the doctor concludes stands in small
//! pure modules of its own, until the command line has a crate.
//!
//! ```text
//! main ─► command_line ─┬► dev ────┬► serve ─► router, partition-mgr
//!              │         ├► run ────┘   ▲
//!              │         │              └ config
//!              │         ├► cli ─► client
//!         exit code      └► doctor ─► partition-mgr, statestore, wal
//! ```

mod builder;
pub mod command_line;
pub mod config;
pub mod dev;
pub mod doctor;
mod failure;
pub mod progress;
mod run;
pub mod serve;

pub use builder::{Builder, Server};
pub use failure::Failure;
