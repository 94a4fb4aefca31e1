//! A change of one row, and what has to hold for it.

use crate::runtime::ms;
use bytes::Bytes;
use model::Condition;
use proto::convert::condition_to_wire;
use proto::data::Item;
use std::time::Duration;

/// A change of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which row.
    pub key: Bytes,
    /// What happens to it.
    pub act: Act,
    /// What has to hold.
    pub condition: Condition,
}

/// What happens to a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// It holds a value from now on.
    Put {
        /// Which.
        value: Bytes,
        /// For so long, or for ever.
        ttl: Option<Duration>,
    },
    /// It is gone.
    Remove,
    /// It keeps value and revision, and its time begins anew.
    Touch {
        /// For so long, or for ever.
        ttl: Option<Duration>,
    },
}

impl Change {
    /// The row holds the value from now on.
    pub fn put(key: impl Into<Bytes>, value: impl Into<Bytes>) -> Change {
        Change::new(key, Act::Put { value: value.into(), ttl: None })
    }

    /// The row holds the value, and expires after so long.
    pub fn put_for(key: impl Into<Bytes>, value: impl Into<Bytes>, ttl: Duration) -> Change {
        Change::new(key, Act::Put { value: value.into(), ttl: Some(ttl) })
    }

    /// The row is gone.
    pub fn remove(key: impl Into<Bytes>) -> Change {
        Change::new(key, Act::Remove)
    }

    /// The row as it is lasts for so long from now on, or for ever. Its value is
    /// neither sent nor logged again.
    pub fn touch(key: impl Into<Bytes>, ttl: Option<Duration>) -> Change {
        Change::new(key, Act::Touch { ttl })
    }

    fn new(key: impl Into<Bytes>, act: Act) -> Change {
        Change { key: key.into(), act, condition: Condition::Always }
    }

    /// The same, if this holds.
    #[must_use]
    pub fn only_if(self, condition: Condition) -> Change {
        Change { condition, ..self }
    }

    pub(crate) fn into_item(self) -> Item {
        let condition = condition_to_wire(self.condition);
        let item = Item { key: self.key, condition, ..Item::default() };
        match self.act {
            Act::Put { value, ttl } => Item { value, ttl_ms: ttl.map_or(0, at_least_one_ms), ..item },
            Act::Remove => Item { remove: true, ..item },
            Act::Touch { ttl } => Item { touch: true, ttl_ms: ttl.map_or(0, at_least_one_ms), ..item },
        }
    }
}

/// Nothing lasts for no time: that would be for ever.
fn at_least_one_ms(ttl: Duration) -> u64 {
    ms(ttl).max(1)
}
