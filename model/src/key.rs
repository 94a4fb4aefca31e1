//! The key a client sends: 1 to 1,024 bytes of anything.

use bytes::Bytes;
use std::fmt;

/// The longest key, in bytes. A bound of the format, not a setting: it stands
/// in stored keys for ever.
pub const KEY_BYTES_MAX: usize = 1024;

/// A key that has been checked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Bytes);

/// Why bytes are no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A key has at least one byte.
    #[error("the key is empty; keys have 1 to {KEY_BYTES_MAX} bytes")]
    Empty,
    /// A key has at most [`KEY_BYTES_MAX`] bytes.
    #[error("the key has {bytes} bytes; keys have 1 to {KEY_BYTES_MAX} bytes")]
    TooLong {
        /// What was sent.
        bytes: usize,
    },
}

impl Key {
    /// Checks the length.
    pub fn new(bytes: impl Into<Bytes>) -> Result<Key, KeyError> {
        let bytes = bytes.into();
        match bytes.len() {
            0 => Err(KeyError::Empty),
            1..=KEY_BYTES_MAX => Ok(Key(bytes)),
            bytes => Err(KeyError::TooLong { bytes }),
        }
    }

    /// The bytes as sent.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as sent, shared.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// What places the key in a hashed table: the bytes between the first `{`
    /// and the next `}`, if there are any, else the whole key. This is Redis
    /// Cluster's rule, to the letter.
    pub fn tag(&self) -> &[u8] {
        let bytes: &[u8] = &self.0;
        let Some(open) = bytes.iter().position(|&b| b == b'{') else {
            return bytes;
        };
        let inside = &bytes[open + 1..];
        match inside.iter().position(|&b| b == b'}') {
            None | Some(0) => bytes,
            Some(close) => &inside[..close],
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.0.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_checked_at_both_ends() {
        let table: [(usize, bool); 5] = [(0, false), (1, true), (1023, true), (1024, true), (1025, false)];
        for (len, ok) in table {
            assert_eq!(Key::new(vec![b'k'; len]).is_ok(), ok, "{len} bytes");
        }
    }

    #[test]
    fn tags_follow_the_rule_of_redis_cluster() {
        let table: [(&str, &str); 7] = [
            ("plain", "plain"),
            ("{user1000}.following", "user1000"),
            ("foo{}{bar}", "foo{}{bar}"),
            ("foo{{bar}}zap", "{bar"),
            ("foo{bar}{zap}", "bar"),
            ("open{end", "open{end"),
            ("}{", "}{"),
        ];
        for (key, tag) in table {
            let key = Key::new(key.to_owned()).expect("a valid key");
            assert_eq!(key.tag(), tag.as_bytes(), "{key:?}");
        }
    }
}
