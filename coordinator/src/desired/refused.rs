//! Why a change of the desired state is refused.

use super::{OWN_NAMESPACE, TableName};
use model::{Code, Epoch, KEY_BYTES_MAX, KeyRange, NodeId, PartitionId, code};
use pipeline::ProfileError;

/// Why the desired state stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such table.
    #[error("there is no table `{0}`")]
    NoTable(String),
    /// The name is taken.
    #[error("there is a table `{0}` already")]
    TableExists(TableName),
    /// It has partitions.
    #[error("table `{table}` still has partition {partition}")]
    NotEmpty {
        /// Which table.
        table: TableName,
        /// One of them.
        partition: PartitionId,
    },
    /// No name.
    #[error("`{0}` is no name: use 1 to 128 letters, digits, `_`, `.`, `-`")]
    Name(String),
    /// No such machine.
    #[error("this build has no machine `{machine}`; it has: {known}")]
    NoMachine {
        /// What was asked for.
        machine: String,
        /// What there is.
        known: String,
    },
    /// The choices do not go together.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// More replicas than nodes.
    #[error("{replicas} replicas need as many nodes, and there are {nodes}")]
    TooFewNodes {
        /// What was asked for.
        replicas: usize,
        /// What there is.
        nodes: usize,
    },
    /// Nobody can join a node that is all there is.
    #[error("this node is no cluster that others may join: make it one with `statehouse cluster init`")]
    NoCluster,
    /// No such node, or on another disk.
    #[error("there is no node {0} on that disk")]
    NoNode(NodeId),
    /// No address.
    #[error("`{0}` is no address: give `HOST:PORT`, as others reach this node")]
    Address(String),
    /// Somebody is there already.
    #[error(
        "at `{address}` is node {node}, and on another disk: remove it before another one takes its place"
    )]
    AddressTaken {
        /// Where.
        address: String,
        /// Who.
        node: NodeId,
    },
    /// Nobody but the cluster itself changes its own tables.
    #[error("tables of the namespace `{OWN_NAMESPACE}` are the cluster's own")]
    Own,
    /// The id is, or was, somebody's.
    #[error("partition id {0} is or was in use")]
    IdInUse(PartitionId),
    /// 0 and the largest ids are not for partitions.
    #[error("{0} is no partition id")]
    NoId(PartitionId),
    /// Somebody has keys of the range.
    #[error("the range {range} overlaps {other} of partition {partition}")]
    Overlaps {
        /// What was asked for.
        range: Box<KeyRange>,
        /// Whose.
        partition: PartitionId,
        /// Its range.
        other: Box<KeyRange>,
    },
    /// No keys in it.
    #[error("the range is empty or inverted")]
    Range,
    /// A point is 8 bytes.
    #[error("a bound of a hashed table's range is a point of 8 bytes, big-endian")]
    Point,
    /// No key reaches so far.
    #[error("a bound of an ordered table's range is at most {KEY_BYTES_MAX} bytes, as keys are")]
    Bound,
    /// Nobody has that id, or that range.
    #[error("no partition {0}")]
    NoPartition(String),
    /// Several partitions, and one was expected.
    #[error("the range names {0} partitions; allow many to take them all")]
    Many(usize),
    /// It is at another epoch.
    #[error("partition {id} is at epoch {current}, not at {expected}")]
    Epoch {
        /// Which.
        id: PartitionId,
        /// What is.
        current: Epoch,
        /// What was expected.
        expected: Epoch,
    },
    /// It is not out of service.
    #[error("partition {0} is not in quarantine")]
    NotQuarantined(PartitionId),
    /// No table of that name was dropped, or it is not kept any more.
    #[error("no dropped table `{0}` is kept{of}", of = .1.map(|drop| format!(" as drop {drop}")).unwrap_or_default())]
    NotDropped(TableName, Option<u64>),
    /// Its rows are on several nodes.
    #[error(
        "table `{0}` is one of several nodes, and a copy of it cannot be made: export its rows, and import them"
    )]
    Copied(TableName),
    /// Not all of it is there.
    #[error("partition {partition} of the dropped table `{table}` has been erased")]
    Incomplete {
        /// Which table.
        table: TableName,
        /// One that is gone.
        partition: PartitionId,
    },
    /// Its table may yet be brought back.
    #[error(
        "partition {partition} belongs to the dropped table `{table}`, which is kept for {left_ms} ms more"
    )]
    Kept {
        /// Which table.
        table: TableName,
        /// Which of its partitions.
        partition: PartitionId,
        /// For how long.
        left_ms: u64,
    },
}

impl Refused {
    /// Its code.
    pub fn code(&self) -> Code {
        match self {
            Refused::NoTable(_) => code::NO_TABLE,
            Refused::TableExists(_) => code::TABLE_EXISTS,
            Refused::NotEmpty { .. } => code::TABLE_NOT_EMPTY,
            Refused::Name(_) | Refused::NoMachine { .. } | Refused::NoId(_) | Refused::Many(_) => {
                code::MALFORMED
            }
            Refused::Profile(_) | Refused::Copied(_) => code::PROFILE_REFUSED,
            Refused::NoCluster => code::NO_CLUSTER,
            Refused::NoNode(_) | Refused::Address(_) | Refused::AddressTaken { .. } => code::NOT_JOINED,
            Refused::Own => code::OWN_TABLE,
            Refused::TooFewNodes { .. } => code::TOO_FEW_NODES,
            Refused::IdInUse(_) => code::ID_IN_USE,
            Refused::Overlaps { .. } => code::RANGE_OVERLAPS,
            Refused::Range | Refused::Point | Refused::Bound => code::RANGE_INVALID,
            Refused::NoPartition(_) => code::NO_PARTITION,
            Refused::Epoch { .. } => code::EPOCH_MISMATCH,
            Refused::NotQuarantined(_) => code::NOT_QUARANTINED,
            Refused::NotDropped(..) => code::NOT_DROPPED,
            Refused::Incomplete { .. } => code::DROP_INCOMPLETE,
            Refused::Kept { .. } => code::DROP_KEPT,
        }
    }
}
