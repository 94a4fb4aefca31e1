//! Between a value and the field of [`super::Config`] that holds it.

use super::value::Value;
use std::net::SocketAddr;
use std::num::NonZeroU8;
use std::path::PathBuf;
use std::time::Duration;
use wal::SyncPolicy;

/// A type that a setting may have.
pub trait Field: Sized {
    /// What the field holds.
    fn value(&self) -> Value;

    /// The field's content; `None` when it cannot hold the value. A kind and a
    /// field that do not belong together are found by a test over all keys.
    fn from_value(value: Value) -> Option<Self>;
}

/// Numbers of any width, as counts and as sizes.
macro_rules! number {
    ($($type:ty),+) => {$(
        impl Field for $type {
            fn value(&self) -> Value {
                // Saturates on no machine that there is.
                Value::Count(u64::try_from(*self).unwrap_or(u64::MAX))
            }

            fn from_value(value: Value) -> Option<$type> {
                match value {
                    Value::Count(number) | Value::Bytes(number) => number.try_into().ok(),
                    _ => None,
                }
            }
        }
    )+};
}

number!(u32, u64, usize);

impl Field for NonZeroU8 {
    fn value(&self) -> Value {
        Value::Count(self.get().into())
    }

    fn from_value(value: Value) -> Option<NonZeroU8> {
        u64::from_value(value)?.try_into().ok().and_then(NonZeroU8::new)
    }
}

impl Field for bool {
    fn value(&self) -> Value {
        Value::Truth(*self)
    }

    fn from_value(value: Value) -> Option<bool> {
        if let Value::Truth(truth) = value { Some(truth) } else { None }
    }
}

impl Field for Duration {
    fn value(&self) -> Value {
        Value::Time(*self)
    }

    fn from_value(value: Value) -> Option<Duration> {
        if let Value::Time(time) = value { Some(time) } else { None }
    }
}

impl Field for PathBuf {
    fn value(&self) -> Value {
        Value::Text(self.display().to_string())
    }

    fn from_value(value: Value) -> Option<PathBuf> {
        if let Value::Text(text) = value { Some(PathBuf::from(text)) } else { None }
    }
}

impl Field for SocketAddr {
    fn value(&self) -> Value {
        Value::Address(*self)
    }

    fn from_value(value: Value) -> Option<SocketAddr> {
        if let Value::Address(address) = value { Some(address) } else { None }
    }
}

impl Field for SyncPolicy {
    fn value(&self) -> Value {
        Value::Sync(*self)
    }

    fn from_value(value: Value) -> Option<SyncPolicy> {
        if let Value::Sync(policy) = value { Some(policy) } else { None }
    }
}

/// Nothing is written as the empty text.
impl Field for Option<String> {
    fn value(&self) -> Value {
        Value::Text(self.clone().unwrap_or_default())
    }

    fn from_value(value: Value) -> Option<Option<String>> {
        let Value::Text(text) = value else { return None };
        Some(if text.is_empty() { None } else { Some(text) })
    }
}

/// Nothing is written as 0.
impl Field for Option<usize> {
    fn value(&self) -> Value {
        self.unwrap_or(0).value()
    }

    fn from_value(value: Value) -> Option<Option<usize>> {
        let number = usize::from_value(value)?;
        Some(if number == 0 { None } else { Some(number) })
    }
}

/// Nothing is written as 0.
impl Field for Option<Duration> {
    fn value(&self) -> Value {
        self.unwrap_or(Duration::ZERO).value()
    }

    fn from_value(value: Value) -> Option<Option<Duration>> {
        let time = Duration::from_value(value)?;
        Some(if time.is_zero() { None } else { Some(time) })
    }
}
