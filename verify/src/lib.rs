//! Did a table keep its word? A *history* is what its users saw: every call,
//! when it was made, and what was answered. *Checkers* judge it.
//!
//! It is: the form of a history, in memory and as lines of JSON; a checker
//! that uses the indexes which answers name, and one that does not look at
//! them; a check that enough happened for a clean history to mean anything.
//! It is not: a load, a clock, or a cluster. Whoever drives the users records
//! what they saw and hands it over; nothing here waits, draws or reads a file.
//!
//! ```text
//! Recorder → History ─┬─ version_order ─┐
//!               End ──┼─ dense ─────────┼→ Report
//!                     └─ linearizable ──┘
//! ```
//!
//! Leases have a book of their own: what holders were told is all it knows.

pub mod check;
pub mod history;
pub mod leases;
