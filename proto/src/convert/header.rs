//! What every request carries.

use crate::{Failure, common};
use model::{Durability, Epoch, OpId, code};

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
    /// May a read show what is old?
    pub stale: bool,
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
        stale: read == common::ReadLevel::Stale,
    })
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
        ];
        for (header, expected) in table {
            let failure = header_from_wire(Some(header)).expect_err(expected);
            assert!(failure.is(code::MALFORMED) && failure.message.contains(expected), "{failure}");
        }
    }
}
