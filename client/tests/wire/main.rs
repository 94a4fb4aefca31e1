//! The client against a server in this process.
#![allow(missing_docs, reason = "a test")]

#[path = "../fake/mod.rs"]
mod fake;

mod batches;
mod breaks;
mod calls;
mod follows;
mod loads;
mod nets;
mod removals;
mod scans;
mod views;
