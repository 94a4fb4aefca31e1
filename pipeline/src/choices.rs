//! Choices: where rows live, what makes a record durable, and what is kept of
//! what happened.

use std::fmt;
use std::str::FromStr;

/// Where rows live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StoreChoice {
    /// RocksDB.
    Rocks,
    /// The node's memory, with local checkpoints.
    Memory,
}

/// What makes a record durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogChoice {
    /// Nothing does.
    None,
    /// The store's own journal, synced in the write that applies the record.
    Store,
    /// The node's log, whenever that syncs.
    Local,
    /// The node's log, which has to sync before it answers.
    LocalEach,
    /// The node's log, which may sync after it answers.
    LocalEvery,
}

/// What makes a record survive its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReplicationChoice {
    /// Nothing does.
    None,
    /// So many replicas agree on it: most of them have it before it is answered.
    Raft(u8),
}

/// What is kept for who follows the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BinlogChoice {
    /// Events.
    On,
    /// Nothing: nobody can follow it.
    Off,
    /// Events, and what rows were before them.
    Previous,
}

impl StoreChoice {
    /// All of them.
    pub const ALL: [StoreChoice; 2] = [StoreChoice::Rocks, StoreChoice::Memory];
}

impl LogChoice {
    /// All of them.
    pub const ALL: [LogChoice; 5] =
        [LogChoice::LocalEach, LogChoice::Local, LogChoice::LocalEvery, LogChoice::Store, LogChoice::None];

    /// Does the node's log hold the records?
    pub fn is_local(self) -> bool {
        matches!(self, LogChoice::Local | LogChoice::LocalEach | LogChoice::LocalEvery)
    }
}

impl ReplicationChoice {
    /// All of them. An even number survives no more than the odd one below it.
    pub const ALL: [ReplicationChoice; 5] = [
        ReplicationChoice::None,
        ReplicationChoice::Raft(1),
        ReplicationChoice::Raft(3),
        ReplicationChoice::Raft(5),
        ReplicationChoice::Raft(7),
    ];

    /// How many copies of a partition there are.
    pub fn replicas(self) -> usize {
        match self {
            ReplicationChoice::None => 1,
            ReplicationChoice::Raft(replicas) => usize::from(replicas),
        }
    }

    /// Do replicas agree on what the history is?
    pub fn is_agreed(self) -> bool {
        self != ReplicationChoice::None
    }
}

impl fmt::Display for ReplicationChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReplicationChoice::None => f.write_str("none"),
            ReplicationChoice::Raft(replicas) => write!(f, "raft({replicas})"),
        }
    }
}

impl FromStr for ReplicationChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = ReplicationChoice::ALL.into_iter().find(|choice| choice.to_string() == text);
        // Without a number: what survives one node.
        let usual = (text == "raft").then_some(ReplicationChoice::Raft(3));
        known.or(usual).ok_or_else(|| {
            format!(
                "replication `{text}` is unknown; choose `none`, or `raft(1)`, `raft(3)`, `raft(5)`, `raft(7)`"
            )
        })
    }
}

impl fmt::Display for StoreChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StoreChoice::Rocks => "rocksdb",
            StoreChoice::Memory => "memory",
        })
    }
}

impl FromStr for StoreChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = StoreChoice::ALL.into_iter().find(|choice| choice.to_string() == text);
        known.ok_or_else(|| format!("store `{text}` is unknown; choose `rocksdb` or `memory`"))
    }
}

impl fmt::Display for LogChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LogChoice::None => "none",
            LogChoice::Store => "store",
            LogChoice::Local => "local",
            LogChoice::LocalEach => "local(each)",
            LogChoice::LocalEvery => "local(every)",
        })
    }
}

impl FromStr for LogChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = LogChoice::ALL.into_iter().find(|choice| choice.to_string() == text);
        known.ok_or_else(|| {
            format!(
                "log `{text}` is unknown; choose `local`, `local(each)`, `local(every)`, `store` or `none`"
            )
        })
    }
}

impl BinlogChoice {
    /// All of them.
    pub const ALL: [BinlogChoice; 3] = [BinlogChoice::On, BinlogChoice::Off, BinlogChoice::Previous];
}

impl fmt::Display for BinlogChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BinlogChoice::On => "on",
            BinlogChoice::Off => "off",
            BinlogChoice::Previous => "previous",
        })
    }
}

impl FromStr for BinlogChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = BinlogChoice::ALL.into_iter().find(|choice| choice.to_string() == text);
        known.ok_or_else(|| format!("binlog `{text}` is unknown; choose `on`, `off` or `previous`"))
    }
}
