//! A value, between the text that somebody wrote and the field that it fills.

use super::quantity;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;
use wal::SyncPolicy;

/// A value that its key's kind accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A path or a name; empty where that means none.
    Text(String),
    /// Where to listen.
    Address(SocketAddr),
    /// How many.
    Count(u64),
    /// How much.
    Bytes(u64),
    /// How long; whole milliseconds.
    Time(Duration),
    /// Yes or no.
    Truth(bool),
    /// One of a few words.
    Word(&'static str),
    /// When the log is synced.
    Sync(SyncPolicy),
}

impl fmt::Display for Value {
    /// As it stands in a variable or behind a flag.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => f.write_str(text),
            Value::Address(address) => write!(f, "{address}"),
            Value::Count(count) => write!(f, "{count}"),
            Value::Bytes(bytes) => f.write_str(&quantity::bytes_text(*bytes)),
            Value::Time(time) => f.write_str(&quantity::time_text(*time)),
            Value::Truth(truth) => write!(f, "{truth}"),
            Value::Word(word) => f.write_str(word),
            Value::Sync(SyncPolicy::Each) => f.write_str("each"),
            Value::Sync(SyncPolicy::Every(ms)) => {
                write!(f, "every({})", quantity::time_text(Duration::from_millis(*ms)))
            }
        }
    }
}

impl Value {
    /// As it stands in the file.
    pub fn toml(&self) -> String {
        match self {
            Value::Count(_) | Value::Truth(_) => self.to_string(),
            _ => quoted(&self.to_string()),
        }
    }

    /// For programs: numbers are numbers, sizes are bytes, times are as in the
    /// file.
    pub fn json(&self) -> serde_json::Value {
        match self {
            Value::Count(number) | Value::Bytes(number) => (*number).into(),
            Value::Truth(truth) => (*truth).into(),
            _ => self.to_string().into(),
        }
    }
}

/// A TOML basic string: quotes, backslashes and control characters escaped.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            _ if character.is_control() => out.push_str(&format!("\\U{:08X}", u32::from(character))),
            _ => out.push(character),
        }
    }
    out.push('"');
    out
}
