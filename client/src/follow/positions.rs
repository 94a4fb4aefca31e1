//! How far somebody has seen a table's partitions come.

use crate::error::Error;
use model::{BootId, Index, PartitionId, Position, code};
use proto::common;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// No node answers under it.
const NOBODY: BootId = BootId(0);

/// An index for each partition: everything up to it has been told. As text it is
/// `3:17@9f00000000000001,4:9@9f00000000000001`, which another process can go on
/// with: partition, index, and which boot of the node told it. By that a node knows
/// a position in a history that it has lost; without it (`3:17`) the index alone
/// counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Positions {
    of: BTreeMap<PartitionId, (Index, BootId)>,
}

impl Positions {
    /// None yet.
    pub fn new() -> Positions {
        Positions::default()
    }

    /// Up to which index a partition has been told.
    pub fn get(&self, partition: PartitionId) -> Option<Index> {
        self.of.get(&partition).map(|(index, _)| *index)
    }

    /// From now on a partition has come so far.
    pub fn set(&mut self, Position { partition, boot, index }: Position) {
        self.of.insert(partition, (index, boot));
    }

    /// All of them, by partition.
    pub fn iter(&self) -> impl Iterator<Item = Position> {
        let position = |(&partition, &(index, boot)): (&PartitionId, &(Index, BootId))| Position {
            partition,
            boot,
            index,
        };
        self.of.iter().map(position)
    }

    /// Is none there?
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    pub(super) fn to_wire(&self) -> Vec<common::Position> {
        let to_wire = |Position { partition: PartitionId(partition), boot: BootId(boot), index }| {
            common::Position { partition, index, boot }
        };
        self.iter().map(to_wire).collect()
    }
}

impl fmt::Display for Positions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, Position { partition, boot, index }) in self.iter().enumerate() {
            let comma = if number > 0 { "," } else { "" };
            write!(f, "{comma}{partition}:{index}")?;
            if boot != NOBODY {
                write!(f, "@{boot}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for Positions {
    type Err = Error;

    fn from_str(text: &str) -> Result<Positions, Error> {
        let mut positions = Positions::new();
        for part in text.split(',').filter(|_| !text.is_empty()) {
            let position = position(part).ok_or_else(|| refused(part, "is no position"))?;
            if positions.get(position.partition).is_some() {
                return Err(refused(part, "is the second of its partition"));
            }
            positions.set(position);
        }
        Ok(positions)
    }
}

fn position(text: &str) -> Option<Position> {
    let (text, boot) = match text.split_once('@') {
        Some((text, boot)) => (text, number(boot, 16).filter(|_| boot.len() == 16).map(BootId)?),
        None => (text, NOBODY),
    };
    let (partition, index) = text.split_once(':')?;
    Some(Position { partition: PartitionId(number(partition, 10)?), boot, index: number(index, 10)? })
}

/// Digits alone: `+1` is a number to the standard library.
fn number(text: &str, radix: u32) -> Option<u64> {
    let digits = text.chars().all(|digit| digit.is_digit(radix) && !digit.is_ascii_uppercase());
    u64::from_str_radix(text, radix).ok().filter(|_| digits)
}

fn refused(part: &str, why: &str) -> Error {
    let message = format!("`{part}` {why}");
    Error::new(code::MALFORMED, message).with_hint("Write them as they were printed: 3:17,4:9.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_comes_back_as_it_was_or_is_refused() {
        for text in ["", "1:0", "3:17,4:9", "1:18446744073709551615", "1:2,3:4@00000000000000ff"] {
            let positions: Positions = text.parse().expect(text);
            assert_eq!(positions.to_string(), text);
        }
        let sorted: Positions = "4:9,3:17".parse().expect("two");
        assert_eq!(sorted.to_string(), "3:17,4:9");
        let long = ["1:18446744073709551616", "1:1@ff", "1:1@00000000000000FF", "1:1@00000000000000fg"];
        let short = ["1", "1:", ":1", "1:1,", "1:1,1:2", "+1:1", "a:b", "1:1:1", " 1:1", "1:1@", "1:a"];
        for text in long.into_iter().chain(short) {
            assert!(text.parse::<Positions>().is_err_and(|error| error.is(code::MALFORMED)), "{text}");
        }
    }
}
