//! What fuzzers run, as plain functions: any bytes in, a panic when something
//! is wrong.
//!
//! `fuzz/` wraps each in a target of cargo-fuzz; a test replays the corpora in
//! `fuzz/corpus/`, so that what was found once is looked for in every run. Each
//! function draws its input from the bytes in the simplest way: mutations of
//! bytes are then mutations of the input.

mod batch_decode;
mod commands;
mod crash;
mod format_decode;
mod history;
mod keys;
mod log_crash;
mod log_recover;
mod sparse;

pub use batch_decode::batch_decode;
pub use commands::commands;
pub use format_decode::format_decode;
pub use keys::keys;
pub use log_crash::log_crash;
pub use log_recover::log_recover;
pub use sparse::{Seal, from_segment};

/// A fuzz target's body.
pub type Body = fn(&[u8]);

/// Every target by its name, which is that of its folder in `fuzz/corpus/`.
pub const TARGETS: [(&str, Body); 6] = [
    ("batch_decode", batch_decode),
    ("commands", commands),
    ("format_decode", format_decode),
    ("keys", keys),
    ("log_crash", log_crash),
    ("log_recover", log_recover),
];
