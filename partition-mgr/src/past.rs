//! The past of a partition: what is left of the history that earlier boots of its
//! node acknowledged, and whether a position lies in it.
//!
//! An owner has applied everything that it ever told anybody, before it did. So
//! it never waits for a position: either that lies in its history, or it lies in
//! one that is gone. Whoever holds a copy that lags will wait; and whoever
//! succeeds a partition begins with the past of that.

use model::{BootId, Code, Index, PartitionId, Position, code};

/// What is left of a partition's earlier boots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    current: BootId,
    /// Up to where each boot's history still is the partition's.
    kept: Vec<(BootId, Index)>,
}

/// Why a position is not in a partition's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unseen {
    /// It was, or could have been, and is not.
    #[error(
        "partition {partition} has what boot {boot} acknowledged up to index {kept}, the token names {named}"
    )]
    Lost {
        /// Which.
        partition: PartitionId,
        /// Who acknowledged.
        boot: BootId,
        /// What the token names.
        named: Index,
        /// What there is.
        kept: Index,
    },
    /// Nobody here knows the boot.
    #[error("no boot {boot} of this data directory is known to partition {partition}")]
    Foreign {
        /// Which.
        partition: PartitionId,
        /// Who acknowledged.
        boot: BootId,
    },
}

impl Unseen {
    /// Its code.
    pub fn code(&self) -> Code {
        match self {
            Unseen::Lost { .. } => code::TOKEN_LOST,
            Unseen::Foreign { .. } => code::TOKEN_FOREIGN,
        }
    }
}

impl Past {
    /// The past as of this boot.
    pub fn new(current: BootId, kept: Vec<(BootId, Index)>) -> Past {
        Past { current, kept }
    }

    /// Does the position lie in the history of a partition that has applied so
    /// much?
    pub fn judge(&self, position: Position, applied: Index) -> Result<(), Unseen> {
        let Position { partition, boot, index: named } = position;
        let kept = match self.kept.iter().find(|(known, _)| *known == boot) {
            Some((_, kept)) => applied.min(*kept),
            None if boot == self.current => applied,
            None => return Err(Unseen::Foreign { partition, boot }),
        };
        if named <= kept { Ok(()) } else { Err(Unseen::Lost { partition, boot, named, kept }) }
    }

    /// The same where replicas agree on the history: no boot of any of them loses what
    /// was acknowledged.
    pub fn judge_agreed(&self, position: Position, applied: Index) -> Result<(), Unseen> {
        let Position { partition, boot, index: named } = position;
        if named <= applied { Ok(()) } else { Err(Unseen::Lost { partition, boot, named, kept: applied }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_lies_in_history_or_is_refused_with_the_reason() {
        let past = Past::new(BootId(3), vec![(BootId(1), 90), (BootId(2), 95)]);
        let table = [
            (1, 90, "ok"),
            // Another command has its index by now.
            (1, 91, "SH2213"),
            (2, 95, "ok"),
            (3, 0, "ok"),
            (3, 100, "ok"),
            (3, 101, "SH2213"),
            (2, 96, "SH2213"),
            (4, 1, "SH2119"),
            (0, 0, "SH2119"),
        ];
        for (boot, index, expected) in table {
            let position = Position { partition: PartitionId(7), boot: BootId(boot), index };
            let found = past.judge(position, 100).map_or_else(|why| why.code().to_string(), |()| "ok".into());
            assert_eq!(found, expected, "{position:?}");
        }
    }
}
