//! `statehouse` as a process: started, asked, misled, starved and killed.
#![allow(missing_docs, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "tests against real processes, sockets and disks")]

mod bad_input;
mod connections;
mod contents;
mod full_disk;
mod kill;
mod lifecycle;
mod machines;
mod malformed;
mod no_wakes;
mod pages;
mod probe;
mod process;
mod raw;
mod rows;
mod scans;
mod strangers;
mod talk;
mod terms;
mod verify;
