//! What all serving threads of a node share.

use crate::meters::Meters;
use env::Clock;
use partition_mgr::Node;
use partition_mgr::pool::Pool;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How calls are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Requests that may be under way on this node.
    pub requests_max: usize,
    /// For requests that name no deadline.
    pub deadline_ms: u32,
    /// A request that takes longer is logged with the time of each stage.
    pub slow_ms: u64,
    /// Requests of one `Stream` call that may be unanswered.
    pub stream_requests_max: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { requests_max: 65_536, deadline_ms: 10_000, slow_ms: 100, stream_requests_max: 4096 }
    }
}

/// A node as its serving threads see it.
pub struct House {
    /// The node.
    pub node: Arc<Node>,
    /// For reads that wait for a disk.
    pub reads: Pool,
    /// For control calls, one after another.
    pub changes: Pool,
    /// What is counted.
    pub meters: Meters,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// How calls are served.
    pub settings: Settings,
    under_way: AtomicUsize,
}

impl House {
    /// Opens it for a node.
    pub fn new(
        node: Arc<Node>,
        reads: Pool,
        changes: Pool,
        clock: Arc<dyn Clock>,
        settings: Settings,
    ) -> House {
        let meters = Meters::new();
        House { node, reads, changes, meters, clock, settings, under_way: AtomicUsize::new(0) }
    }

    /// A place for a request, until it is dropped; none when all are taken.
    pub(crate) fn place(self: &Arc<House>) -> Option<Place> {
        let before = self.under_way.fetch_add(1, Ordering::Relaxed);
        let place = Place { house: self.clone() };
        (before < self.settings.requests_max).then_some(place)
    }

    /// Requests that are under way.
    pub fn under_way(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }
}

/// A request's place among those under way.
pub(crate) struct Place {
    house: Arc<House>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.house.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}
