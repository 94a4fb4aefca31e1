//! Raft.

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
mod promise;
mod recover;
pub mod runtime;
mod site;
mod storage;
mod streams;
pub mod wire;

pub use group::Start;
pub use groups::{Groups, Ticket};
pub use kind::{Members, Timing};
pub use message::Envelope;
pub use outbox::{Event, Outputs};
pub use recover::{Lost, Recovered, Recovering};
