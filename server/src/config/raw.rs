//! What was given, before its key has looked at it.

use super::origin::Origin;
use super::row::Key;
use std::fmt;

/// Characters of a value that a message shows.
const SHOWN_MAX: usize = 60;

/// Something that was given for a key.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// For what.
    pub key: &'static Key,
    /// What.
    pub raw: Raw,
    /// By whom.
    pub origin: Origin,
}

/// A value as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Raw {
    /// From a variable or a flag, where everything is text.
    Bare(String),
    /// A string of the file.
    Text(String),
    /// A number of the file.
    Number {
        /// What is beyond the widest type is beyond every range as well, and
        /// comes as that type's end.
        value: i128,
        /// As it was written, but for underscores.
        text: String,
    },
    /// True or false, in the file.
    Truth(bool),
    /// Anything else in the file, by the name of its type.
    Other(&'static str),
}

/// Why a value was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It is of another type, or cannot be read.
    Form,
    /// It can be read, and is too small or too large.
    Range,
}

impl fmt::Display for Raw {
    /// As messages show it: short, on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Raw::Bare(text) | Raw::Text(text) => write!(f, "\"{}\"", shown(text)),
            Raw::Number { text, .. } => f.write_str(&shown(text)),
            Raw::Truth(truth) => write!(f, "{truth}"),
            Raw::Other(name) => write!(f, "({name})"),
        }
    }
}

/// Text of somebody else, fit for one line of a message.
pub fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(SHOWN_MAX).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN_MAX).is_some() {
        short.push('…');
    }
    short
}
