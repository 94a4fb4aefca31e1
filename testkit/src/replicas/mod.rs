//! Replicas of partitions, their logs and the ways between them, as one loop
//! over events in virtual time.
//!
//! Only what keeps copies equal is here: the node's log on a simulated disk, the
//! groups, and a network that loses, doubles and delays single messages, as no
//! connection would. There are no threads, sockets or users, so a seed costs
//! milliseconds, and thousands of them look into corners that a whole node's
//! [world](crate::world) reaches once a day.
//!
//! ```text
//! seed ─► knobs ─┬► hosts: log ⇄ groups ─► messages ─► hosts …
//!                └► faults: crash, power loss, all at once, cut, slow disk, pause
//!                                    └► book: one history, nothing lost, no stale read
//! ```

mod book;
mod exports;
mod faults;
mod herd;
mod host;
mod knobs;
mod leading;
mod life;
mod net;
mod seats;
mod settling;
mod wishes;
mod world;

pub use book::Failure;
pub use herd::Herd;
pub use knobs::Knobs;
pub use world::{Verdict, run};
