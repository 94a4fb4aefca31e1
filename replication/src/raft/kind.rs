//! What the library is told about us: the types it works on, and how it is set.

use super::fate::Fate;
use super::runtime::ShardRuntime;
use model::{NodeId, Record, ReplicaId, ReplicaSet};
use openraft::alias;
use openraft::impls::leader_id_std::LeaderId;
use openraft::impls::{BoxedErrorSource, InlineBatch};
use openraft::{Config, EntryPayload, RaftTypeConfig, SnapshotPolicy, StepDownPolicy, Vote};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The types that the library works on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind;

impl RaftTypeConfig for Kind {
    type D = Proposal;
    type R = ();
    /// A replica's id, which is never used for another replica.
    type NodeId = u64;
    type Node = Seat;
    type Term = u64;
    type LeaderId = LeaderId<u64, u64>;
    type Vote = Vote<LeaderId<u64, u64>>;
    type Payload = EntryPayload<Proposal, u64, Seat>;
    type Entry = alias::DefaultEntryOf<Kind>;
    type AsyncRuntime = ShardRuntime;
    type Responder<T>
        = Fate<T>
    where
        T: Send + 'static;
    type Batch<T>
        = InlineBatch<T>
    where
        T: Send + 'static;
    type ErrorSource = BoxedErrorSource;
}

pub(crate) type LogId = alias::LogIdOf<Kind>;
pub(crate) type Entry = alias::EntryOf<Kind>;
pub(crate) type Ballot = alias::VoteOf<Kind>;
pub(crate) type Membership = openraft::Membership<u64, Seat>;
pub(crate) type StoredMembership = alias::StoredMembershipOf<Kind>;
pub(crate) type CommittedLeader = alias::CommittedLeaderIdOf<Kind>;

/// The place of an entry in a group's history.
pub(crate) fn log_id(term: u64, position: u64) -> LogId {
    LogId::new(CommittedLeader::new(term), position)
}

/// A record on its way into history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal(pub Record);

impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}+{}", self.0.kind, self.0.first_index, self.0.count)
    }
}

/// Where a replica is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seat {
    pub(crate) node: u64,
    /// The wish that it has led by, or come by.
    pub(crate) generation: u64,
}

impl Seat {
    pub(crate) fn node(self) -> NodeId {
        NodeId(self.node)
    }
}

/// Who votes and who only listens, and where they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members(pub(crate) Membership);

impl Members {
    /// All that are wanted vote.
    pub fn founding(wanted: &ReplicaSet) -> Members {
        let ReplicaSet { generation, seats } = wanted;
        let seat = |node: &NodeId| Seat { node: node.0, generation: *generation };
        let seats: BTreeMap<u64, Seat> =
            seats.iter().map(|(replica, node)| (replica.0, seat(node))).collect();
        Members(Membership::from(seats))
    }

    /// The latest wish that this comes of: no earlier one is followed any more.
    pub fn generation(&self) -> u64 {
        self.0.nodes().map(|(_, seat)| seat.generation).max().unwrap_or(0)
    }

    /// The latest wish that this replica has led by, or come by; 0 if it is not there.
    pub fn generation_of(&self, replica: ReplicaId) -> u64 {
        self.0.get_node(&replica.0).map_or(0, |seat| seat.generation)
    }

    /// Those who vote; while one configuration gives way to another, those of the other.
    pub fn who_votes(&self) -> BTreeSet<ReplicaId> {
        self.0.get_joint_config().last().into_iter().flatten().copied().map(ReplicaId).collect()
    }

    /// Does one configuration give way to another?
    pub fn is_joint(&self) -> bool {
        self.0.get_joint_config().len() > 1
    }

    /// Everybody, and where they are.
    pub fn everybody(&self) -> BTreeMap<ReplicaId, NodeId> {
        self.0.nodes().map(|(replica, seat)| (ReplicaId(*replica), seat.node())).collect()
    }
}

/// How patient a group is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// A leader says so often that it is there.
    pub heartbeat_ms: u64,
    /// Who has not heard of a leader waits so long, at least and at most, before
    /// it asks to be one.
    pub election_ms: (u64, u64),
    /// An append that nobody answers for so long is taken for lost.
    pub append_patience_ms: u64,
}

impl Timing {
    /// The library's settings.
    ///
    /// `restore`: a leader that restarts goes on as one. It may have lost what it
    /// had given out and not flushed, and would give the same places out again.
    pub(crate) fn config(&self, name: String, restore: bool) -> Result<Config, openraft::ConfigError> {
        let config = Config {
            cluster_name: name,
            heartbeat_interval: self.heartbeat_ms,
            election_timeout_min: self.election_ms.0,
            election_timeout_max: self.election_ms.1,
            snapshot_policy: SnapshotPolicy::Never,
            install_snapshot_timeout: self.append_patience_ms,
            // What the store has not flushed is needed: only what is said is let go of.
            max_in_snapshot_log_to_keep: u64::MAX / 2,
            removed_leader_step_down: StepDownPolicy::Never,
            broadcast_submitted_on_append: Some(true),
            enable_pre_vote: Some(true),
            enable_leader_restore: Some(restore),
            allow_log_reversion: Some(false),
            ..Config::default()
        };
        config.validate()
    }
}
