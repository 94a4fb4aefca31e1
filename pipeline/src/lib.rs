//! The pipeline: what happens to a request between its arrival and its reply.
//!
//! It is: the stages as an enum whose comments form a sentence, a table's
//! choices at each of them, the rules of their order, and [`Line`], which holds
//! what is under way in one partition. Values in, values out.
//! It is not: a user of channels, tasks or sockets. Who waits for a reply is an
//! opaque token here.

mod answer;
mod apply;
mod clock;
mod line;
pub mod ordering;
mod overlay;
mod profile;
mod request;
pub mod retries;
mod rig;
mod stage;

pub use answer::{Answer, Done, Refusal, Reply, Timings};
pub use apply::{Applier, ApplyError, last_stamp, stamp_of};
pub use clock::PartitionClock;
pub use line::{DrainLimits, Line, Ticket};
pub use profile::{LogChoice, Profile, ProfileError, StoreChoice};
pub use request::Request;
pub use rig::{Rig, Witness};
pub use stage::Stage;
