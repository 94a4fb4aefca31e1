//! A place where a node of the cluster runs: what outlives its process.

use super::operators::Operators;
use crate::fibers::HostId;
use crate::world::Pace;
use crate::world::knobs::Knobs;
use coordinator::Desired;
use env::sim::{SimClock, SimDisk};
use env::{Plants, Rng};
use model::{ClusterId, DiskId, NodeId};
use partition_mgr::{DataDir, Expect, Node};
use std::cell::{Cell, RefCell};
use std::num::NonZeroU8;
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Weak};

/// Where a node keeps its data.
pub const DATA: &str = "/node";
/// Which cluster it is.
pub const CLUSTER: ClusterId = ClusterId(77);

/// A place for a node.
pub struct Seat {
    /// Its number, from 1.
    pub host: HostId,
    /// Its name on the network.
    pub name: String,
    /// What the seed decided.
    pub knobs: Knobs,
    /// Known mistakes switched on.
    pub plants: Plants,
    /// What all of them are told.
    pub desired: RefCell<Desired>,
    /// Who changes that, at any of them.
    pub operators: Operators,
    /// The disk that it was set up on.
    pub disk_id: DiskId,
    rng: Rng,
    disk: RefCell<SimDisk>,
    boots: Cell<u64>,
    /// Why it would not start.
    pub refused: RefCell<Option<String>>,
    /// Is there a process?
    pub runs: Cell<bool>,
    pub pace: RefCell<Option<Arc<Pace>>>,
    node: RefCell<Weak<Node>>,
}

impl Seat {
    /// With a disk that is set up.
    pub fn new(host: HostId, knobs: Knobs, plants: Plants, rng: &Rng, operators: &Operators) -> Rc<Seat> {
        let name = format!("node-{host}");
        let disk = SimDisk::new();
        let env = env::sim::env(u64::from(host), &disk, &Arc::new(SimClock::default()));
        let (node, stores) = (Some(NodeId(host.into())), NonZeroU8::MIN);
        let expect = Expect { cluster: Some(CLUSTER), node, stores, disk: None, may_set_up: true };
        let set_up = DataDir::open(&env, Path::new(DATA), expect).expect("a plain disk");
        let disk_id = set_up.disk();
        drop(set_up);
        Rc::new(Seat {
            host,
            knobs,
            plants,
            rng: Rng::from_seed(rng.stream(&name).next_u64()),
            name,
            desired: RefCell::default(),
            operators: operators.clone(),
            disk_id,
            disk: RefCell::new(disk.after_process_death()),
            boots: Cell::new(0),
            refused: RefCell::default(),
            runs: Cell::new(false),
            pace: RefCell::default(),
            node: RefCell::default(),
        })
    }

    /// Which node it is.
    pub fn id(&self) -> NodeId {
        NodeId(self.host.into())
    }

    /// A process begins.
    pub fn begin(&self, pace: Arc<Pace>) {
        self.boots.set(self.boots.get() + 1);
        self.runs.set(true);
        *self.pace.borrow_mut() = Some(pace);
    }

    /// It has ended.
    pub fn end(&self) {
        self.runs.set(false);
        *self.pace.borrow_mut() = None;
        *self.node.borrow_mut() = Weak::new();
        *self.refused.borrow_mut() = None;
    }

    /// It serves.
    pub fn serves(&self, node: &Arc<Node>) {
        *self.node.borrow_mut() = Arc::downgrade(node);
    }

    /// The node, while one serves.
    pub fn node(&self) -> Option<Arc<Node>> {
        self.node.borrow().upgrade()
    }

    /// A stream of this process: it draws other numbers after each start.
    pub fn stream(&self, label: &str) -> env::rng::Stream {
        self.rng.stream(&format!("{label} of start {}", self.boots.get()))
    }

    /// The disk in it.
    pub fn disk(&self) -> SimDisk {
        self.disk.borrow().clone()
    }

    /// What a crash has left of it.
    pub fn set_disk(&self, disk: SimDisk) {
        self.disk.borrow().scrap();
        *self.disk.borrow_mut() = disk;
    }
}
