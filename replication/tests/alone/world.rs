//! Nodes, the links between them, and the time.

use super::node::{Node, PARTITION};
use bytes::Bytes;
use env::Clock;
use env::sim::SimClock;
use model::{Index, NodeId, Record, ReplicaId, ReplicaSet};
use replication::raft::{Envelope, Event, Members, wire};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// So often something may come of something else before time goes on.
const ROUNDS_MAX: u32 = 2_000;
pub const MS: u64 = 1_000_000;
/// The library gathers what it hears for a microsecond.
const PAUSE_NS: u64 = 1_000;

/// The world. What is said arrives at once.
#[derive(Default)]
pub struct World {
    pub clock: Arc<SimClock>,
    nodes: BTreeMap<u64, Node>,
    /// Nodes that nobody hears.
    pub cut: BTreeSet<u64>,
    /// Frames to each.
    pub said_to: BTreeMap<u64, u64>,
}

/// The wish that these nodes have a replica each.
pub fn wanted(generation: u64, nodes: &[u64]) -> ReplicaSet {
    ReplicaSet { generation, seats: nodes.iter().map(|id| (ReplicaId(10 + id), NodeId(*id))).collect() }
}

impl World {
    /// These make up a new group.
    pub fn founded(nodes: &[u64]) -> World {
        let mut world = World::default();
        for id in nodes {
            let members = Members::founding(&wanted(1, nodes));
            world.add(*id).open(Node::founded(0, members), 0);
        }
        world
    }

    /// One that leads itself.
    pub fn alone() -> World {
        let mut world = World::founded(&[1]);
        world.until("it leads", |world| world.leader() == Some(1));
        world
    }

    /// A node with a replica that has nothing.
    pub fn come(&mut self, id: u64) {
        self.add(id).open(Node::nothing(), 0);
    }

    fn add(&mut self, id: u64) -> &mut Node {
        let new = Node::new(id, &self.clock);
        self.nodes.entry(id).or_insert(new)
    }

    pub fn node(&mut self, id: u64) -> &mut Node {
        self.nodes.get_mut(&id).expect("there is such a node")
    }

    /// A node's process ends, and another goes on with what was written.
    pub fn restart(&mut self, id: u64) {
        let node = self.nodes.get_mut(&id).expect("there is such a node");
        node.crash(id, &self.clock);
        node.reopen(node.store.upto());
    }

    /// Who leads in the latest term.
    pub fn leader(&self) -> Option<u64> {
        let leads = self.nodes.iter().filter_map(|(id, node)| Some((node.leads()?, *id)));
        leads.max().map(|(_, id)| id)
    }

    /// Was it told this?
    pub fn told(&self, id: u64, event: &Event) -> bool {
        self.nodes[&id].heard.contains(event)
    }

    /// Has everybody this much?
    pub fn all_have(&self, records: &[Record]) -> bool {
        self.nodes.values().all(|node| node.store.records == records)
    }

    /// The leader proposes this much; everybody comes to have it, and the same before.
    pub fn commits(&mut self, counts: &[u32]) {
        let leader = self.leader().expect("somebody leads");
        let records: Vec<Record> = counts.iter().map(|count| self.node(leader).propose(*count)).collect();
        self.until("everybody has it", |world| {
            let all = &world.nodes[&leader].store.records;
            all.ends_with(&records) && world.all_have(all)
        });
    }

    /// What a node's store has up to here is flushed, and its log need not have it. It
    /// goes when the next flush is told, too: only then the library knows of this one.
    pub fn lets_go(&mut self, id: u64, upto: Index) {
        for _ in 0..2 {
            self.node(id).groups.purge(PARTITION, upto);
            self.settle();
        }
    }

    /// All that happens before any of the waits that were asked for is over.
    pub fn settle(&mut self) {
        for _ in 0..ROUNDS_MAX {
            let is_busy = self.round();
            let pause = self.clock.mono().0 + PAUSE_NS;
            match self.wakes_at().filter(|at| *at <= pause && !is_busy) {
                Some(at) => self.clock.go_to(at),
                None if !is_busy => return,
                None => {}
            }
        }
        panic!("they do not come to rest");
    }

    fn wakes_at(&self) -> Option<u64> {
        self.nodes.values().filter_map(|node| Some(node.groups.wakes_at()?.0)).min()
    }

    fn round(&mut self) -> bool {
        let (mut busy, mut said) = (false, Vec::new());
        for (id, node) in &mut self.nodes {
            let (messages, more) = node.turn();
            busy |= more;
            said.extend(frames(*id, messages));
        }
        for (from, to, frame) in said {
            *self.said_to.entry(to).or_default() += 1;
            let is_cut = self.cut.contains(&from) || self.cut.contains(&to);
            let Some(node) = self.nodes.get_mut(&to).filter(|_| !is_cut) else { continue };
            let envelopes = wire::decode(NodeId(from), frame).expect("what a node has written");
            envelopes.into_iter().for_each(|envelope| node.groups.deliver(envelope));
        }
        self.fetch();
        busy
    }

    /// Whoever was told to fetch an export has it at once.
    fn fetch(&mut self) {
        let behind = |(id, node): (&u64, &Node)| match node.heard.last() {
            Some(Event::Behind { leader }) if !node.left_alone => Some((*id, leader.0)),
            _ => None,
        };
        let behind: Vec<(u64, u64)> = self.nodes.iter().filter_map(behind).collect();
        for (id, leader) in behind {
            let export = self.node(leader).export();
            self.node(id).fetched(export);
            self.node(id).heard.pop();
        }
    }

    /// Time goes on to when the next of them has to run. False where that is later
    /// than this.
    pub fn wake(&mut self, latest: u64) -> bool {
        let Some(next) = self.wakes_at().filter(|next| *next <= latest) else { return false };
        assert!(next > self.clock.mono().0, "whoever waits for a moment that has been does not rest");
        self.clock.go_to(next);
        self.settle();
        true
    }

    /// Time goes on.
    pub fn pass(&mut self, ms: u64) {
        let end = self.clock.mono().0 + ms * MS;
        self.settle();
        while self.wake(end) {}
        self.clock.go_to(end);
        self.settle();
    }

    /// Time goes on until it is so.
    pub fn until(&mut self, what: &str, is_so: impl Fn(&World) -> bool) {
        let end = self.clock.mono().0 + 60_000 * MS;
        self.settle();
        while !is_so(self) {
            assert!(self.wake(end), "it does not come to be so: {what}");
        }
    }

    pub fn want(&mut self, wanted: &ReplicaSet) {
        self.nodes.values_mut().for_each(|node| node.groups.want(PARTITION, wanted.clone()));
    }
}

/// What a node says, as frames for each of the others.
fn frames(from: u64, messages: Vec<Envelope>) -> Vec<(u64, u64, Bytes)> {
    let mut for_each: BTreeMap<u64, Vec<Envelope>> = BTreeMap::new();
    for envelope in messages {
        for_each.entry(envelope.node.0).or_default().push(envelope);
    }
    let frames = |(to, envelopes)| wire::encode(envelopes).into_iter().map(move |frame| (from, to, frame));
    for_each.into_iter().flat_map(frames).collect()
}
