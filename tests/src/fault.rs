//! The faults by name.

use std::fmt;
use std::str::FromStr;

/// Something that goes wrong, for real.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The process is killed.
    Kill,
    /// The process stands still, and goes on later.
    Stop,
    /// Nothing passes between users and the node for a while.
    Cut,
    /// Power is lost: the process, and whatever was not synced.
    Power,
    /// The disk fails to write or to sync.
    Eio,
    /// The disk is full.
    Full,
    /// Every sync takes seconds.
    Slow,
}

impl Fault {
    /// All of them, in the order in which they are summed up.
    pub const ALL: [Fault; 7] =
        [Fault::Kill, Fault::Stop, Fault::Cut, Fault::Power, Fault::Eio, Fault::Full, Fault::Slow];

    /// It needs file systems of our own.
    pub fn is_of_the_disk(self) -> bool {
        matches!(self, Fault::Power | Fault::Eio | Fault::Full | Fault::Slow)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Fault::Kill => "kill",
            Fault::Stop => "stop",
            Fault::Cut => "cut",
            Fault::Power => "power",
            Fault::Eio => "eio",
            Fault::Full => "full",
            Fault::Slow => "slow",
        }
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(name: &str) -> Result<Fault, String> {
        let known = Fault::ALL.map(Fault::name).join(", ");
        let found = Fault::ALL.into_iter().find(|fault| fault.name() == name);
        found.ok_or_else(|| format!("no such fault; there are {known}"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
