//! `statehouse` as a process: started, asked, misled, starved and killed.
#![allow(missing_docs, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "tests against real processes, sockets and disks")]

mod bad_input;
mod binlogs;
mod clusters;
mod connections;
mod contents;
mod follows;
mod full_disk;
mod guarantees;
mod kill;
mod lifecycle;
mod machines;
mod malformed;
mod maps;
mod namespaces;
mod no_wakes;
mod pages;
mod probe;
mod process;
mod ranges;
mod raw;
mod rows;
mod scans;
mod strangers;
mod tables;
mod talk;
mod terms;
mod times;
mod tokens;
mod transfers;
mod verify;
