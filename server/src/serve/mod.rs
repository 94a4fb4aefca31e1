//! A node that serves: listeners, serving threads, and the order in which it
//! starts and ends.
//!
//! ```text
//! listen ─► admit (caps) ─► hand over, in turn ─► serving thread: runtime, desk, door, services
//! control, peer, metrics ─► the main thread's runtime
//! ```
//!
//! What serves ([`embedded`]) runs on any runtime; [`run`] is a process around it.
//!
//! It ends in four steps: it says it is not ready; it goes on for a while, so
//! that balancers notice; it takes no more and finishes what is under way; it
//! stops the node, which flushes.

mod admission;
mod connection;
pub mod embedded;
mod grpc;
mod joining;
mod lifecycle;
mod listen;
mod logging;
mod metrics;
mod ports;
mod probe;
mod services;
mod worker;

pub use lifecycle::{Ready, run};
pub use logging::init as init_logging;
