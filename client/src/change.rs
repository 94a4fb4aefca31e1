//! A change of one row, and what has to hold for it.

use bytes::Bytes;
use model::Condition;
use proto::convert::condition_to_wire;
use proto::data::Item;

/// A change of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which row.
    pub key: Bytes,
    /// What it holds from now on; none removes it.
    pub value: Option<Bytes>,
    /// What has to hold.
    pub condition: Condition,
}

impl Change {
    /// The row holds the value from now on.
    pub fn put(key: impl Into<Bytes>, value: impl Into<Bytes>) -> Change {
        Change { key: key.into(), value: Some(value.into()), condition: Condition::Always }
    }

    /// The row is gone.
    pub fn remove(key: impl Into<Bytes>) -> Change {
        Change { key: key.into(), value: None, condition: Condition::Always }
    }

    /// The same, if this holds.
    #[must_use]
    pub fn only_if(self, condition: Condition) -> Change {
        Change { condition, ..self }
    }

    pub(crate) fn into_item(self) -> Item {
        let (remove, value) = (self.value.is_none(), self.value.unwrap_or_default());
        Item { key: self.key, value, condition: condition_to_wire(self.condition), remove }
    }
}
