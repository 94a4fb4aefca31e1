//! What a key takes: how its text is read, and what a message says instead.

use super::quantity;
use super::raw::{Flaw, Raw};
use super::value::Value;
use std::fmt;
use std::net::Ipv6Addr;
use std::time::Duration;
use wal::SyncPolicy;

/// With `every`, how long a write may wait for its sync.
const SYNC_MAX: Duration = Duration::from_secs(60);

/// What a key takes. Ranges include both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A path.
    Path,
    /// An address and a port to listen on; port 0 lets the system choose.
    Address,
    /// A host and a port that others connect to, or nothing.
    Host,
    /// A number.
    Count {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// A size.
    Bytes {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// A time.
    Time {
        /// The least.
        min: Duration,
        /// The most.
        max: Duration,
    },
    /// Yes or no.
    Truth,
    /// One of these.
    Word(&'static [&'static str]),
    /// When the log is synced.
    Sync,
}

impl Kind {
    /// Reads what was given.
    pub(super) fn read(&self, raw: &Raw) -> Result<Value, Flaw> {
        match self {
            Kind::Path => path(raw),
            Kind::Address => text(raw)?.parse().map(Value::Address).map_err(|_| Flaw::Form),
            Kind::Host => host(text(raw)?),
            Kind::Count { min, max } => within(count(raw)?, min, max).map(Value::Count),
            Kind::Bytes { min, max } => within(bytes(raw)?, min, max).map(Value::Bytes),
            Kind::Time { min, max } => within(time(raw)?, min, max).map(Value::Time),
            Kind::Truth => truth(raw),
            Kind::Word(words) => {
                let given = text(raw)?;
                let word = words.iter().find(|word| **word == given);
                word.map(|word| Value::Word(word)).ok_or(Flaw::Form)
            }
            Kind::Sync => sync(text(raw)?),
        }
    }
}

fn within<T: PartialOrd>(value: T, min: &T, max: &T) -> Result<T, Flaw> {
    if (min..=max).contains(&&value) { Ok(value) } else { Err(Flaw::Range) }
}

fn text(raw: &Raw) -> Result<&str, Flaw> {
    if let Raw::Bare(text) | Raw::Text(text) = raw { Ok(text) } else { Err(Flaw::Form) }
}

fn path(raw: &Raw) -> Result<Value, Flaw> {
    let path = text(raw)?;
    if path.is_empty() || path.contains('\0') { Err(Flaw::Form) } else { Ok(Value::Text(path.to_owned())) }
}

/// A negative number is a number, out of range.
fn number(number: i128) -> Result<u64, Flaw> {
    u64::try_from(number).map_err(|_| Flaw::Range)
}

fn count(raw: &Raw) -> Result<u64, Flaw> {
    match raw {
        Raw::Number { value, .. } => number(*value),
        Raw::Bare(text) => number(text.parse().map_err(|_| Flaw::Form)?),
        _ => Err(Flaw::Form),
    }
}

fn bytes(raw: &Raw) -> Result<u64, Flaw> {
    if let Raw::Number { value, .. } = raw {
        number(*value)
    } else {
        quantity::bytes(text(raw)?).ok_or(Flaw::Form)
    }
}

fn time(raw: &Raw) -> Result<Duration, Flaw> {
    match raw {
        // The one number that needs no unit.
        Raw::Number { value: 0, .. } => Ok(Duration::ZERO),
        _ => quantity::time(text(raw)?).ok_or(Flaw::Form),
    }
}

fn truth(raw: &Raw) -> Result<Value, Flaw> {
    match raw {
        Raw::Truth(truth) => Ok(Value::Truth(*truth)),
        Raw::Bare(text) => text.parse().map(Value::Truth).map_err(|_| Flaw::Form),
        _ => Err(Flaw::Form),
    }
}

fn sync(text: &str) -> Result<Value, Flaw> {
    if text == "each" {
        return Ok(Value::Sync(SyncPolicy::Each));
    }
    let inner = text.strip_prefix("every(").and_then(|rest| rest.strip_suffix(')')).ok_or(Flaw::Form)?;
    let time = quantity::time(inner).ok_or(Flaw::Form)?;
    let time = within(time, &Duration::from_millis(1), &SYNC_MAX)?;
    let ms = u64::try_from(time.as_millis()).map_err(|_| Flaw::Range)?;
    Ok(Value::Sync(SyncPolicy::Every(ms)))
}

/// A name may need a resolver that only clients have, so its form is checked
/// and nothing else.
fn host(text: &str) -> Result<Value, Flaw> {
    if text.is_empty() {
        return Ok(Value::Text(String::new()));
    }
    let (host, port) = text.rsplit_once(':').ok_or(Flaw::Form)?;
    let port: u16 = port.parse().map_err(|_| Flaw::Form)?;
    let sound = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
        }
    };
    if sound && port > 0 { Ok(Value::Text(text.to_owned())) } else { Err(Flaw::Form) }
}

impl fmt::Display for Kind {
    /// What is accepted, as half a sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Path => f.write_str("a path"),
            Kind::Address => f.write_str("an IP address and a port, such as 127.0.0.1:7400 or [::1]:7400"),
            Kind::Host => f.write_str("a host and a port, such as db1.example.net:7400, or \"\" for none"),
            Kind::Count { min, max } => write!(f, "a number from {min} to {max}"),
            Kind::Bytes { min, max } => {
                let (min, max) = (quantity::bytes_text(*min), quantity::bytes_text(*max));
                write!(f, "a size from {min} to {max}, such as 4KiB, 64MiB, or plain bytes")
            }
            Kind::Time { min, max } => {
                let (min, max) = (quantity::time_text(*min), quantity::time_text(*max));
                write!(f, "a time from {min} to {max}, such as 250ms, 5s or 2m")
            }
            Kind::Truth => f.write_str("true or false"),
            Kind::Word(words) => f.write_str(&words.join(", ")),
            Kind::Sync => {
                let max = quantity::time_text(SYNC_MAX);
                write!(f, "each, or every(TIME) with a time from 1ms to {max}, such as every(50ms)")
            }
        }
    }
}
