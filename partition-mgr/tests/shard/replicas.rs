//! Three shards with replicas of one partition: who may write, what becomes of what
//! was written when that changes, and who may be read.

use crate::world::World;
use model::{Code, Durability, Epoch, Index, Limits, NodeId, PartitionId, ReplicaId, ReplicaSet, code};
use partition::Leader;
use partition_mgr::shard::{LogOutcome, Message, Order, Replica};
use pipeline::Answer;
use replication::raft::{Envelope, Members, Recovered, Start, Timing, wire};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

const ID: PartitionId = PartitionId(1);
const MS: u64 = 1_000_000;

/// Three of them, whose logs and ways are quick.
struct Cluster {
    hosts: Vec<World>,
    waiting: Vec<VecDeque<Message>>,
    /// Nobody hears them, and they hear nobody.
    cut: BTreeSet<usize>,
    /// Their logs have not answered these.
    unsynced: Vec<Vec<Message>>,
    /// Their logs do not answer.
    slow: BTreeSet<usize>,
    /// Their logs have no room.
    full: BTreeSet<usize>,
    now_ms: u64,
    answers: BTreeMap<u64, Answer>,
}

impl Cluster {
    fn new() -> Cluster {
        let limits = Limits::default();
        let hosts: Vec<World> = (0..3).map(|number| World::numbered(number, &limits)).collect();
        let seats = (0..3).map(|node| (ReplicaId(node + 1), NodeId(node))).collect();
        let wanted = ReplicaSet { generation: 1, seats };
        let timing = Timing { heartbeat_ms: 50, election_ms: (150, 300), append_patience_ms: 1_000 };
        let open = |(number, host): (u64, &World)| {
            let recovered = Recovered::founded(ID, 1, 0, Members::founding(&wanted));
            let start = Start { replica: ReplicaId(number + 1), applied: 0, rests_on: None, timing };
            let (partition, wanted) = (host.replica(1), wanted.clone());
            let replica = Replica { partition, recovered, start, wanted };
            VecDeque::from([Message::Order(Order::OpenReplica(Box::new(replica)))])
        };
        let waiting = (0..).zip(&hosts).map(open).collect();
        Cluster {
            hosts,
            waiting,
            cut: BTreeSet::new(),
            unsynced: (0..3).map(|_| Vec::new()).collect(),
            slow: BTreeSet::new(),
            full: BTreeSet::new(),
            now_ms: 0,
            answers: BTreeMap::new(),
        }
    }

    /// A millisecond passes.
    fn pass(&mut self) {
        self.now_ms += 1;
        for host in 0..self.hosts.len() {
            self.hosts[host].clock.go_to(self.now_ms * MS);
            if !self.slow.contains(&host) {
                let synced = std::mem::take(&mut self.unsynced[host]);
                self.waiting[host].extend(synced);
            }
            let messages = self.waiting[host].drain(..).collect();
            let effects = self.hosts[host].step(messages);
            let outcome = if self.full.contains(&host) { LogOutcome::Full } else { LogOutcome::Durable };
            let jobs = effects.log.into_iter();
            self.unsynced[host].extend(jobs.map(|job| Message::Log(job.ticket, outcome)));
            self.carry(host, effects.messages);
            self.answers.extend(self.hosts[host].whole_answers());
        }
    }

    fn carry(&mut self, from: usize, messages: Vec<Envelope>) {
        for envelope in messages {
            let to = envelope.node.0 as usize;
            if self.cut.contains(&from) || self.cut.contains(&to) {
                continue;
            }
            for frame in wire::encode(vec![envelope]) {
                let said = wire::decode(NodeId(from as u64), frame).expect("what a host has written");
                self.waiting[to].push_back(Message::Peers(said));
            }
        }
    }

    fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut Cluster) -> bool) {
        for _ in 0..5_000 {
            if is_so(self) {
                return;
            }
            self.pass();
        }
        panic!("not within five seconds: {what}");
    }

    /// Who leads, of those who are not cut off.
    fn leader(&mut self) -> usize {
        let mut found = None;
        self.until("a leader", |cluster| {
            let mut there = (0..3).filter(|host| !cluster.cut.contains(host));
            found = there.find(|host| cluster.role(*host) == Some(Leader::Here));
            found.is_some()
        });
        found.expect("just found")
    }

    fn role(&self, host: usize) -> Option<Leader> {
        Some(self.hosts[host].shard.partition(ID)?.published().leader())
    }

    fn ask(&mut self, host: usize, token: u64, count: u32) {
        let message = self.hosts[host].request(1, token, count, false);
        self.waiting[host].push_back(message);
    }

    fn answer(&mut self, token: u64) -> Answer {
        self.until("an answer", |cluster| cluster.answers.contains_key(&token));
        self.answers.remove(&token).expect("just seen")
    }

    fn done(&mut self, token: u64) -> (Index, Epoch, Durability) {
        let done = self.answer(token).expect("it is done");
        (done.last_index(), done.epoch, done.durability)
    }

    fn refused(&mut self, token: u64) -> Code {
        self.answer(token).expect_err("it is refused").code()
    }

    fn applied(&self) -> Vec<Index> {
        self.hosts.iter().map(|host| host.store.applied(ID).expect("held")).collect()
    }
}

#[test]
fn a_quorum_has_what_is_answered_and_everybody_gets_it() {
    let mut cluster = Cluster::new();
    let leader = cluster.leader();
    cluster.ask(leader, 1, 2);
    cluster.ask(leader, 2, 3);
    assert_eq!(cluster.done(1).0, 2);
    let (last, epoch, durability) = cluster.done(2);
    assert_eq!((last, epoch.generation, durability), (5, 1, Durability::Quorum));
    assert!(epoch.term > 0);
    cluster.until("everybody has it", |cluster| cluster.applied() == [5, 5, 5]);
}

#[test]
fn only_the_leader_is_written_and_others_say_where_it_is() {
    let mut cluster = Cluster::new();
    let leader = cluster.leader();
    let other = (leader + 1) % 3;
    cluster.until("it is known", |cluster| cluster.role(other) == Some(Leader::On(NodeId(leader as u64))));
    cluster.ask(other, 1, 1);
    assert_eq!(cluster.refused(1), code::BAD_NODE);
    // Who has just begun has heard of nobody.
    let mut cluster = Cluster::new();
    cluster.pass();
    cluster.ask(0, 1, 1);
    assert_eq!(cluster.refused(1), code::NO_LEADER);
}

#[test]
fn a_read_is_confirmed_by_a_quorum_and_sees_what_was_answered_before() {
    let mut cluster = Cluster::new();
    let leader = cluster.leader();
    cluster.ask(leader, 1, 4);
    assert_eq!(cluster.done(1).0, 4);
    cluster.ask(leader, 2, 0);
    assert_eq!(cluster.done(2).0, 4);
    cluster.ask((leader + 1) % 3, 3, 0);
    assert_eq!(cluster.refused(3), code::BAD_NODE);
    // Without a quorum nobody knows whether it leads still.
    cluster.cut = BTreeSet::from([leader]);
    cluster.ask(leader, 4, 0);
    let successor = cluster.leader();
    cluster.ask(successor, 5, 1);
    assert_eq!(cluster.done(5).0, 5);
    assert!(cluster.answer(4).is_err(), "it would not see 5");
}

#[test]
fn what_nobody_else_has_is_refused_once_its_place_is_taken() {
    let mut cluster = Cluster::new();
    let leader = cluster.leader();
    cluster.ask(leader, 1, 1);
    assert_eq!(cluster.done(1).0, 1);
    cluster.cut = BTreeSet::from([leader]);
    cluster.ask(leader, 2, 2);
    let successor = cluster.leader();
    cluster.ask(successor, 3, 3);
    assert_eq!(cluster.done(3).0, 4);
    assert!(!cluster.answers.contains_key(&2), "nobody there knows");
    cluster.cut.clear();
    assert_eq!(cluster.refused(2), code::BAD_NODE);
    cluster.until("everybody has it", |cluster| cluster.applied() == [4, 4, 4]);
}

#[test]
fn what_a_successor_finds_in_its_log_is_answered_by_whoever_was_asked() {
    let mut cluster = Cluster::new();
    let leader = cluster.leader();
    cluster.ask(leader, 1, 1);
    assert_eq!(cluster.done(1).0, 1);
    // The others have it on disk, and their word does not reach the leader.
    cluster.slow = BTreeSet::from([0, 1, 2]);
    cluster.ask(leader, 2, 2);
    (0..3).for_each(|_| cluster.pass());
    cluster.cut = BTreeSet::from([leader]);
    cluster.slow.clear();
    let successor = cluster.leader();
    cluster.until("it is settled there", |cluster| cluster.applied()[successor] == 3);
    assert!(!cluster.answers.contains_key(&2), "nobody there knows");
    cluster.cut.clear();
    assert_eq!(cluster.done(2).0, 3);
}

#[test]
fn a_follower_on_a_full_disk_catches_up_when_there_is_room() {
    let mut cluster = Cluster::new();
    let leader = cluster.leader();
    let other = (leader + 1) % 3;
    cluster.full = BTreeSet::from([other]);
    for token in 1..20 {
        cluster.ask(leader, token, 1);
        assert_eq!(cluster.done(token).0, token);
    }
    assert_eq!(cluster.applied()[other], 0);
    cluster.full.clear();
    cluster.until("it has everything", |cluster| cluster.applied() == [19, 19, 19]);
}

#[test]
fn a_leader_on_a_full_disk_says_so_and_goes_on_when_there_is_room() {
    let mut cluster = Cluster::new();
    let leader = cluster.leader();
    cluster.ask(leader, 1, 1);
    assert_eq!(cluster.done(1).0, 1);
    cluster.full = BTreeSet::from([leader]);
    cluster.ask(leader, 2, 1);
    (0..20).for_each(|_| cluster.pass());
    cluster.ask(leader, 3, 1);
    let code = cluster.refused(3);
    assert!([code::LOG_FULL, code::BAD_NODE, code::NO_LEADER].contains(&code), "{code}");
    cluster.full.clear();
    (0..600).for_each(|_| cluster.pass());
    let leader = cluster.leader();
    cluster.ask(leader, 4, 1);
    let last = cluster.done(4).0;
    cluster.until("everybody has it", |cluster| cluster.applied() == [last; 3]);
}
