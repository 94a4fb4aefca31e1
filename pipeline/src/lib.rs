//! The pipeline: what happens to a request between its arrival and its reply.
//!
//! It is: the stages as an enum whose comments form a sentence, a table's
//! choices at each of them, the rules of their order, and [`Line`], which holds
//! what is under way in one partition. Values in, values out.
//! It is not: a user of channels, tasks or sockets. Who waits for a reply is an
//! opaque token here.

mod answer;
mod apply;
mod choices;
mod chores;
mod clock;
mod hashing;
mod line;
pub mod ordering;
mod overlay;
mod preset;
mod profile;
mod request;
pub mod retries;
mod rig;
mod rules;
mod stage;
mod standing;

pub use answer::{Answer, Done, Refusal, Reply, Timings};
pub use apply::{Applier, ApplyError};
pub use choices::{BinlogChoice, LogChoice, ReplicationChoice, StoreChoice};
pub use chores::ChoreLimits;
pub use clock::PartitionClock;
pub use line::{DrainLimits, Line, Role, Ticket};
pub use preset::Preset;
pub use profile::{Profile, ProfileError};
pub use request::Request;
pub use rig::{Rig, Witness};
pub use rules::Rules;
pub use stage::Stage;
pub use standing::{Binlog, Standing, times_in, version_in};
