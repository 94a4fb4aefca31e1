//! A profile: what a table chose at each stage, and which choices go together.

use crate::choices::{BinlogChoice, LogChoice, ReplicationChoice, StoreChoice};
use model::Durability;

/// A table's choices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Profile {
    /// Where rows live.
    pub store: StoreChoice,
    /// What makes a record durable.
    pub log: LogChoice,
    /// What makes a record survive its node.
    pub replication: ReplicationChoice,
    /// What the table declares a reply to be worth, if it declares anything.
    pub durability: Option<Durability>,
    /// What is kept of what happened to its rows.
    pub binlog: BinlogChoice,
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
    /// The node answers too soon.
    #[error(
        "log `local(each)` needs a node that syncs before it answers, this one has `log.sync = every`: choose log `local`, or set `log.sync = each`"
    )]
    NotEach,
    /// Replicas without a log of their own, or with one that forgets.
    #[error(
        "replication `{0}` needs the node's log, synced before it answers: choose log `local(each)`, and set `log.sync = each`"
    )]
    NotLogged(ReplicationChoice),
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
    pub const DURABLE: Profile = Profile::new(StoreChoice::Rocks, LogChoice::Local);

    /// These two; the rest is as usual: one copy, nothing is declared, events are kept.
    pub const fn new(store: StoreChoice, log: LogChoice) -> Profile {
        let replication = ReplicationChoice::None;
        Profile { store, log, replication, durability: None, binlog: BinlogChoice::On }
    }

    /// What a reply is worth under these choices, on a node whose log reaches
    /// so far.
    pub fn reaches(&self, log: Durability) -> Durability {
        if self.replication.replicas() > 1 {
            return Durability::Quorum;
        }
        match self.log {
            LogChoice::None => Durability::Memory,
            LogChoice::Store => Durability::Local,
            LogChoice::Local | LogChoice::LocalEach | LogChoice::LocalEvery => log,
        }
    }

    /// Do the choices go together, and with a node whose log reaches so far?
    /// The table of all of them is in `docs/guarantees.md`.
    pub fn check(&self, log: Durability) -> Result<(), ProfileError> {
        let given = self.reaches(log);
        // A replica that forgets what it has told others has lied to them.
        let forgets = !self.log.is_local() || !log.satisfies(Durability::Local);
        if self.replication.is_agreed() && forgets {
            return Err(ProfileError::NotLogged(self.replication));
        }
        match (self.log, self.store, self.durability) {
            (LogChoice::Store, StoreChoice::Memory, _) => Err(ProfileError::NoJournal),
            (LogChoice::LocalEach, ..) if !log.satisfies(Durability::Local) => Err(ProfileError::NotEach),
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
    use std::fmt::Write as _;

    fn verdict(profile: Profile, log: Durability) -> String {
        match profile.check(log) {
            Ok(()) => format!("`{}`", profile.reaches(log)),
            Err(why) => format!("refused: {why}"),
        }
    }

    /// Every choice, and what comes of it, as the page of guarantees has it.
    fn matrix() -> String {
        let mut text = String::new();
        for store in StoreChoice::ALL {
            for log in LogChoice::ALL {
                for declared in [None, Some(Durability::Memory), Some(Durability::Local)] {
                    let profile = Profile { durability: declared, ..Profile::new(store, log) };
                    let [each, every] = [Durability::Local, Durability::Os].map(|log| verdict(profile, log));
                    let declared = declared.map_or("–".to_owned(), |declared| format!("`{declared}`"));
                    writeln!(text, "| `{store}` | `{log}` | {declared} | {each} | {every} |")
                        .expect("a String");
                }
            }
        }
        text
    }

    /// The same for replication.
    fn agreed() -> String {
        let mut text = String::new();
        for replication in [ReplicationChoice::Raft(1), ReplicationChoice::Raft(3)] {
            for log in LogChoice::ALL {
                let usual = Profile::new(StoreChoice::Rocks, log);
                let profile = Profile {
                    replication,
                    durability: (log == LogChoice::None).then_some(Durability::Memory),
                    ..usual
                };
                let [each, every] = [Durability::Local, Durability::Os].map(|log| verdict(profile, log));
                writeln!(text, "| `{replication}` | `{log}` | {each} | {every} |").expect("a String");
            }
        }
        text
    }

    #[test]
    fn the_page_of_guarantees_has_every_choice() {
        let page = include_str!("../../docs/guarantees.md");
        let matrix = matrix();
        assert!(page.contains(&matrix), "docs/guarantees.md lacks this table:\n{matrix}");
        let agreed = agreed();
        assert!(page.contains(&agreed), "docs/guarantees.md lacks this table:\n{agreed}");
    }

    fn declarations() -> impl Iterator<Item = (Durability, ReplicationChoice)> {
        let with = |declared| ReplicationChoice::ALL.map(|replication| (declared, replication));
        Durability::ALL.into_iter().flat_map(with)
    }

    #[test]
    fn more_is_never_declared_than_given() {
        for store in StoreChoice::ALL {
            for log in LogChoice::ALL {
                for (declared, replication) in declarations() {
                    let profile =
                        Profile { durability: Some(declared), replication, ..Profile::new(store, log) };
                    for node in [Durability::Local, Durability::Os] {
                        let kept = profile.reaches(node).satisfies(declared);
                        assert!(profile.check(node).is_err() || kept, "{profile:?} where logs give {node}");
                    }
                }
            }
        }
    }
}
