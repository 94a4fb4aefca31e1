//! What a caller asks of every answer of a table: that it has seen what a token
//! stands for, and what it is worth.

use crate::table::Table;
use bytes::Bytes;
use model::{Durability, Token};
use proto::common::{Header, OpId, ReadLevel};
use proto::convert::durability_to_wire;
use std::sync::Arc;
use std::time::Duration;

/// Nothing, unless told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Demands {
    /// A token's bytes; empty is none.
    after: Bytes,
    durability: Option<Durability>,
    stale: bool,
}

impl Demands {
    /// What they add to a request, at most, beside a few bytes.
    pub fn bytes(&self) -> usize {
        self.after.len()
    }

    /// May a read of it lack something, or ask for no more than it says?
    pub fn any_replica_will_do(&self) -> bool {
        self.stale || !self.after.is_empty()
    }

    fn fill(&self, header: Header) -> Header {
        let read = match (self.stale, self.after.is_empty()) {
            (true, _) => ReadLevel::Stale,
            (false, false) => ReadLevel::Token,
            (false, true) => ReadLevel::Unspecified,
        };
        let min_durability = self.durability.map_or(0, durability_to_wire);
        Header { read: read.into(), min_durability, token: self.after.clone(), ..header }
    }
}

impl Table {
    /// The same table, whose answers have seen what the token stands for, or are
    /// refused: `SH2213` when that is lost, `SH2118` when it is another table's,
    /// `SH2119` when nobody there knows its history. Tokens are made of receipts:
    ///
    /// ```no_run
    /// # async fn example(table: client::Table) -> Result<(), client::Error> {
    /// let mut token = client::Token::default();
    /// token.add(table.put("hello", "world").await?.receipt.position());
    /// let row = table.after(&token).get("hello").await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn after(&self, token: &Token) -> Table {
        let after = if token.is_empty() { Bytes::new() } else { token.encode().into() };
        self.demanding(Demands { after, ..(*self.demands).clone() })
    }

    /// The same table, whose answers are worth at least this, or are refused with
    /// `SH2105` and nothing is done.
    #[must_use]
    pub fn at_least(&self, durability: Durability) -> Table {
        self.demanding(Demands { durability: Some(durability), ..(*self.demands).clone() })
    }

    /// The same table, whose reads may lack what was written lately; their
    /// receipts say so, and how old they may be.
    #[must_use]
    pub fn stale(&self) -> Table {
        self.demanding(Demands { stale: true, ..(*self.demands).clone() })
    }

    fn demanding(&self, demands: Demands) -> Table {
        Table { demands: Arc::new(demands), ..self.clone() }
    }

    /// What a request carries.
    pub(crate) fn header(&self, remaining: Duration) -> Header {
        self.demands.fill(self.client.inner.header(remaining))
    }

    /// The same, for an attempt that may be passed on or not.
    pub(crate) fn header_for(
        &self,
        remaining: Duration,
        op: Option<(OpId, u64)>,
        allow_forward: bool,
    ) -> Header {
        Header { allow_forward, ..self.header_of(remaining, op) }
    }

    /// The same, for a write.
    pub(crate) fn header_of(&self, remaining: Duration, op: Option<(OpId, u64)>) -> Header {
        self.demands.fill(self.client.inner.header_of(remaining, op))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Client;
    use model::{BootId, PartitionId, Position};

    #[test]
    fn demands_are_in_every_header_and_in_no_other_table_s() {
        let plain = Client::builder("localhost:1").build().expect("settings").table("t");
        let mut token = Token::default();
        assert_eq!(plain.after(&token).header(Duration::ZERO), plain.header(Duration::ZERO));
        token.add(Position { partition: PartitionId(1), boot: BootId(2), index: 3 });
        let asking = plain.after(&token).at_least(Durability::Local);
        for header in [asking.header(Duration::ZERO), asking.header_of(Duration::ZERO, None)] {
            assert_eq!(Token::decode(&header.token), Ok(token.clone()));
            assert_eq!((header.read(), header.min_durability), (ReadLevel::Token, 3));
        }
        assert_eq!(asking.stale().header(Duration::ZERO).read(), ReadLevel::Stale);
        assert!(asking.frame() > plain.frame() && plain.header(Duration::ZERO).token.is_empty());
    }
}
