//! One key: a row of the table.

use super::kind::Kind;
use super::raw::{Flaw, Raw};
use super::settings::Config;
use super::value::Value;
use std::fmt;

/// What every variable of ours begins with.
pub const PREFIX: &str = "STATEHOUSE_";

/// When a changed value takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changes {
    /// When the server starts.
    Restart,
    /// When the data directory is made, and never again.
    Fixed,
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Changes::Restart => "restart",
            Changes::Fixed => "fixed",
        })
    }
}

/// A key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name, with its section: `listen.data`.
    pub path: &'static str,
    /// What it means, in a sentence or two.
    pub doc: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// When a change takes effect.
    pub changes: Changes,
    /// Reads the field.
    pub(super) get: fn(&Config) -> Value,
    /// Fills the field; false when it cannot hold the value.
    pub(super) set: fn(&mut Config, Value) -> bool,
}

impl Key {
    /// Its section; none for what stands at the top of the file.
    pub fn section(&self) -> Option<&'static str> {
        self.path.split_once('.').map(|(section, _)| section)
    }

    /// Its name within its section.
    pub fn name(&self) -> &'static str {
        self.path.split_once('.').map_or(self.path, |(_, name)| name)
    }

    /// Its environment variable.
    pub fn variable(&self) -> String {
        format!("{PREFIX}{}", self.path.to_uppercase().replace(['.', '-'], "_"))
    }

    /// Its value. A number alone does not know whether it counts bytes.
    pub fn value(&self, config: &Config) -> Value {
        match ((self.get)(config), self.kind) {
            (Value::Count(bytes), Kind::Bytes { .. }) => Value::Bytes(bytes),
            (value, _) => value,
        }
    }

    /// Sets what was given, if it is accepted.
    pub(super) fn take(&self, config: &mut Config, raw: &Raw) -> Result<(), Flaw> {
        let value = self.kind.read(raw)?;
        if (self.set)(config, value) { Ok(()) } else { Err(Flaw::Range) }
    }
}
