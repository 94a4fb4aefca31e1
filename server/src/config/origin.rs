//! Where a value is from.

use std::fmt;
use std::path::PathBuf;

/// Where a value is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody gave one.
    Default,
    /// The file.
    File {
        /// As it was named.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// An environment variable, by name.
    Variable(String),
    /// A flag, by name with its dashes.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line } => write!(f, "{}:{line}", one_line(&path.display().to_string())),
            Origin::Variable(name) => write!(f, "env {}", one_line(name)),
            Origin::Flag(name) => write!(f, "flag {}", one_line(name)),
        }
    }
}

/// Without control characters: an origin stands in comments and tables.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}
