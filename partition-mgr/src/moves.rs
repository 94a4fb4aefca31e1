//! Partitions that somebody else leads than before, in the order in which this node
//! noticed: for those who keep maps.
//!
//! Who has fallen far behind is told that all may have moved, and looks at all.

use model::PartitionId;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// So many are remembered.
const MOVES_MAX: usize = 16 << 10;

/// What has moved.
pub struct Moves {
    recent: Mutex<Recent>,
    /// Rises with every change of the map, of whichever kind.
    changes: watch::Sender<u64>,
}

#[derive(Default)]
struct Recent {
    /// How many there were before these.
    gone: u64,
    ids: VecDeque<PartitionId>,
}

impl Recent {
    fn upto(&self) -> u64 {
        self.gone + self.ids.len() as u64
    }
}

impl Default for Moves {
    fn default() -> Moves {
        Moves { recent: Mutex::default(), changes: watch::Sender::new(0) }
    }
}

impl Moves {
    /// Somebody else may lead this one from now on.
    pub fn note(&self, id: PartitionId) {
        {
            let mut recent = self.recent();
            recent.ids.push_back(id);
            if recent.ids.len() > MOVES_MAX {
                recent.ids.pop_front();
                recent.gone += 1;
            }
        }
        self.ring();
    }

    /// The map has changed otherwise.
    pub(crate) fn ring(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// Is told of every change.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// How many there were.
    pub fn upto(&self) -> u64 {
        self.recent().upto()
    }

    /// Those behind the first so many; none when they are not remembered.
    pub fn since(&self, seen: u64) -> Option<Vec<PartitionId>> {
        let recent = self.recent();
        let known = usize::try_from(seen.checked_sub(recent.gone)?).ok()?;
        Some(recent.ids.iter().skip(known).copied().collect())
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_remembered_is_said_to_be_so() {
        let moves = Moves::default();
        let mut changes = moves.changes();
        assert!(!changes.has_changed().expect("it is there"));
        (1..=3).for_each(|id| moves.note(PartitionId(id)));
        assert!(changes.has_changed().expect("it is there"));
        changes.borrow_and_update();
        assert_eq!(moves.since(0), Some(vec![PartitionId(1), PartitionId(2), PartitionId(3)]));
        assert_eq!((moves.since(2), moves.upto()), (Some(vec![PartitionId(3)]), 3));
        assert_eq!(moves.since(3), Some(Vec::new()));
        (0..MOVES_MAX as u64).for_each(|id| moves.note(PartitionId(id)));
        assert_eq!(moves.since(2), None);
        assert_eq!(moves.since(3).map(|ids| ids.len()), Some(MOVES_MAX));
    }
}
