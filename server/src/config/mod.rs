//! The server's configuration.
//!
//! It is: one table of keys ([`keys::KEYS`]), and everything that follows from
//! it: defaults, parsing, where each value is from, `--print-config`, and the
//! page `docs/configuration.md`.
//! It is not: a decision. Whoever reads [`Config`] decides what a value means.
//!
//! ```text
//! defaults ─► file ─► environment ─► flags       the later wins
//!               └────────┴────────────┴──► assignments (key, raw, origin)
//!                                              │ kind reads raw
//!                                              ▼
//!                       Config + origins, or every Problem there is
//! ```
//!
//! A new key is a field in `settings.rs` and a row in `keys.rs`.

mod agree;
mod environment;
mod field;
mod file;
mod flag;
pub mod keys;
mod kind;
mod load;
mod nearest;
mod origin;
mod problem;
mod quantity;
mod raw;
pub mod reference;
mod row;
mod settings;
mod show;
mod sources;
#[cfg(test)]
mod tests;
mod value;
mod word;

pub use environment::CLIENT_VARIABLES;
pub use flag::Flag;
pub use kind::Kind;
pub use load::Loaded;
pub use origin::Origin;
pub use problem::Problem;
pub use row::{Changes, Key};
pub use settings::{Config, Connections, Drain, Listen, LogSettings, Metrics, Requests, Stores, Threads};
pub use show::OriginRow;
pub use sources::Sources;
pub use value::Value;
pub use word::{LogFormat, LogLevel};
