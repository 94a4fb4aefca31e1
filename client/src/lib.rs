//! The Rust SDK of Statehouse.
//!
//! It is: a [`Client`] with [`Table`]s to read, write and [`Watch`], a [`View`]
//! that keeps rows in this process, a [`Batcher`] that lets the calls of many
//! tasks travel together, and [`Control`].
//! It is not: a place that knows what is in a value.
//!
//! ```text
//! Client ─► Table ─────────► one call, one request     ┐
//!   │         ├─► Scan ────► one call, many answers    │
//!   │         ├─► Load ────► rows in order, in bulk    │
//!   │         ├─► Removal ─► a range, step by step     │
//!   │         ├─► Watch ───► the same, without an end  │
//!   │         └─► Batcher ─► many calls, one stream    ├─► Connections ─► server
//!   └─────► Control ───────► one call, one request     ┘
//! ```
//!
//! ```no_run
//! # async fn example() -> Result<(), client::Error> {
//! let client = client::Client::builder("127.0.0.1:7400").build()?;
//! let table = client.table("kv");
//! let written = table.put("hello", "world").await?;
//! let row = table.get("hello").await?;
//! assert_eq!(row.map(|row| row.revision), Some(written.revision));
//! # Ok(())
//! # }
//! ```
//!
//! **A write is done once.** It has a name under which it is sent again, by the
//! client itself and within the deadline, when it was refused for now or its
//! answer got lost; a node that has done it answers as it did before. What is
//! still not known at the deadline is `SH2203`: done once or not at all.

mod answer;
mod apply;
mod batch;
mod builder;
mod change;
mod connections;
mod control;
mod counter;
mod demands;
mod endpoint;
mod error;
mod follow;
mod lease;
mod load;
mod map;
mod ops;
mod parts;
mod removal;
mod retrying;
mod runtime;
mod scan;
mod scope;
mod sending;
mod size;
mod table;
mod terms;
mod transport;

pub use answer::{Changed, Removed, Row, Written};
pub use apply::{Applied, Told};
pub use batch::{Batcher, Batching};
pub use builder::Builder;
pub use change::{Act, Change};
pub use control::Control;
pub use counter::{Counted, Counter, Limits};
pub use endpoint::Endpoint;
pub use error::Error;
pub use follow::{
    Before, Event, Events, KeyedRow, Positions, Shown, State, Tail, Tailing, View, Watch, Watched, Watching,
};
pub use lease::{Held, Leases};
pub use load::{Load, Loading, Mark};
pub use model::{Condition, Durability, EventKind, Layout, OpId, PartitionId, Position, Token};
pub use proto::convert::Receipt;
pub use proto::{BadNode, Retry};
pub use removal::{Removal, Step};
pub use scan::{Entry, Page, Scan};
pub use scope::Scope;
pub use table::Table;

use connections::Connections;
use map::Whereabouts;
use ops::Operations;
use proto::common::{Header, OpId as WireOpId};
use retrying::Retrying;
use std::sync::Arc;
use std::time::Duration;

/// Connections to a server, and how to use them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    data: Arc<Connections>,
    /// Who leads what, where a client finds its way by itself.
    map: Option<Whereabouts>,
    control: Result<Connections, Error>,
    namespace: String,
    deadline: Duration,
    retrying: Retrying,
    /// None where writes are not named.
    operations: Option<Arc<Operations>>,
    /// Makes names for callers.
    own: Arc<Operations>,
}

impl Client {
    /// Settings for a client of the server at this data address: `host:port`,
    /// or the same behind `http://`. Of a cluster, several with commas between them:
    /// each connection is to one that answers.
    pub fn builder(endpoint: impl Into<String>) -> Builder {
        Builder::new(endpoint.into())
    }

    /// A table, whether it exists or not: the first call will tell.
    pub fn table(&self, name: impl Into<Arc<str>>) -> Table {
        Table::new(self.clone(), name.into())
    }

    /// A name for an operation of the caller's own, which may be written down and
    /// used by another process: [`Table::change_as`], [`Table::outcome`]. It is of
    /// use for half an hour.
    pub fn new_op(&self) -> OpId {
        self.inner.own.single()
    }

    /// How many items of writes it has sent again under their names, because an
    /// answer was lost. A node counts each in its history.
    pub fn resent(&self) -> u64 {
        self.inner.retrying.resent()
    }

    /// A table of counters, whether it exists or not.
    pub fn counter(&self, name: impl Into<Arc<str>>) -> Counter {
        Counter::new(self.table(name))
    }

    /// A table of leases, whether it exists or not.
    pub fn leases(&self, name: impl Into<Arc<str>>) -> Leases {
        Leases::new(self.table(name))
    }

    /// The control plane.
    pub fn control(&self) -> Control {
        Control::new(self.clone())
    }
}

impl Inner {
    /// When a call that begins now has taken as long as it may.
    fn expires(&self) -> runtime::Instant {
        runtime::now() + self.deadline
    }

    /// What every request carries.
    fn header(&self, remaining: Duration) -> Header {
        // At least 1: 0 would be the server's own default.
        let deadline_ms = u32::try_from(remaining.as_millis()).unwrap_or(u32::MAX).max(1);
        // Whoever it asks knows where to ask.
        Header { namespace: self.namespace.clone(), deadline_ms, allow_forward: true, ..Header::default() }
    }

    /// The same, for a write.
    fn header_of(&self, remaining: Duration, op: Option<(WireOpId, u64)>) -> Header {
        let (op, answered_upto) = op.unzip();
        let header = self.header(remaining);
        Header { op, answered_upto: answered_upto.unwrap_or_default(), ..header }
    }
}
