//! `statehouse-sim run`: many worlds, each in a process of its own.
//!
//! One seed is one process, because the order in which a runtime drops tasks
//! depends on how many it ever made. A parent runs seeds on all cores, runs one
//! in twenty a second time while the real clock stumbles, writes down the plan
//! of what fails, and takes faults away from it for as long as it still fails.

mod child;
mod coverage;
mod many;
mod shrink;

pub use child::{Child, one};
pub use coverage::Coverage;
pub use many::{Many, Seeds, replay};
pub use shrink::shrink;
