//! What every request carries.

use crate::{Failure, common};
use model::{BootId, Durability, Epoch, OpId, PartitionId, Position, Token, code};

/// The longest namespace, in bytes.
const NAMESPACE_BYTES_MAX: usize = 128;
/// Deadlines beyond this are as good as none.
const DEADLINE_MS_MAX: u32 = 600_000;

/// What a request asks beside what it asks for, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// `None` is the default one.
    pub namespace: Option<String>,
    /// From now on.
    pub deadline_ms: Option<u32>,
    /// Names the operation; the one of a request's first item.
    pub op: Option<OpId>,
    /// The op's client has the answers to everything up to here.
    pub answered_upto: u64,
    /// Refuse at any other.
    pub expected_epoch: Option<Epoch>,
    /// The least durability taken for an answer.
    pub min_durability: Option<Durability>,
    /// What a read has to show.
    pub read: ReadLevel,
    /// What the answer has to have seen.
    pub after: Vec<Position>,
    /// May it be passed on to the node that has what is asked for?
    pub forward: bool,
}

/// What a read has to show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadLevel {
    /// Everything that was answered before it began.
    #[default]
    Linear,
    /// What its positions stand for.
    Token,
    /// What the replica has that is asked.
    Stale,
}

/// Checks a header. An absent one asks for nothing.
pub fn header_from_wire(header: Option<common::Header>) -> Result<Asked, Failure> {
    let Some(header) = header else { return Ok(Asked::default()) };
    let malformed = |what: &str| Failure::new(code::MALFORMED, format!("header: {what}"));
    if header.namespace.len() > NAMESPACE_BYTES_MAX {
        return Err(malformed("the namespace is longer than 128 bytes"));
    }
    let namespace = Some(header.namespace).filter(|name| !name.is_empty() && name != "default");
    let op = header.op.map(op_from_wire).transpose()?;
    if op.map_or(header.answered_upto > 0, |op| header.answered_upto >= op.sequence) {
        return Err(malformed("answered_upto reaches this operation, or is without one"));
    }
    let read = common::ReadLevel::try_from(header.read).map_err(|_| malformed("unknown read level"))?;
    Ok(Asked {
        namespace,
        deadline_ms: Some(header.deadline_ms.min(DEADLINE_MS_MAX)).filter(|ms| *ms > 0),
        op,
        answered_upto: header.answered_upto,
        expected_epoch: header.expected_epoch.map(epoch_from_wire),
        min_durability: super::durability_from_wire(header.min_durability)?,
        read: match read {
            common::ReadLevel::Unspecified | common::ReadLevel::Linear => ReadLevel::Linear,
            common::ReadLevel::Token => ReadLevel::Token,
            common::ReadLevel::Stale => ReadLevel::Stale,
        },
        after: after(header.position, &header.token)?,
        forward: header.allow_forward,
    })
}

/// The positions of a header, written out or as a token.
fn after(written: Vec<common::Position>, token: &[u8]) -> Result<Vec<Position>, Failure> {
    if written.len() > Token::POSITIONS_MAX {
        let what = format!("header: {} positions, {} are taken", written.len(), Token::POSITIONS_MAX);
        return Err(Failure::new(code::MALFORMED, what));
    }
    let position = |position: common::Position| Position {
        partition: PartitionId(position.partition),
        boot: BootId(position.boot),
        index: position.index,
    };
    let mut after: Vec<Position> = written.into_iter().map(position).collect();
    if !token.is_empty() {
        let token =
            Token::decode(token).map_err(|why| Failure::new(code::MALFORMED, format!("header: {why}")))?;
        after.extend(token.positions());
    }
    Ok(after)
}

/// An op-id, checked.
pub fn op_from_wire(op: common::OpId) -> Result<OpId, Failure> {
    let malformed = |what: &str| Failure::new(code::MALFORMED, format!("header: {what}"));
    let client: [u8; 16] =
        op.client[..].try_into().map_err(|_| malformed("an op-id's client is a UUID of 16 bytes"))?;
    let client = u128::from_be_bytes(client);
    if client >> 76 & 0xf != 7 {
        return Err(malformed("an op-id's client is a UUID of version 7"));
    }
    if op.sequence == 0 {
        return Err(malformed("an op-id's sequence counts from 1"));
    }
    Ok(OpId { client, sequence: op.sequence })
}

/// An epoch.
pub fn epoch_from_wire(epoch: common::Epoch) -> Epoch {
    Epoch { generation: epoch.generation, term: epoch.term }
}

/// An epoch.
pub fn epoch_to_wire(epoch: Epoch) -> common::Epoch {
    common::Epoch { generation: epoch.generation, term: epoch.term }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn an_absent_header_asks_for_nothing() {
        assert_eq!(header_from_wire(None), Ok(Asked::default()));
        assert_eq!(header_from_wire(Some(common::Header::default())), Ok(Asked::default()));
        let default = common::Header { namespace: "default".to_owned(), ..Default::default() };
        assert_eq!(header_from_wire(Some(default)), Ok(Asked::default()));
    }

    #[test]
    fn positions_come_written_out_or_as_a_token() {
        let of = |partition, index| Position { partition: PartitionId(partition), boot: BootId(7), index };
        let mut token = Token::default();
        token.add(of(2, 9));
        let header = common::Header {
            position: vec![common::Position { partition: 1, index: 5, boot: 7 }],
            token: token.encode().into(),
            ..Default::default()
        };
        assert_eq!(header_from_wire(Some(header)).map(|asked| asked.after), Ok(vec![of(1, 5), of(2, 9)]));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let op = common::OpId { client: Bytes::from_static(b"short"), sequence: 1 };
        let of = |version: u8, sequence| {
            let client = [0, 0, 0, 0, 0, 0, version << 4, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            common::OpId { client: Bytes::copy_from_slice(&client), sequence }
        };
        let table = [
            (common::Header { read: 77, ..Default::default() }, "read level"),
            (common::Header { min_durability: 77, ..Default::default() }, "durability"),
            (common::Header { op: Some(op), ..Default::default() }, "16 bytes"),
            (common::Header { op: Some(of(4, 1)), ..Default::default() }, "version 7"),
            (common::Header { op: Some(of(7, 0)), ..Default::default() }, "counts from 1"),
            (common::Header { op: Some(of(7, 2)), answered_upto: 2, ..Default::default() }, "reaches this"),
            (common::Header { answered_upto: 1, ..Default::default() }, "without one"),
            (common::Header { namespace: "x".repeat(129), ..Default::default() }, "128 bytes"),
            (common::Header { token: Bytes::from_static(b"\x02"), ..Default::default() }, "version 2"),
            (common::Header { token: Bytes::from_static(b"\x01ab"), ..Default::default() }, "given out"),
            (common::Header { position: vec![Default::default(); 1025], ..Default::default() }, "1024 are"),
        ];
        for (header, expected) in table {
            let failure = header_from_wire(Some(header)).expect_err(expected);
            assert!(failure.is(code::MALFORMED) && failure.message.contains(expected), "{failure}");
        }
    }
}
