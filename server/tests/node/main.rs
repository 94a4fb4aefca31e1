//! `statehouse` as a process: started, asked, misled, starved and killed.
#![allow(missing_docs, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "tests against real processes, sockets and disks")]

mod bad_input;
mod contents;
mod kill;
mod process;
mod raw;
mod talk;
