//! What a node has on its disk, what it should have, and the way between.
//!
//! It is the manager of a node's partitions: it takes **stock** of the disk,
//! reads the **desired state** (its own, or what the cluster's catalog says), and
//! turns the **delta** into **ops** on partitions; it owns the shards and the
//! directory from key to partition.
//! It is not: a speaker of gRPC, nor the one who decides where partitions live.
//!
//! ```text
//! data directory ─► stock ─┐
//!                          ├─► delta ─► ops ─► partitions
//! file, coordinator ─► desired ──┘
//! ```

pub mod asking;
mod calls;
pub mod data_dir;
pub mod delta;
mod desired;
pub mod directory;
mod exports;
pub mod following;
mod meters;
pub mod moves;
mod neighbours;
mod node;
pub mod past;
mod peers;
pub mod pool;
pub mod reading;
pub mod scanning;
pub mod scrubbing;
pub mod shard;
mod stores;

pub use data_dir::{DataDir, DataDirError, Expect};
pub use meters::Meters;
pub use node::{Admission, Neighbour, Neighbourhood};
pub use node::{ChangeError, Copied, Listed, ListedDrop, ListedState, Node, Settings, StartError, Vitals};
pub use peers::Peers;
