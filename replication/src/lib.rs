//! Copies of a partition on several nodes.
//!
//! It is: what makes copies one history: who leads, what is settled and in which
//! order, who belongs to a group, and how whoever is behind comes to have the rest.
//! It is not: a log, a link or a store. Records go to the node's log, messages to
//! the links between nodes, and what is settled to the partition; a shard carries
//! them there and says what became of them. Nothing here waits, sends or writes,
//! and nothing knows what a command means.
//!
//! [`raft`] is all there is, and the only code that names the raft library.

pub mod raft;
