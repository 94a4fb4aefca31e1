//! What the verbs print, and how they end, against a server in this process.
#![allow(missing_docs, reason = "a test")]

#[path = "../../../client/tests/fake/mod.rs"]
mod fake;

mod bulk;
mod bytes;
mod follows;
mod golden;
mod machines;
mod refusals;
mod scans;
mod session;
mod tables;
