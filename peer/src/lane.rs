//! Lanes: what is urgent never waits behind what is long.

/// A way of its own between two nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Lane {
    /// Votes, heartbeats, answers: small, and late is as good as lost.
    Swift = 0,
    /// Records.
    Append = 1,
    /// Exports: large, and in no hurry.
    Bulk = 2,
    /// What clients ask of one node and another has, and the answers.
    Calls = 3,
}

impl Lane {
    /// All of them.
    pub const ALL: [Lane; 4] = [Lane::Swift, Lane::Append, Lane::Bulk, Lane::Calls];

    /// The lane of a byte on the wire.
    pub fn from_byte(byte: u8) -> Option<Lane> {
        Lane::ALL.into_iter().find(|lane| *lane as u8 == byte)
    }

    /// What may wait to be sent.
    pub(crate) fn queue_bytes_max(self) -> usize {
        match self {
            Lane::Swift => 4 << 20,
            Lane::Append => 64 << 20,
            Lane::Bulk => 8 << 20,
            Lane::Calls => 64 << 20,
        }
    }
}
