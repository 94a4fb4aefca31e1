//! The other nodes, as shards see them: what replicas here say goes to a lane of a
//! link, and what comes over links goes to the shards of whom it concerns.
//!
//! ```text
//! shard ─► Post::send ─► wire ─► Links (a lane by kind of message) ─► another node
//! another node ─► Hears::frame ─► wire ─► the inbox of each shard concerned
//!                                └─► calls, exports: by lane
//! ```
//!
//! Nothing here waits: what there is no room for is lost, as on any way, and the
//! replicas ask again.

use crate::calls::{Calls, Way, Word, word};
use crate::exports::Errands;
use crate::neighbours::Neighbours;
use crate::shard::{Inbox, Message, Post};
use bytes::Bytes;
use coordinator::NodeSpec;
use env::{Env, Listener, sometimes};
use model::{NodeId, PartitionId};
use partition::{Mailbox, Outlet, Unaccepted};
use peer::{Gate, Hears, Identity, Lane, Links, Patience};
use pipeline::Request;
use replication::raft::message::Message as Said;
use replication::raft::{Envelope, wire};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, Weak};
use tokio::sync::watch;

/// Where a node is reached.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    desired: String,
    /// As it has said itself since that was desired.
    told: Option<String>,
}

impl Address {
    fn now(&self) -> &str {
        self.told.as_ref().unwrap_or(&self.desired)
    }
}

/// Links to other nodes, while somebody serves them.
pub struct Peers {
    own: NodeId,
    gate: Arc<Gate>,
    /// Requests leave them alone once so much is in them; so do peers.
    inbox_max: usize,
    inboxes: OnceLock<Vec<Inbox>>,
    /// What is said of exports is theirs.
    errands: Errands,
    calls: Calls,
    neighbours: Neighbours,
    known: Mutex<BTreeMap<NodeId, Address>>,
    addresses: watch::Sender<BTreeMap<NodeId, String>>,
    links: RwLock<Option<Arc<Links>>>,
}

impl Peers {
    /// Of this node, which knows nobody.
    pub(crate) fn new(env: &Env, own: Identity, inbox_max: usize, errands: Errands) -> Arc<Peers> {
        // Answers to an earlier life's are nobody's.
        let first = env.rng.stream("calls").next_u64() >> 1;
        Arc::new_cyclic(|peers| Peers {
            own: own.node,
            calls: Calls::new(env.clock.clone(), Arc::new(ByLinks(peers.clone())), first),
            neighbours: Neighbours::new(env),
            gate: Arc::new(Gate::new(own)),
            inbox_max,
            inboxes: OnceLock::new(),
            errands,
            known: Mutex::default(),
            addresses: watch::Sender::default(),
            links: RwLock::default(),
        })
    }

    /// These shards hear what comes.
    pub(crate) fn attach(&self, inboxes: Vec<Inbox>) {
        // Once, before anybody speaks.
        let _ = self.inboxes.set(inboxes);
    }

    /// These make up the cluster.
    pub(crate) fn know(&self, nodes: &BTreeMap<NodeId, NodeSpec>) {
        let others = nodes.iter().filter(|(node, _)| **node != self.own);
        for (node, spec) in others.clone() {
            self.gate.know(*node, spec.disk, 0);
        }
        let mut known = self.known();
        let addresses = others.map(|(node, spec)| {
            let before = known.get(node).filter(|before| before.desired == spec.peers);
            let told = before.and_then(|before| before.told.clone());
            (*node, Address { desired: spec.peers.clone(), told })
        });
        let addresses: BTreeMap<NodeId, Address> = addresses.collect();
        for gone in known.keys().filter(|node| !addresses.contains_key(node)) {
            self.gate.forget(*gone);
        }
        *known = addresses;
        self.readdress(&known);
    }

    /// A node that was let in says where it is reached now: what is desired may not say
    /// it yet, and it has to be answered before that can be changed.
    fn hear_address(&self, node: NodeId, peers: &str) {
        let mut known = self.known();
        let address = known.get_mut(&node).filter(|known| !peers.is_empty() && known.now() != peers);
        let Some(address) = address else { return };
        sometimes!("a node was reached where it said that it is");
        address.told = Some(peers.to_owned());
        self.readdress(&known);
    }

    fn readdress(&self, known: &BTreeMap<NodeId, Address>) {
        let addresses: BTreeMap<NodeId, String> =
            known.iter().map(|(node, address)| (*node, address.now().to_owned())).collect();
        self.addresses.send_if_modified(|before| {
            let changes = *before != addresses;
            *before = addresses;
            changes
        });
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<NodeId, Address>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These may be asked for by other nodes.
    pub(crate) fn open_to_all(&self, mailboxes: BTreeMap<PartitionId, Mailbox<Message>>) {
        self.calls.serve(mailboxes);
    }

    /// Asks another node, which leads the partition. The outlet gets the answer, once.
    pub fn forward(
        &self,
        node: NodeId,
        partition: PartitionId,
        request: Request<()>,
        to: (Arc<dyn Outlet>, u64),
    ) -> Result<(), Unaccepted> {
        self.calls.send(node, partition, request, to)
    }

    /// Lets go of those that nobody will answer any more.
    pub(crate) fn sweep(&self) {
        self.calls.sweep();
    }

    /// Keeps up the links and takes in what comes over them, until it is dropped.
    pub async fn serve(self: Arc<Peers>, env: Env, listener: Box<dyn Listener>) {
        let hears: Arc<dyn Hears> = self.clone();
        let patience = Patience::default();
        let links = Arc::new(Links::new(env, self.gate.clone(), hears.clone(), patience));
        let _served = Served::begin(&self, links.clone());
        tokio::join!(
            peer::attend(listener, self.gate.clone(), hears, patience),
            follow(links, self.addresses.subscribe()),
        );
    }

    /// For what is long and in no hurry. What cannot be sent is lost.
    pub(crate) fn send_bulk(&self, node: NodeId, frame: Bytes) {
        if let Some(links) = self.links() {
            links.send(node, Lane::Bulk, frame);
        }
    }

    /// Tells a node something of the desired state. What cannot be sent is lost.
    pub(crate) fn tell(&self, node: NodeId, said: Word) {
        if let Some(links) = self.links() {
            links.send(node, Lane::Calls, word(said));
        }
    }

    /// What the others say of it.
    pub(crate) fn neighbours(&self) -> &Neighbours {
        &self.neighbours
    }

    fn links(&self) -> Option<Arc<Links>> {
        self.links.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_links(&self, links: Option<Arc<Links>>) {
        *self.links.write().unwrap_or_else(PoisonError::into_inner) = links;
    }

    fn inbox_of(&self, partition: PartitionId) -> Option<usize> {
        let inboxes = self.inboxes.get()?;
        Some((partition.0 % inboxes.len() as u64) as usize)
    }

    fn tell_all(&self, message: impl Fn() -> Message) {
        for inbox in self.inboxes.get().into_iter().flatten() {
            // One that has ended asks nobody any more; one that is full hears it the next
            // time, and its questions have deadlines meanwhile.
            let _ = inbox.try_send(message());
        }
    }
}

/// The lane for what clients ask.
struct ByLinks(Weak<Peers>);

impl Way for ByLinks {
    fn send(&self, node: NodeId, frame: Bytes) -> bool {
        let links = self.0.upgrade().and_then(|peers| peers.links());
        links.is_some_and(|links| links.send(node, Lane::Calls, frame))
    }
}

/// Links are there to send over, until this is dropped.
struct Served<'a>(&'a Peers);

impl Served<'_> {
    fn begin(peers: &Peers, links: Arc<Links>) -> Served<'_> {
        peers.set_links(Some(links));
        Served(peers)
    }
}

impl Drop for Served<'_> {
    fn drop(&mut self) {
        self.0.set_links(None);
    }
}

/// Links to whoever is there by now.
async fn follow(links: Arc<Links>, mut addresses: watch::Receiver<BTreeMap<NodeId, String>>) {
    let mut linked: BTreeMap<NodeId, String> = BTreeMap::new();
    loop {
        let now = addresses.borrow_and_update().clone();
        for gone in linked.keys().filter(|node| !now.contains_key(node)) {
            links.unlink(*gone);
        }
        now.iter().for_each(|(node, address)| links.link(*node, address));
        linked = now;
        if addresses.changed().await.is_err() {
            return;
        }
    }
}

impl Post for Peers {
    fn send(&self, messages: Vec<Envelope>) {
        let Some(links) = self.links() else { return };
        let mut ways: BTreeMap<(NodeId, Lane), Vec<Envelope>> = BTreeMap::new();
        for envelope in messages {
            ways.entry((envelope.node, lane_of(&envelope.message))).or_default().push(envelope);
        }
        for ((node, lane), envelopes) in ways {
            for frame in wire::encode(envelopes) {
                links.send(node, lane, frame);
            }
        }
    }
}

/// What is long does not keep what is urgent waiting.
fn lane_of(message: &Said) -> Lane {
    match message {
        Said::Append(..) => Lane::Append,
        Said::Ask(..) | Said::Answer(..) | Said::Appended(..) => Lane::Swift,
    }
}

impl Hears for Peers {
    fn frame(&self, from: &Identity, lane: Lane, frame: Bytes) -> Result<(), Bytes> {
        match lane {
            Lane::Swift | Lane::Append => self.take_in(from, frame),
            Lane::Bulk => self.errands.hear(from.node, frame),
            Lane::Calls => {
                let words = self.calls.hear(from.node, frame);
                for word in words {
                    if let Word::Tidings(_, peers) = &word {
                        self.hear_address(from.node, peers);
                    }
                    self.neighbours.hear(from.node, word);
                }
                Ok(())
            }
        }
    }

    fn up(&self, node: NodeId, lane: Lane) {
        tracing::info!(%node, ?lane, "a link is up");
    }

    fn down(&self, node: NodeId, lane: Lane, refused: bool) {
        if refused && lane == Lane::Swift {
            self.tell_all(|| Message::Ended(node));
        }
        match lane {
            Lane::Swift | Lane::Append => self.tell_all(|| Message::Lost(node)),
            Lane::Calls => self.calls.lose(node),
            Lane::Bulk => self.errands.lose(node),
        }
    }
}

impl Peers {
    /// Messages of replicas, for the shards concerned.
    fn take_in(&self, from: &Identity, frame: Bytes) -> Result<(), Bytes> {
        let Ok(envelopes) = wire::decode(from.node, frame.clone()) else {
            tracing::warn!(node = %from.node, bytes = frame.len(), "a message of a node cannot be read");
            return Ok(());
        };
        let mut by_inbox: BTreeMap<usize, Vec<Envelope>> = BTreeMap::new();
        for envelope in envelopes {
            let Some(at) = self.inbox_of(envelope.partition) else { return Ok(()) };
            by_inbox.entry(at).or_default().push(envelope);
        }
        let inboxes = self.inboxes.get().map_or(&[][..], Vec::as_slice);
        if by_inbox.keys().any(|at| inboxes[*at].len() >= self.inbox_max) {
            return Err(frame);
        }
        for (at, envelopes) in by_inbox {
            // There was room; where there is none any more, it is lost on its way.
            let _ = inboxes[at].try_send(Message::Peers(envelopes));
        }
        Ok(())
    }
}
