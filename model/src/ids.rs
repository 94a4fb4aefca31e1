//! Identities. None of them is ever reused.

use std::fmt;
use std::str::FromStr;

macro_rules! id128 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u128);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                u128::from_str_radix(text, 16).map($name)
            }
        }
    };
}

macro_rules! id64 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map($name)
            }
        }
    };
}

id128! {
    /// A cluster. Made once, by whoever initialises it.
    ClusterId
}
id128! {
    /// One set-up of one data directory. A blank disk is a new disk.
    DiskId
}
id64! {
    /// A node of a cluster.
    NodeId
}
id64! {
    /// One copy of a partition. A copy that is made anew is another one.
    ReplicaId
}
id64! {
    /// A partition of a table. 0 is the log's own, see [`PartitionId::LOG`].
    PartitionId
}

/// One start of a node's process, to its end. Drawn at random, so that no two of
/// any data directory or cluster are equal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootId(pub u64);

impl fmt::Display for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BootId({self})")
    }
}

impl FromStr for BootId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(BootId)
    }
}

impl PartitionId {
    /// What the log writes about itself is filed under this id.
    pub const LOG: PartitionId = PartitionId(0);

    /// May a partition of a table bear it? 0 and ids near the end mean
    /// something in the log.
    pub fn is_ordinary(self) -> bool {
        self != PartitionId::LOG && self.0 <= u64::MAX / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_with_a_meaning_are_not_for_partitions() {
        let ordinary =
            [0, 1, u64::MAX / 2, u64::MAX / 2 + 1, u64::MAX].map(|id| PartitionId(id).is_ordinary());
        assert_eq!(ordinary, [false, true, true, false, false]);
    }

    #[test]
    fn text_round_trips() {
        let cluster = ClusterId(0x0123_4567_89ab_cdef_0011_2233_4455_6677);
        assert_eq!(cluster.to_string(), "0123456789abcdef0011223344556677");
        assert_eq!(cluster.to_string().parse(), Ok(cluster));
        assert_eq!("17".parse(), Ok(PartitionId(17)));
        assert_eq!(BootId(0x1f).to_string(), "000000000000001f");
        assert_eq!(BootId(0x1f).to_string().parse(), Ok(BootId(0x1f)));
        assert!("x".parse::<NodeId>().is_err());
    }
}
