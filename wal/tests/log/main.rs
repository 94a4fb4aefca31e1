//! The log's bytes and what is made of them: the page that describes them,
//! directories as they lay on disk, damage, and input that nobody wants.
#![allow(missing_docs, reason = "a test")]

mod bad_input;
mod fixtures;
mod promises;
mod verdicts;
mod worked_bytes;
mod world;
