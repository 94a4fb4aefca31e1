//! How much an answer is worth: what may fail without what it says being lost.

use std::fmt;
use std::str::FromStr;

/// Durability reached, or demanded. These numbers are on the wire for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Durability {
    /// The process may not fail.
    Memory = 1,
    /// The process may fail, the machine may not.
    Os = 2,
    /// The machine may fail, its disk may not.
    Local = 3,
    /// Any minority of the replicas may fail for good.
    Quorum = 4,
    /// Somebody else's log has it, under its own terms.
    Remote = 10,
}

impl Durability {
    /// All of them, by number.
    pub const ALL: [Durability; 5] =
        [Durability::Memory, Durability::Os, Durability::Local, Durability::Quorum, Durability::Remote];

    /// Is it as much as was demanded? `remote` is incomparable: it satisfies a
    /// demand for itself and for `memory`, and only itself satisfies it.
    pub fn satisfies(self, demanded: Durability) -> bool {
        match (self, demanded) {
            (Durability::Remote, demanded) => matches!(demanded, Durability::Remote | Durability::Memory),
            (_, Durability::Remote) => false,
            (reached, demanded) => reached as u8 >= demanded as u8,
        }
    }

    /// The durability of a number.
    pub fn from_number(number: u8) -> Option<Durability> {
        Durability::ALL.into_iter().find(|durability| *durability as u8 == number)
    }

    /// What an answer of this worth means, for people.
    pub fn means(self) -> &'static str {
        match self {
            Durability::Memory => "what was answered may be lost with the process",
            Durability::Os => "what was answered survives kill -9, and the last of it may be lost with power",
            Durability::Local => {
                "what was answered survives kill -9 and power loss, though not the loss of its disk"
            }
            Durability::Quorum => "what was answered survives the loss of any minority of its replicas",
            Durability::Remote => "what was answered is in somebody else's log, under its terms",
        }
    }

    /// Its name, for people and configuration.
    pub fn name(self) -> &'static str {
        match self {
            Durability::Memory => "memory",
            Durability::Os => "os",
            Durability::Local => "local",
            Durability::Quorum => "quorum",
            Durability::Remote => "remote",
        }
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Durability {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Durability::ALL.into_iter().find(|durability| durability.name() == text);
        known.ok_or_else(|| {
            format!("durability `{text}` is unknown; choose `memory`, `os`, `local`, `quorum` or `remote`")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_satisfies_less_and_remote_stands_aside() {
        use Durability::{Local, Memory, Os, Quorum, Remote};
        let table = [
            (Memory, Memory, true),
            (Memory, Os, false),
            (Local, Os, true),
            (Local, Quorum, false),
            (Quorum, Memory, true),
            (Remote, Memory, true),
            (Remote, Os, false),
            (Remote, Remote, true),
            (Quorum, Remote, false),
        ];
        for (reached, demanded, expected) in table {
            assert_eq!(reached.satisfies(demanded), expected, "{reached} for {demanded}");
        }
        for durability in Durability::ALL {
            assert_eq!(Durability::from_number(durability as u8), Some(durability));
            assert_eq!(durability.name().parse(), Ok(durability));
        }
    }
}
