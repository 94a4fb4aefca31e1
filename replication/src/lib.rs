//! Copies of a partition on several nodes.

pub mod raft;
