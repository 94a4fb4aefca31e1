//! Position tokens: how far somebody has seen a table's partitions come.
//!
//! ```text
//! version 1, then for each position: partition, boot, index (8 bytes each,
//! little-endian; rising by partition and boot), then 4 bytes that check it all
//! ```
//!
//! To users the bytes are opaque. An index alone would not do: after a power loss
//! a partition may have lost commands that were acknowledged below `local`, and
//! give their indexes to others. So a position says which boot of the node
//! answered, and the node knows what is left of each.

use crate::ids::{BootId, PartitionId};
use crate::record::Index;
use crate::wire::Cursor;
use std::collections::BTreeMap;
use std::fmt;
use xxhash_rust::xxh3::xxh3_64;

const VERSION: u8 = 1;
const POSITION_BYTES: usize = 24;
const CHECK_BYTES: usize = 4;

/// How far a partition had come, by an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Which partition. Ids are never used again, so it names its table, too.
    pub partition: PartitionId,
    /// Which boot of its node answered.
    pub boot: BootId,
    /// The last index that the answer depended on.
    pub index: Index,
}

/// Positions to be read at or after. Begins empty, and grows by what is added:
/// of each partition and boot the latest counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Token {
    indexes: BTreeMap<(PartitionId, BootId), Index>,
}

/// Why bytes are no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoToken {
    /// A later build made it.
    Version(u8),
    /// It has more positions than a token may have.
    TooLong,
    /// It is not as it was made.
    Damaged,
}

impl fmt::Display for NoToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoToken::Version(version) => {
                write!(f, "the token has version {version}, this build knows {VERSION}")
            }
            NoToken::TooLong => {
                write!(f, "the token has more than {} positions", Token::POSITIONS_MAX)
            }
            NoToken::Damaged => f.write_str("the token is not as it was given out"),
        }
    }
}

impl std::error::Error for NoToken {}

impl Token {
    /// A token has no more positions; a longer one is refused.
    pub const POSITIONS_MAX: usize = 1024;

    /// Also after this, from now on.
    pub fn add(&mut self, Position { partition, boot, index }: Position) {
        let latest = self.indexes.entry((partition, boot)).or_default();
        *latest = index.max(*latest);
    }

    /// Also after all that another token says.
    pub fn merge(&mut self, other: &Token) {
        other.positions().for_each(|position| self.add(position));
    }

    /// What it says, by partition.
    pub fn positions(&self) -> impl Iterator<Item = Position> {
        let position = |(&(partition, boot), &index)| Position { partition, boot, index };
        self.indexes.iter().map(position)
    }

    /// Does it ask for nothing?
    pub fn is_empty(&self) -> bool {
        self.indexes.is_empty()
    }

    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1 + self.indexes.len() * POSITION_BYTES + CHECK_BYTES);
        out.push(VERSION);
        for Position { partition, boot, index } in self.positions() {
            for number in [partition.0, boot.0, index] {
                out.extend_from_slice(&number.to_le_bytes());
            }
        }
        let check = check(&out);
        out.extend_from_slice(&check);
        out
    }

    /// A token's bytes, of whoever sent them.
    pub fn decode(bytes: &[u8]) -> Result<Token, NoToken> {
        let (&version, _) = bytes.split_first().ok_or(NoToken::Damaged)?;
        if version != VERSION {
            return Err(NoToken::Version(version));
        }
        if bytes.len() > 1 + Token::POSITIONS_MAX * POSITION_BYTES + CHECK_BYTES {
            return Err(NoToken::TooLong);
        }
        let (body, end) = bytes.split_at(bytes.len().saturating_sub(CHECK_BYTES));
        if check(body)[..] != *end {
            return Err(NoToken::Damaged);
        }
        read(Cursor::new(body)).ok_or(NoToken::Damaged)
    }
}

/// There is one spelling for each token.
fn read(mut body: Cursor<'_>) -> Option<Token> {
    body.u8()?;
    let mut token = Token::default();
    while !body.is_empty() {
        let place = (PartitionId(body.u64()?), BootId(body.u64()?));
        let rises = token.indexes.last_key_value().is_none_or(|(last, _)| *last < place);
        token.indexes.insert(place, body.u64()?);
        rises.then_some(())?;
    }
    Some(token)
}

fn check(body: &[u8]) -> [u8; CHECK_BYTES] {
    let [a, b, c, d, ..] = xxh3_64(body).to_le_bytes();
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn position(partition: u64, boot: u64, index: u64) -> Position {
        Position { partition: PartitionId(partition), boot: BootId(boot), index }
    }

    fn token(positions: &[(u64, u64, u64)]) -> Token {
        let mut token = Token::default();
        positions.iter().for_each(|&(partition, boot, index)| token.add(position(partition, boot, index)));
        token
    }

    #[test]
    fn the_latest_of_each_boot_counts() {
        let mut one = token(&[(2, 7, 5), (1, 7, 9), (2, 7, 3)]);
        one.merge(&token(&[(2, 7, 6), (2, 8, 1)]));
        let found: Vec<Position> = one.positions().collect();
        assert_eq!(found, [position(1, 7, 9), position(2, 7, 6), position(2, 8, 1)]);
        assert!(Token::default().is_empty() && !one.is_empty());
    }

    #[test]
    fn its_bytes_are_these() {
        let bytes = token(&[(3, 0x1f, 300)]).encode();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "01\
            0300000000000000\
            1f00000000000000\
            2c01000000000000\
            028329b9"
        );
    }

    #[test]
    fn what_is_none_is_refused() {
        let sealed = |body: &[u8]| [body, &check(body)].concat();
        let good = token(&[(1, 1, 1), (2, 1, 1)]).encode();
        let swapped = [&good[..1], &good[25..49], &good[1..25]].concat();
        let long = token(&(0..=Token::POSITIONS_MAX as u64).map(|at| (at, 1, 1)).collect::<Vec<_>>());
        let table = [
            (Vec::new(), NoToken::Damaged),
            (vec![1], NoToken::Damaged),
            (vec![2; 9], NoToken::Version(2)),
            (good[..good.len() - 1].to_vec(), NoToken::Damaged),
            (sealed(&good[..20]), NoToken::Damaged),
            (sealed(&swapped), NoToken::Damaged),
            (long.encode(), NoToken::TooLong),
        ];
        for (bytes, expected) in table {
            assert_eq!(Token::decode(&bytes), Err(expected), "{bytes:?}");
        }
        for at in 0..good.len() {
            let mut flipped = good.clone();
            flipped[at] ^= 1;
            assert!(Token::decode(&flipped).is_err(), "byte {at}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(positions in prop::collection::vec((0u64..5, 0u64..3, 0u64..9), 0..9)) {
            let token = token(&positions);
            prop_assert_eq!(Token::decode(&token.encode()), Ok(token));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = Token::decode(&bytes);
            let body = [&[VERSION], &bytes[..]].concat();
            let _ = Token::decode(&[&body[..], &check(&body)].concat());
        }
    }
}
