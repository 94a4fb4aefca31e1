//! The groups of a shard, by raft.
//!
//! It is: a library's protocol on the shard's own thread ([`runtime`]), between the
//! node's log and the links: what the library wants done is put into an outbox, and
//! what was done is told to it. [`Groups`] is the way in and out.
//! It is not: the protocol, which is the library's; nor the wish who is to make up
//! a group, nor the way of an export's files.
//!
//! ```text
//! propose ─► group ─► (library) ─► storage, journal ─► outbox ─► the shard's log
//!                         │                                            │ logged
//!                         └─ settled ─► machine ◄─ durable ◄───────────┘
//!                                          └─► Event::Committed
//! peers ⇄ wire ⇄ network (says, asks), streams and answer (hear), calls (wait)
//! Groups::bereave ─► bereft: who leads instead of one whose process has ended
//! want ─► strive: the next step is plan's ─► (library) ─► Event::Settled
//! Event::Behind ─► fetched ─► arrival ─► Event::TakeExport ─► taken ─► journal
//! a start: the log's records ─► recover, promise ─► journal
//! ```

mod answer;
mod arrival;
mod bereft;
mod calls;
mod fate;
mod group;
mod groups;
mod journal;
mod kind;
mod machine;
pub mod message;
mod network;
mod outbox;
mod plan;
mod promise;
mod recover;
pub mod runtime;
mod site;
mod storage;
mod streams;
mod strive;
pub mod wire;

pub use group::Start;
pub use groups::{Groups, Ticket};
pub use kind::{Members, Timing};
pub use message::Envelope;
pub use outbox::{Event, Outputs};
pub use recover::{Lost, Recovered, Recovering, rests_at};
