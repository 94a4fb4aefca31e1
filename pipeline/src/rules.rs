//! What makes rows of a partition's records. The same records under the same
//! rules are the same rows.

use machine::Versions;

/// A table's rules.
#[derive(Clone, Debug)]
pub struct Rules {
    /// What commands mean.
    pub machine: Versions,
    /// Are events kept?
    pub binlog: bool,
}

impl Rules {
    /// Events are kept.
    pub fn of(machine: impl Into<Versions>) -> Rules {
        Rules { machine: machine.into(), binlog: true }
    }
}
