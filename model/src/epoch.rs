//! Who may write: an epoch is compared as a pair.

use std::fmt;

/// `generation` is raised by the coordinator for each change of range, replica
/// set, profile or two-phase owner; `term` by an election within it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch {
    /// Raised by the coordinator.
    pub generation: u64,
    /// Raised by an election; 0 where there is none.
    pub term: u64,
}

impl Epoch {
    /// The epoch of a partition that has just been made.
    pub const FIRST: Epoch = Epoch { generation: 1, term: 0 };
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.generation, self.term)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_higher_generation_outranks_any_term() {
        let old = Epoch { generation: 1, term: 99 };
        let new = Epoch { generation: 2, term: 0 };
        assert!(new > old);
    }
}
