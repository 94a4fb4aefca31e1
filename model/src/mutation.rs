//! What apply makes of a command: changes to rows of one partition.

use bytes::Bytes;

/// One change. Keys are stored keys: kind byte first, see [`crate::keyspace`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// The row has this value from now on.
    Put {
        /// Stored key.
        key: Bytes,
        /// Value.
        value: Bytes,
    },
    /// The row is gone. Deleting an absent row is not an error.
    Delete {
        /// Stored key.
        key: Bytes,
    },
}

impl Mutation {
    /// A row that is set.
    pub fn put(key: impl Into<Bytes>, value: impl Into<Bytes>) -> Mutation {
        Mutation::Put { key: key.into(), value: value.into() }
    }

    /// A row that is removed.
    pub fn delete(key: impl Into<Bytes>) -> Mutation {
        Mutation::Delete { key: key.into() }
    }

    /// The row concerned.
    pub fn key(&self) -> &Bytes {
        match self {
            Mutation::Put { key, .. } | Mutation::Delete { key } => key,
        }
    }
}
