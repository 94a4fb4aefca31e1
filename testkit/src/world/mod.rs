//! A simulated world: a node and its users in one process, on virtual time.
//!
//! Production code throughout: the node's threads are [fibers](crate::fibers),
//! its disk a simulated one that takes time, its network turmoil's. One seed
//! decides everything, so a seed that fails once fails always; one process runs
//! one seed.
//!
//! ```text
//! seed ─► knobs ─┐
//!     └► faults ─┴► plan ─► world: users ⇄ node ─► history, records ─► judge
//! ```

use std::cell::Cell;
use std::time::Duration;

mod clients;
mod clock;
mod content;
mod counting;
mod directed;
mod disk;
mod end;
pub mod fault;
mod frames;
mod guest;
mod judge;
pub mod knobs;
mod leasing;
mod ledger;
mod mend;
mod names;
mod net;
mod node;
pub mod plan;
mod rotten;
mod run;
mod session;
mod site;
mod tale;
pub mod trace;
mod trouble;
mod user;
mod wire;
mod witness;

pub(crate) use clients::grpc;
pub use clock::HostClock;
pub use directed::directed;
pub(crate) use disk::{HostDisk, Pace};
pub(crate) use end::{Closing, FRESH, close};
pub use judge::{Found, Outcome};
pub(crate) use ledger::Ledger;
pub(crate) use net::SimNet;
pub(crate) use node::{TABLE, open_house, serve_grpc};
pub use plan::Plan;
pub(crate) use run::network;
pub use run::{Habits, run};
pub(crate) use user::{Crowd, one};
pub(crate) use wire::Wire;

thread_local! {
    static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// The world's time at the last tick: for what happens outside of hosts.
fn now() -> Duration {
    NOW.get()
}

pub(crate) fn set_now(now: Duration) {
    NOW.set(now);
}

/// Waits on a host, in virtual time.
#[allow(clippy::disallowed_methods, reason = "a host's runtime shows virtual time")]
pub(crate) async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}
