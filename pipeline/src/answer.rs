//! What a sender gets: where its commands stand in history, or why they do not.

use crate::retries::Answered;
use bytes::Bytes;
use env::Mono;
use model::{Code, Durability, Epoch, Index, NodeId, PartitionId, code};

/// The answer to one request.
pub type Answer = Result<Done, Refusal>;

/// The commands are in history, applied, and as durable as said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// Whose history.
    pub partition: PartitionId,
    /// Under which owner.
    pub epoch: Epoch,
    /// The first command's index.
    pub first_index: Index,
    /// How many indexes it took.
    pub count: u32,
    /// What it is worth.
    pub durability: Durability,
    /// What became of each command; empty when each was done now and the machine
    /// had nothing to say.
    pub replies: Vec<Reply>,
    /// Where the time went.
    pub timings: Timings,
}

impl Done {
    /// The last command's index.
    pub fn last_index(&self) -> Index {
        self.first_index + Index::from(self.count) - 1
    }

    /// What became of a command, by its place in the request.
    pub fn reply(&self, at: usize) -> Reply {
        self.replies.get(at).cloned().unwrap_or(Reply::Now(Bytes::new()))
    }
}

/// What became of one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It was done now: the machine's reply.
    Now(Bytes),
    /// It had been done: this was the answer.
    Before(Answered),
    /// It was not done.
    Refused(Code),
}

impl Reply {
    /// Is there nothing to say but that it was done?
    pub fn is_plain(&self) -> bool {
        matches!(self, Reply::Now(reply) if reply.is_empty())
    }
}

/// When a request left each stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// It came in.
    pub arrived: Mono,
    /// It was given its place in a record.
    pub dispatched: Mono,
    /// The record was durable.
    pub logged: Mono,
    /// The record was applied.
    pub applied: Mono,
}

/// Why commands are not in history, or may not be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody is waiting any more.
    #[error("the deadline passed before the request entered history")]
    Late,
    /// The sender believes in another epoch.
    #[error("the request expects epoch {expected}, the partition is at {current}")]
    Epoch {
        /// What the sender believes.
        expected: Epoch,
        /// What is.
        current: Epoch,
    },
    /// The table's profile does not give what the sender demands.
    #[error("the request demands durability `{demanded}`, the table gives `{given}`")]
    Durability {
        /// What the sender demands.
        demanded: Durability,
        /// What the profile gives.
        given: Durability,
    },
    /// There is no room on the log's disk.
    #[error("there is no room on the log's disk")]
    Full,
    /// Another replica writes.
    #[error("another replica leads the partition{}", said(*leader))]
    Elsewhere {
        /// On this node, if that is known.
        leader: Option<NodeId>,
    },
    /// Nobody takes it in.
    #[error("too much waits already")]
    Overloaded,
    /// The partition takes in nothing more.
    #[error("the partition is being stopped")]
    Stopping,
    /// It entered history, and nobody can say whether it will be found there.
    #[error("the partition stopped before the outcome was known: {0}")]
    Unknown(String),
}

fn said(leader: Option<NodeId>) -> String {
    leader.map_or(", and who is not known yet".to_owned(), |node| format!(": that on node {node}"))
}

impl Refusal {
    /// Its code.
    pub fn code(&self) -> Code {
        match self {
            Refusal::Late => code::DEADLINE_EXCEEDED,
            Refusal::Epoch { .. } => code::EPOCH_MISMATCH,
            Refusal::Durability { .. } => code::DURABILITY_NOT_OFFERED,
            Refusal::Full => code::LOG_FULL,
            Refusal::Elsewhere { leader: Some(_) } => code::BAD_NODE,
            Refusal::Elsewhere { leader: None } => code::NO_LEADER,
            Refusal::Overloaded => code::OVERLOADED,
            Refusal::Stopping => code::NO_PARTITION,
            Refusal::Unknown(_) => code::UNKNOWN_OUTCOME,
        }
    }
}
