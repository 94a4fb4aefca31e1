//! A node: its data directory, log, stores and shards, started in order, led
//! from what is there to what should be, and ended in order.

mod adopting;
mod catalog;
mod change;
mod complaints;
mod copying;
mod exporting;
mod histories;
mod housekeeping;
mod keeper;
mod leaving;
mod listing;
mod membership;
mod opening;
mod reconcile;
mod reports;
mod start;
mod tables;
mod telling;
mod together;

pub use change::ChangeError;
pub use copying::Copied;
pub use listing::{Listed, ListedDrop, ListedState, Vitals};
pub use membership::{Admission, Neighbour, Neighbourhood};
pub use start::{Settings, StartError};

use crate::data_dir::{Boots, DataDir};
use crate::delta::Held;
use crate::desired::DesiredFile;
use crate::directory::{Directory, Handle};
use crate::exports::{Home, Staff};
use crate::meters::Meters;
use crate::peers::Peers;
use crate::shard::{Message, Order, ShardThread};
use crate::stores::Stores;
use bytes::Bytes;
use coordinator::Desired;
use env::{Env, Guard, Joiner, Lock};
use model::{BootId, Durability, Index, Limits, NodeId, PartitionId};
use pipeline::Rig;
use prometheus_client::registry::Registry;
use replication::raft::{Members, Recovered};
use reports::Reports;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use wal::{Inlet, Log};

/// A running node. Stopping it, or dropping it, ends it in order.
pub struct Node {
    core: Arc<Core>,
    // In the order in which they end.
    keeper: Option<keeper::Keeper>,
    housekeeper: Option<housekeeping::Housekeeper>,
    staff: Option<Staff>,
    shards: Vec<ShardThread>,
    log: Option<Log>,
}

/// What its threads share.
struct Core {
    env: Env,
    data_dir: DataDir,
    /// This one, and those before it.
    boots: Boots,
    limits: Limits,
    stores: Stores,
    inlet: Inlet,
    /// What the log's acknowledgements are worth.
    log_reaches: Durability,
    /// Which machines tables may have.
    machines: machine::Registry,
    inboxes: Vec<crate::shard::Inbox>,
    directory: Arc<Directory>,
    reports: Arc<Reports>,
    exports: Home,
    exports_held: exporting::ExportsHeld,
    peers: Arc<Peers>,
    state: Lock<State>,
    /// Where others reach this node, once that is known: other nodes, and clients.
    address: Lock<Option<(String, String)>>,
    /// Commands for the catalog so far.
    catalog_ops: AtomicU64,
    /// It is ending: nobody is waited for any more.
    ends: AtomicBool,
    /// How far the catalog was when it was last read.
    catalog_seen: Lock<Option<Index>>,
    /// Held while a table is copied. Taken before the state.
    copying: Lock<()>,
    started: env::Mono,
    /// The log's size when it was last looked at.
    log_bytes: AtomicU64,
    meters: Meters,
    log_meters: wal::Meters,
    rig: Rig,
}

/// What changes, one change at a time.
struct State {
    file: DesiredFile,
    desired: Desired,
    held: BTreeMap<PartitionId, Held>,
    handles: BTreeMap<PartitionId, Handle>,
    /// Whom the log knows and no store holds.
    strangers: BTreeSet<PartitionId>,
    /// Up to where the log has been told that stores hold each partition.
    purged: BTreeMap<PartitionId, Index>,
    /// What replicas were told of that, and how often.
    told: BTreeMap<PartitionId, (Index, u32)>,
    /// What replicas that are not served have told others.
    histories: BTreeMap<PartitionId, Recovered>,
    /// What stores rest on that were an export.
    bases: BTreeMap<PartitionId, Bytes>,
    /// What could not be done with a partition, and why. It is tried again.
    undone: BTreeMap<PartitionId, String>,
}

impl State {
    /// Nothing is served yet.
    fn new(
        file: DesiredFile,
        desired: Desired,
        held: BTreeMap<PartitionId, Held>,
        strangers: BTreeSet<PartitionId>,
        read: histories::Read,
        bases: BTreeMap<PartitionId, Bytes>,
    ) -> State {
        let (handles, purged, undone) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let told = BTreeMap::new();
        let histories = read.into_iter().filter_map(|(id, read)| Some((id, read.ok()?))).collect();
        State { file, desired, held, handles, strangers, purged, told, histories, bases, undone }
    }
}

impl Core {
    fn state(&self) -> Guard<'_, State> {
        self.state.hold()
    }

    fn inbox_of(&self, id: PartitionId) -> &crate::shard::Inbox {
        &self.inboxes[(id.0 % self.inboxes.len() as u64) as usize]
    }
}

impl Node {
    /// From keys to partitions.
    pub fn directory(&self) -> Arc<Directory> {
        self.core.directory.clone()
    }

    /// What shards and log count.
    pub fn register_meters(&self, registry: &mut Registry) {
        self.core.meters.register(registry);
        self.core.log_meters.register(registry);
    }

    /// Every bound that it keeps.
    pub fn limits(&self) -> &Limits {
        &self.core.limits
    }

    /// What the log's acknowledgements are worth.
    pub fn log_reaches(&self) -> Durability {
        self.core.log_reaches
    }

    /// The way to other nodes: to be served by whoever has a runtime.
    pub fn peers(&self) -> Arc<Peers> {
        self.core.peers.clone()
    }

    /// Which node of its cluster it is.
    pub fn id(&self) -> NodeId {
        self.core.data_dir.node()
    }

    /// Which start of the node this is: every receipt names it.
    pub fn boot(&self) -> BootId {
        self.core.boots.current()
    }

    /// Who makes up the groups of which there is a replica here, as far as it knows: for
    /// whoever decides where replicas are.
    pub fn settled(&self) -> BTreeMap<PartitionId, Members> {
        self.core.reports.settled()
    }

    /// Known mistakes switched on; none in production.
    pub fn plants(&self) -> env::Plants {
        self.core.rig.plants
    }

    /// What shards count.
    pub fn meters(&self) -> &Meters {
        &self.core.meters
    }

    /// Messages that wait for shards now.
    pub fn waiting(&self) -> usize {
        self.core.inboxes.iter().map(env::Sender::len).sum()
    }

    /// Does at once what housekeeping does twice a second.
    pub fn keep_house(&self) {
        self.core.keep_house(&mut complaints::Complaints::default());
    }

    /// Finishes what is under way and ends.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.core.ends.store(true, Ordering::Release);
        self.keeper = None;
        self.housekeeper = None;
        let serving: Vec<PartitionId> = self.core.state().handles.keys().copied().collect();
        for inbox in &self.core.inboxes {
            let _ = inbox.send(Message::Order(Order::CloseAll));
        }
        self.core.reports.wait_closed(&serving);
        // Not before: a replica may have waited for an export to take its store's place.
        self.staff = None;
        self.shards.clear();
        self.core.flush_what_no_log_has();
        // Writes, syncs and marks what it has.
        self.log = None;
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if self.log.is_some() {
            self.end();
        }
    }
}

/// Waits for a thread that is told to end by other means.
fn join(thread: Box<dyn Joiner>) {
    // A panic there has already been reported by the thread itself.
    let _ = thread.join();
}
