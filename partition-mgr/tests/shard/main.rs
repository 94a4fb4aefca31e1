//! A shard without its manager: rounds one by one, and its thread's end.

#![allow(missing_docs, reason = "a test")]

mod ends;
mod full;
mod halves;
mod later;
mod refused_batch;
mod reluctant;
mod replicas;
mod weights;
mod world;
