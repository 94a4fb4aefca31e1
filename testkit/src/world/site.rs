//! A place where a node runs: what outlives its process, and what the world
//! does to it.

use super::clock::HostClock;
use super::disk::Pace;
use super::knobs::Knobs;
use super::ledger::Ledger;
use super::tale::Tale;
use super::witness::Applied;
use crate::fibers::HostId;
use env::sim::SimDisk;
use env::{Plants, Rng};
use model::{ClusterId, NodeId};
use partition_mgr::{Node, Vitals};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Weak};

/// How a node stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// No process.
    Down,
    /// Recovering.
    Starting,
    /// It takes requests.
    Serving,
    /// It would not start: the code and why.
    Refused(String),
}

/// What happens to calls on their way in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mischief {
    /// Of a hundred calls, so many are served late …
    pub reorder_percent: u64,
    /// … by up to so long.
    pub reorder_by_ms: u64,
    /// Of a hundred reads, so many are served twice.
    pub duplicate_percent: u64,
}

/// Cluster and node that the disk belongs to.
pub type Identity = (ClusterId, NodeId);

/// A place for a node.
pub struct Site {
    /// Its number.
    pub host: HostId,
    /// Its name on the network.
    pub name: String,
    /// What the seed decided.
    pub knobs: Knobs,
    /// Known mistakes switched on.
    pub plants: Plants,
    /// Who sees what is applied.
    pub applied: Applied,
    /// Who follows what is told of it.
    pub tale: Tale,
    rng: Rng,
    disk: RefCell<SimDisk>,
    boots: Cell<u64>,
    standing: RefCell<Standing>,
    /// Known once it has served: another disk is refused from then on.
    identity: Cell<Option<Identity>>,
    mischief: Cell<Mischief>,
    clock_rate_percent: Cell<u64>,
    clock_offset_ms: Cell<i64>,
    /// Of the process that runs now.
    now: RefCell<Now>,
    /// Where users' doings are written down.
    pub ledger: Rc<RefCell<Ledger>>,
}

/// Of the process that runs now.
#[derive(Default)]
struct Now {
    pace: Option<Arc<Pace>>,
    clock: Option<Arc<HostClock>>,
    node: Weak<Node>,
}

impl Site {
    /// A place with an empty disk.
    pub fn new(host: HostId, knobs: Knobs, plants: Plants, rng: &Rng) -> Rc<Site> {
        let (name, applied) = (format!("node-{host}"), Applied::default());
        Rc::new(Site {
            host,
            knobs,
            plants,
            rng: Rng::from_seed(rng.stream(&name).next_u64()),
            name,
            tale: Tale::default(),
            disk: RefCell::default(),
            boots: Cell::new(0),
            standing: RefCell::new(Standing::Down),
            identity: Cell::new(None),
            mischief: Cell::default(),
            clock_rate_percent: Cell::new(100),
            clock_offset_ms: Cell::new(0),
            now: RefCell::default(),
            ledger: Rc::new(RefCell::new(Ledger::new(applied.clone()))),
            applied,
        })
    }

    /// A stream of this process: it draws other numbers after each start.
    pub fn stream(&self, label: &str) -> env::rng::Stream {
        self.rng.stream(&format!("{label} of start {}", self.boots.get()))
    }

    /// The streams of this process.
    pub fn rng(&self) -> Rng {
        Rng::from_seed(self.stream("node").next_u64())
    }

    /// A process begins.
    pub fn begin(&self, clock: Arc<HostClock>, pace: Arc<Pace>) {
        self.boots.set(self.boots.get() + 1);
        self.set_standing(Standing::Starting);
        *self.now.borrow_mut() = Now { pace: Some(pace), clock: Some(clock), node: Weak::new() };
    }

    /// The process has ended.
    pub fn end(&self) {
        self.set_standing(Standing::Down);
        *self.now.borrow_mut() = Now::default();
        self.tale.interrupt();
        self.mischief.set(Mischief::default());
    }

    /// Its disk is known from now on.
    pub fn set_identity(&self, vitals: Vitals) {
        self.identity.set(Some((vitals.cluster, vitals.node)));
    }

    /// The process serves.
    pub fn serves(&self, node: &Arc<Node>) {
        self.now.borrow_mut().node = Arc::downgrade(node);
        self.set_standing(Standing::Serving);
    }

    /// How many times it was started.
    pub fn boots(&self) -> u64 {
        self.boots.get()
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        self.standing.borrow().clone()
    }

    /// It stands otherwise.
    pub fn set_standing(&self, standing: Standing) {
        super::trace::event(super::now(), format_args!("{} {standing:?}", self.name));
        *self.standing.borrow_mut() = standing;
    }

    /// Whose disk it should be, once that is known.
    pub fn identity(&self) -> Option<Identity> {
        self.identity.get()
    }

    /// The node that runs, if one serves.
    pub fn node(&self) -> Option<Arc<Node>> {
        self.now.borrow().node.upgrade()
    }

    /// The disk in it.
    pub fn disk(&self) -> SimDisk {
        self.disk.borrow().clone()
    }

    /// Puts another disk in.
    pub fn set_disk(&self, disk: SimDisk) {
        *self.disk.borrow_mut() = disk;
    }

    /// The pace of its disk, while a process runs.
    pub fn pace(&self) -> Option<Arc<Pace>> {
        self.now.borrow().pace.clone()
    }

    /// What happens to calls.
    pub fn mischief(&self) -> Mischief {
        self.mischief.get()
    }

    /// Something else happens to them.
    pub fn set_mischief(&self, mischief: Mischief) {
        self.mischief.set(mischief);
    }

    /// How its clocks go: the rate of a hundred, and the wall's offset.
    pub fn clock(&self) -> (u64, i64) {
        (self.clock_rate_percent.get(), self.clock_offset_ms.get())
    }

    /// They go otherwise: the wall from now on, the rate from the next start on.
    pub fn set_clock(&self, rate_percent: u64, offset_ms: i64) {
        self.clock_rate_percent.set(rate_percent);
        self.clock_offset_ms.set(offset_ms);
        if let Some(clock) = &self.now.borrow().clock {
            clock.set_wall_offset(offset_ms);
        }
    }
}
