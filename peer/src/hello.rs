//! What is said before anything else: who dials, whom it means, and what for.

use crate::{Identity, Lane};
use bytes::{BufMut, Bytes, BytesMut};
use model::wire::Cursor;
use model::{ClusterId, DiskId, NodeId};

const MAGIC: u32 = u32::from_le_bytes(*b"SHPL");
/// Of the link itself; what frames say has versions of its own.
const VERSION: u16 = 1;
pub(crate) const HELLO_BYTES: usize = 4 + 2 + 1 + 1 + 16 + 8 + 16 + 8 + 8;

/// The first bytes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Who dials.
    pub from: Identity,
    /// Who is meant.
    pub to: NodeId,
    /// For which lane.
    pub lane: Lane,
}

/// Why a node does not take a connection. These numbers are on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[repr(u8)]
pub enum Refusal {
    /// It is no link, or one of another version.
    #[error("it speaks no version of this link that we know")]
    Version = 1,
    /// Of another cluster.
    #[error("it is of another cluster")]
    Cluster = 2,
    /// Meant for another node.
    #[error("it means another node")]
    Node = 3,
    /// From a disk that is behind what is known of it, or from another disk under
    /// the same node.
    #[error("its disk is not the one that is known of this node, or an older state of it")]
    Disk = 4,
    /// From a node that does not belong to the cluster.
    #[error("it does not belong to the cluster")]
    Stranger = 5,
}

impl Refusal {
    const ALL: [Refusal; 5] =
        [Refusal::Version, Refusal::Cluster, Refusal::Node, Refusal::Disk, Refusal::Stranger];

    pub(crate) fn from_byte(byte: u8) -> Option<Refusal> {
        Refusal::ALL.into_iter().find(|refusal| *refusal as u8 == byte)
    }
}

impl Hello {
    pub(crate) fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(HELLO_BYTES);
        out.put_u32_le(MAGIC);
        out.put_u16_le(VERSION);
        out.put_u8(self.lane as u8);
        out.put_u8(0);
        out.put_u128_le(self.from.cluster.0);
        out.put_u64_le(self.from.node.0);
        out.put_u128_le(self.from.disk.0);
        out.put_u64_le(self.from.boot);
        out.put_u64_le(self.to.0);
        out.freeze()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Hello, Refusal> {
        Hello::read(&mut Cursor::new(bytes)).ok_or(Refusal::Version)
    }

    fn read(at: &mut Cursor<'_>) -> Option<Hello> {
        if (at.u32()?, at.u16()?) != (MAGIC, VERSION) {
            return None;
        }
        let (lane, _room) = (Lane::from_byte(at.u8()?)?, at.u8()?);
        let from = Identity {
            cluster: ClusterId(at.u128()?),
            node: NodeId(at.u64()?),
            disk: DiskId(at.u128()?),
            boot: at.u64()?,
        };
        Some(Hello { from, to: NodeId(at.u64()?), lane })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_golden() {
        let from = Identity { cluster: ClusterId(0xc1), node: NodeId(2), disk: DiskId(0xd2), boot: 7 };
        let hello = Hello { from, to: NodeId(3), lane: Lane::Append };
        let bytes = hello.encode();
        assert_eq!(bytes.len(), HELLO_BYTES);
        assert_eq!(&bytes[..9], b"SHPL\x01\0\x01\0\xc1");
        assert_eq!((bytes[24], bytes[32], bytes[48], bytes[56]), (2, 0xd2, 7, 3));
        assert_eq!(Hello::decode(&bytes), Ok(hello));
        for (at, byte) in [(0, b'X'), (4, 2), (6, 9)] {
            let mut other = bytes.to_vec();
            other[at] = byte;
            assert_eq!(Hello::decode(&other), Err(Refusal::Version), "byte {at}");
        }
        assert_eq!(Hello::decode(&bytes[..40]), Err(Refusal::Version));
    }
}
