//! How far somebody has seen a table's partitions come.

use crate::error::Error;
use model::{Index, PartitionId, code};
use proto::common::Position;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// An index for each partition: everything up to it has been told. As text it is
/// `3:17,4:9`, partition and index, which another process can go on with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Positions {
    indexes: BTreeMap<PartitionId, Index>,
}

impl Positions {
    /// None yet.
    pub fn new() -> Positions {
        Positions::default()
    }

    /// That of a partition.
    pub fn get(&self, partition: PartitionId) -> Option<Index> {
        self.indexes.get(&partition).copied()
    }

    /// From now on a partition has come so far.
    pub fn set(&mut self, partition: PartitionId, index: Index) {
        self.indexes.insert(partition, index);
    }

    /// All of them, by partition.
    pub fn iter(&self) -> impl Iterator<Item = (PartitionId, Index)> {
        self.indexes.iter().map(|(partition, index)| (*partition, *index))
    }

    /// Is none there?
    pub fn is_empty(&self) -> bool {
        self.indexes.is_empty()
    }

    pub(super) fn to_wire(&self) -> Vec<Position> {
        self.iter().map(|(PartitionId(partition), index)| Position { partition, index, boot: 0 }).collect()
    }
}

impl fmt::Display for Positions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (PartitionId(partition), index)) in self.iter().enumerate() {
            let comma = if number > 0 { "," } else { "" };
            write!(f, "{comma}{partition}:{index}")?;
        }
        Ok(())
    }
}

impl FromStr for Positions {
    type Err = Error;

    fn from_str(text: &str) -> Result<Positions, Error> {
        let mut positions = Positions::new();
        for part in text.split(',').filter(|_| !text.is_empty()) {
            let read = part
                .split_once(':')
                .and_then(|(partition, index)| Some((PartitionId(number(partition)?), number(index)?)));
            let (partition, index) = read.ok_or_else(|| refused(part, "is no position"))?;
            if positions.indexes.insert(partition, index).is_some() {
                return Err(refused(part, "is the second of its partition"));
            }
        }
        Ok(positions)
    }
}

/// Digits alone: `+1` is a number to the standard library.
fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
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
        for text in ["", "1:0", "3:17,4:9", "1:18446744073709551615"] {
            let positions: Positions = text.parse().expect(text);
            assert_eq!(positions.to_string(), text);
        }
        let sorted: Positions = "4:9,3:17".parse().expect("two");
        assert_eq!(sorted.to_string(), "3:17,4:9");
        for text in
            ["1", "1:", ":1", "1:1,", "1:1,1:2", "+1:1", "a:b", "1:1:1", " 1:1", "1:18446744073709551616"]
        {
            assert!(text.parse::<Positions>().is_err_and(|error| error.is(code::MALFORMED)), "{text}");
        }
    }
}
