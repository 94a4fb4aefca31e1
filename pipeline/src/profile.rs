//! A profile: what a table chose at each stage, and which choices go together.

use model::Durability;
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
    /// The node's log.
    Local,
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
        match text {
            "rocksdb" => Ok(StoreChoice::Rocks),
            "memory" => Ok(StoreChoice::Memory),
            other => Err(format!("store `{other}` is unknown; choose `rocksdb` or `memory`")),
        }
    }
}

impl fmt::Display for LogChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LogChoice::None => "none",
            LogChoice::Store => "store",
            LogChoice::Local => "local",
        })
    }
}

impl FromStr for LogChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(LogChoice::None),
            "store" => Ok(LogChoice::Store),
            "local" => Ok(LogChoice::Local),
            other => Err(format!("log `{other}` is unknown; choose `local`, `store` or `none`")),
        }
    }
}

/// A table's choices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Profile {
    /// Where rows live.
    pub store: StoreChoice,
    /// What makes a record durable.
    pub log: LogChoice,
    /// What the table declares a reply to be worth, if it declares anything.
    pub durability: Option<Durability>,
}

/// Why choices do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// A promise nobody keeps.
    #[error("log `none` acknowledges what a crash loses; say `durability = memory`, or choose log `local`")]
    Unsaid,
    /// A memory store has no journal.
    #[error(
        "log `store` needs a store with a journal of its own; a memory store has none: choose log `local`"
    )]
    NoJournal,
    /// More is declared than the choices give.
    #[error("the table declares durability `{declared}`, its log gives `{given}` on this node")]
    Promised {
        /// What is declared.
        declared: Durability,
        /// What the choices give.
        given: Durability,
    },
}

impl Profile {
    /// RocksDB behind the node's log.
    pub const DURABLE: Profile =
        Profile { store: StoreChoice::Rocks, log: LogChoice::Local, durability: None };

    /// What a reply is worth under these choices, on a node whose log reaches
    /// so far.
    pub fn reaches(&self, log: Durability) -> Durability {
        match self.log {
            LogChoice::None => Durability::Memory,
            LogChoice::Store => Durability::Local,
            LogChoice::Local => log,
        }
    }

    /// Do the choices go together, and with a node whose log reaches so far?
    pub fn check(&self, log: Durability) -> Result<(), ProfileError> {
        let given = self.reaches(log);
        match (self.log, self.store, self.durability) {
            (LogChoice::Store, StoreChoice::Memory, _) => Err(ProfileError::NoJournal),
            (LogChoice::None, _, declared) if declared != Some(Durability::Memory) => {
                Err(ProfileError::Unsaid)
            }
            (_, _, Some(declared)) if !given.satisfies(declared) => {
                Err(ProfileError::Promised { declared, given })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_together() {
        use LogChoice::{Local, None as Nothing, Store};
        use StoreChoice::{Memory, Rocks};
        let memory = Some(Durability::Memory);
        let table = [
            (Rocks, Local, None, "ok", "ok"),
            (Memory, Local, None, "ok", "ok"),
            (Rocks, Store, None, "ok", "ok"),
            (Rocks, Store, Some(Durability::Local), "ok", "ok"),
            (Rocks, Nothing, memory, "ok", "ok"),
            (Memory, Nothing, memory, "ok", "ok"),
            (Rocks, Nothing, None, "Unsaid", "Unsaid"),
            (Rocks, Nothing, Some(Durability::Local), "Unsaid", "Unsaid"),
            (Memory, Store, None, "NoJournal", "NoJournal"),
            (Rocks, Local, Some(Durability::Quorum), "Promised", "Promised"),
            (Rocks, Local, Some(Durability::Local), "ok", "Promised"),
            (Rocks, Local, Some(Durability::Os), "ok", "ok"),
        ];
        for (store, log, durability, synced, unsynced) in table {
            let profile = Profile { store, log, durability };
            let found = |log| match profile.check(log) {
                Ok(()) => "ok",
                Err(ProfileError::Unsaid) => "Unsaid",
                Err(ProfileError::NoJournal) => "NoJournal",
                Err(ProfileError::Promised { .. }) => "Promised",
            };
            assert_eq!(found(Durability::Local), synced, "{profile:?}");
            assert_eq!(found(Durability::Os), unsynced, "{profile:?}, a log that answers before it syncs");
        }
    }
}
