//! The data directory against crashes, faults, bad input and its own past.

mod cases;
mod crash;
mod faults;
mod fixtures;
mod inspect;
mod joining;
mod refusals;
mod world;
