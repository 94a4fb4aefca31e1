//! The nouns of Statehouse.
//!
//! It is: ids, epochs, keys and their layouts, records, mutations, limits and
//! error codes, each with the bytes it has on disk.
//! It is not: a place for behaviour. Nothing here reads a clock, a file or a
//! socket, and nothing here is asynchronous.
//!
//! ```text
//! request → command (after transforms) → record (commands of one drain)
//!         → mutations, events, reply   (what apply makes of it)
//! ```

pub mod chore;
pub mod code;
pub mod command;
pub mod condition;
pub mod durability;
pub mod epoch;
pub mod event;
pub mod ids;
pub mod key;
pub mod keyspace;
pub mod layout;
pub mod limits;
pub mod mutation;
pub mod range;
pub mod record;
pub mod replica_set;
pub mod state_hash;
pub mod token;
pub mod wire;

pub use chore::{Chore, Trim};
pub use code::Code;
pub use command::{Command, OpId};
pub use condition::Condition;
pub use durability::Durability;
pub use epoch::Epoch;
pub use event::{Before, Event, EventDraft, EventKind, Events};
pub use ids::{BootId, ClusterId, DiskId, NodeId, PartitionId, ReplicaId};
pub use key::{KEY_BYTES_MAX, Key, KeyError};
pub use keyspace::{KeyKind, StoredKey};
pub use layout::Layout;
pub use limits::Limits;
pub use mutation::Mutation;
pub use range::KeyRange;
pub use record::{Index, Record, RecordKind, Stamp};
pub use replica_set::ReplicaSet;
pub use state_hash::StateHash;
pub use token::{Position, Token};
