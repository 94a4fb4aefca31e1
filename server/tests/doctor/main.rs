//! `statehouse doctor` as it is built, on directories as they are on disk.
#![allow(missing_docs, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "tests against the real disk")]

mod broken;
mod command_line;
mod reading;
mod repair;
mod world;
