//! What the verbs print, and how they end, against a server in this process.
#![allow(missing_docs, reason = "a test")]

#[path = "../../../client/tests/fake/mod.rs"]
mod fake;

mod bytes;
mod golden;
mod refusals;
mod scans;
mod session;
