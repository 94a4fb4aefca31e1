//! What a node has on its disk, what it should have, and the way between.
//!
//! It will be the manager of a node's partitions: it takes **stock** of the
//! disk, reads the **desired state** that the coordinator publishes, and turns
//! the **delta** (add, remove, update) into **ops** on partitions; it owns the
//! shards and the directory from partition id to handle.
//! It is not: a speaker of gRPC, nor the one who decides where partitions live.
//!
//! ```text
//! data directory ─► stock ─┐
//!                          ├─► delta ─► ops ─► partitions
//! coordinator ─► desired ──┘
//! ```
//!
//! What exists now is where the stock begins: the [`data_dir`], which proves
//! that a directory is this node's own before anything in it is used.

pub mod data_dir;
pub mod shard;

pub use data_dir::{DataDir, DataDirError, Expect};
