//! Presets: profiles by name, for those who know what they want and not how.

use crate::choices::{LogChoice, ReplicationChoice, StoreChoice};
use crate::profile::Profile;
use std::str::FromStr;

/// Choices that go together, under a name. Each can be overridden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub says: &'static str,
    /// Store and log.
    pub profile: Profile,
    /// What commands mean.
    pub machine: &'static str,
}

impl Preset {
    /// Of those who name none.
    pub const PLAIN: Preset = Preset { name: "", says: "", profile: Profile::DURABLE, machine: "kv" };

    /// All of them.
    pub const ALL: [Preset; 5] = [
        Preset {
            name: "durable",
            says: "what was answered survives power loss, on every node that takes the table",
            profile: Profile::new(StoreChoice::Rocks, LogChoice::LocalEach),
            machine: "kv",
        },
        Preset {
            name: "replicated",
            says: "what was answered survives the loss of a node, of three that have it",
            profile: Profile {
                replication: ReplicationChoice::Raft(3),
                ..Profile::new(StoreChoice::Rocks, LogChoice::LocalEach)
            },
            machine: "kv",
        },
        Preset {
            name: "fast",
            says: "answers need not wait for the disk, where the node's log does not",
            profile: Profile::new(StoreChoice::Rocks, LogChoice::LocalEvery),
            machine: "kv",
        },
        Preset {
            name: "managed-disk",
            says: "everything in a directory of its own, on a disk that somebody else keeps safe",
            profile: Profile::new(StoreChoice::Rocks, LogChoice::Store),
            machine: "kv",
        },
        Preset {
            name: "counter",
            says: "few rows that many change: in memory, behind the log, so that none of it is lost",
            profile: Profile::new(StoreChoice::Memory, LogChoice::LocalEach),
            machine: "counter",
        },
    ];
}

impl FromStr for Preset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Preset::ALL.into_iter().find(|preset| preset.name == text);
        known.ok_or_else(|| {
            let names = Preset::ALL.map(|preset| format!("`{}`", preset.name)).join(", ");
            format!("preset `{text}` is unknown; there are {names}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Durability;

    #[test]
    fn presets_go_together_and_are_on_the_page() {
        let page = include_str!("../../docs/guarantees.md");
        for preset in Preset::ALL {
            let Preset { name, says, profile, machine } = preset;
            assert_eq!(profile.check(Durability::Local), Ok(()), "{name}");
            assert_eq!(name.parse(), Ok(preset));
            let Profile { store, log, replication, .. } = profile;
            let row = format!("| `{name}` | `{store}` | `{log}` | `{replication}` | `{machine}` | {says} |");
            assert!(page.contains(&row), "docs/guarantees.md lacks this row:\n{row}");
        }
        assert!("slow".parse::<Preset>().is_err_and(|why| why.contains("`slow`") && why.contains("`fast`")));
    }
}
