//! What the tests share: a disk, an opening, and what a caller was told.

use env::Env;
use env::sim::{SimClock, SimDisk};
use model::{ClusterId, DiskId, NodeId};
use partition_mgr::{DataDir, DataDirError, Expect};
use std::num::NonZeroU8;
use std::path::Path;
use std::sync::Arc;

/// Where the directory is on a simulated disk.
pub const D: &str = "/d";

/// Any cluster and any node will do.
pub fn anything() -> Expect {
    Expect { cluster: None, node: None, stores: stores(4), disk: None, may_set_up: true }
}

pub const fn stores(count: u8) -> NonZeroU8 {
    NonZeroU8::new(count).expect("not 0")
}

/// A world over the disk; another seed draws other ids.
pub fn sim(disk: &SimDisk, seed: u64) -> Env {
    env::sim::env(seed, disk, &Arc::new(SimClock::default()))
}

pub fn open(disk: &SimDisk, seed: u64) -> Result<DataDir, DataDirError> {
    DataDir::open(&sim(disk, seed), Path::new(D), anything())
}

/// What callers have been told of a directory so far. None of it may ever be
/// taken back, and no boot number may be told twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Told {
    identity: Option<(ClusterId, NodeId, DiskId, NonZeroU8)>,
    boot: u64,
}

impl Told {
    /// Checks an opening against what was told before, and remembers it.
    pub fn hear(&mut self, dir: &DataDir) {
        let identity = (dir.cluster(), dir.node(), dir.disk(), dir.stores());
        if let Some(before) = self.identity {
            assert_eq!(before, identity, "an identity that was told has changed");
            assert!(!dir.newly_set_up(), "set up although it was open before");
        }
        assert!(dir.boot() > self.boot, "boot {} was told before; now {}", self.boot, dir.boot());
        *self = Told { identity: Some(identity), boot: dir.boot() };
    }
}
