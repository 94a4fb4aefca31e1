//! What the library is told about us: the types it works on, and how it is set.

use super::fate::Fate;
use super::runtime::ShardRuntime;
use model::{NodeId, Record, ReplicaId};
use openraft::alias;
use openraft::impls::leader_id_std::LeaderId;
use openraft::impls::{BoxedErrorSource, InlineBatch};
use openraft::{Config, EntryPayload, RaftTypeConfig, SnapshotPolicy, StepDownPolicy, Vote};
use std::collections::BTreeMap;
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
    /// All of them vote.
    pub fn voters(voters: impl IntoIterator<Item = (ReplicaId, NodeId)>) -> Members {
        let seats = voters.into_iter().map(|(replica, node)| (replica.0, Seat { node: node.0 }));
        Members(Membership::from(seats.collect::<BTreeMap<_, _>>()))
    }

    pub(crate) fn seats(&self) -> BTreeMap<u64, Seat> {
        self.0.nodes().map(|(replica, seat)| (*replica, *seat)).collect()
    }

    /// Where a replica is.
    pub fn node_of(&self, replica: ReplicaId) -> Option<NodeId> {
        self.0.get_node(&replica.0).map(|seat| seat.node())
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
