//! The node's one log.
//!
//! It is: a segmented log shared by all partitions of a node, by replication
//! and by the coordinator. What waits is written as one *batch* and made
//! durable by one sync; recovery takes a batch whole or not at all, tells a
//! torn tail from damage, and charges damage to the partitions concerned.
//! It is not: aware of what a record means. It reads a record's header; of
//! payloads it reads only its own kinds (purge, accepted loss, its openings).
//!
//! ```text
//! segment 7 ─────────────────────────────────────────── segment 8 ──────────
//! ┌─────────┬───────┬──────┬───────┬──────┬────────┐    ┌─────────┬───────┐
//! │ opening │ batch │ mark │ batch │  …   │ footer │    │ opening │ batch │ …
//! └─────────┴───────┴──────┴───────┴──────┴────────┘    └─────────┴───────┘
//!   names where 6 ends;      each header: durable upto,   names where 7 ends
//!   carrier states           rosters of itself and
//!                            of the batch before
//! ```
//!
//! Where to look: [`batch`] and `frame` are the bytes; [`writer`] writes them,
//! `rotate`, `spare` and [`release`] change segments; [`survey`] reads them
//! back and judges, [`recover`] continues the log, [`thread`] drives the writer
//! in production. The bytes are laid out in `docs/formats/log.md`.

pub mod batch;
pub mod carrier;
mod checksum;
pub mod config;
pub mod damage;
pub mod error;
mod frame;
pub mod inspect;
mod intake;
mod judge;
mod meters;
mod opening;
pub mod packet;
mod place;
pub mod reader;
pub mod recover;
mod refused;
mod release;
pub mod roster;
mod rotate;
mod segment;
mod spare;
pub mod survey;
pub mod thread;
mod walk;
pub mod writer;

pub use carrier::{Carrier, Carriers, index, index_payload};
pub use config::{LogConfig, MarkPolicy, SyncPolicy};
pub use damage::{Condemned, Damage};
pub use error::LogError;
pub use meters::Meters;
pub use packet::{Append, Carry, Packet};
pub use place::{LogIdentity, Lsn, Place, SegmentId};
pub use reader::{ReadBatch, Reader};
pub use recover::{OpenLog, Recovery, open};
pub use release::Laggard;
pub use spare::{Spare, SpareJob, Urgency};
pub use thread::{Inlet, Link, Log, Submission};
pub use writer::{Synced, Writer};

/// Batches begin on multiples of this. A bound of the format.
pub const BLOCK_BYTES: u64 = 4096;
