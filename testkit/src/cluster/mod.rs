//! Three simulated nodes that agree on a table, their users, and what goes wrong.
//!
//! The [world](crate::world) has one node and every fault that a node alone can meet;
//! here are three, and the faults that only several can: one is lost for a while, the
//! way between two is cut, one is stopped and believes that it still leads, all go at
//! once. Users ask any of them, and what they saw is judged as in the world: one order
//! of everything, nothing lost, no read older than what was answered before it began.
//!
//! ```text
//! seed ─► knobs, faults ─► hosts: node ⇄ links ⇄ node ─┐
//!                          users ─► any node ──────────┴─► history ─► checkers
//! ```

mod fault;
mod host;
mod many;
mod operators;
mod plan;
mod run;
mod seat;
mod users;

pub use many::Many;
pub use run::{Outcome, run};
