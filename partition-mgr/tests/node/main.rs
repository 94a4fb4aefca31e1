//! A node without its server: requests through mailboxes, control calls, ends
//! and starts. Covers A2 and A7 on one node, and P5.

#![allow(clippy::disallowed_methods, reason = "tests against the real disk")]

mod boots;
mod control;
mod copying;
mod crashes;
mod dropping;
mod erasing;
mod increments;
mod making;
mod profiles;
mod renaming;
mod survival;
mod world;
