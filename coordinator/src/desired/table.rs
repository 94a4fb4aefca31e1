//! A table: its name and what was chosen for it.

use machine::{Registry, Setting};
use model::Layout;
use pipeline::{BinlogChoice, Profile, Rules};
use std::fmt;

/// A namespace and a name in it. Both are 1 to 128 of `A-Z a-z 0-9 _ . -`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableName {
    namespace: String,
    name: String,
}

impl TableName {
    /// The namespace of those who name none.
    pub const DEFAULT_NAMESPACE: &'static str = "default";

    /// `None` for what is no name.
    pub fn new(namespace: &str, name: &str) -> Option<TableName> {
        (is_name(namespace) && is_name(name))
            .then(|| TableName { namespace: namespace.to_owned(), name: name.to_owned() })
    }

    /// Whose it is.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// What it is called there.
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    (1..=128).contains(&text.len()) && text.chars().all(fits)
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace[..] {
            TableName::DEFAULT_NAMESPACE => f.write_str(&self.name),
            namespace => write!(f, "{namespace}/{}", self.name),
        }
    }
}

/// What was chosen for a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSpec {
    /// How its keys are stored. Never changes.
    pub layout: Layout,
    /// The machine's name.
    pub machine: String,
    /// The pipeline's choices.
    pub profile: Profile,
}

impl TableSpec {
    /// What makes rows of the table's records, if the build has its machine.
    pub fn rules(&self, registry: &Registry) -> Option<Rules> {
        let binlog = self.profile.binlog;
        let setting = Setting { layout: self.layout, previous: binlog == BinlogChoice::Previous };
        let machine = registry.make(&self.machine, setting)?;
        Some(Rules { machine, binlog: binlog != BinlogChoice::Off })
    }
}
