//! Groups as a shard drives them, of one replica and of a few, by nothing but what
//! the crate offers: what was asked, what was told, and what a log has of it.
#![allow(missing_docs, reason = "a test")]

mod bereft;
mod lonely;
mod node;
mod together;
mod world;
