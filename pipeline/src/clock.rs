//! The partition's clock: follows the wall, and never stands still or goes back.

use env::Wall;
use model::Stamp;

/// Gives out stamps.
///
/// Invariant: every stamp is greater than the one before, also the ones of an
/// earlier life, which are handed in when it is made.
#[derive(Clone, Copy, Debug)]
pub struct PartitionClock {
    last: Stamp,
}

impl PartitionClock {
    /// Goes on behind `last`.
    pub fn after(last: Stamp) -> PartitionClock {
        PartitionClock { last }
    }

    /// The last one that it gave out.
    pub fn last(&self) -> Stamp {
        self.last
    }

    /// The stamp that the next record would have.
    pub fn peek(&self, wall: Wall) -> Stamp {
        Stamp(wall.0.max(self.last.0.saturating_add(1)))
    }

    /// The stamp of the next record.
    pub fn next(&mut self, wall: Wall) -> Stamp {
        let stamp = self.peek(wall);
        assert!(stamp > self.last, "the partition clock has run out of stamps");
        self.last = stamp;
        stamp
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_rise_whatever_the_wall_does() {
        let mut clock = PartitionClock::after(Stamp(50));
        let walls = [10, 100, 100, 40, 101, 200];
        let stamps: Vec<u64> = walls.iter().map(|wall| clock.next(Wall(*wall)).0).collect();
        assert_eq!(stamps, [51, 100, 101, 102, 103, 200]);
    }
}
