//! What a client asks of a lease and what it hears, as bytes: laid out in
//! `docs/formats/machines.md`.

use bytes::Bytes;
use model::Index;
use model::wire::Cursor;

/// The longest that a lease is given for without being renewed: 30 days.
pub const TTL_MS_MAX: u64 = 30 * 86_400_000;
const HOLDER_BYTES_MAX: usize = 255;

const ACQUIRE: u8 = 1;
const RENEW: u8 = 2;
const RELEASE: u8 = 3;

/// A command's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseCommand {
    /// Takes it if nobody else has it.
    Acquire {
        /// Who asks, in up to 255 bytes of its own choice.
        holder: Bytes,
        /// For how long, from the command's stamp on.
        ttl_ms: u64,
    },
    /// Holds it longer.
    Renew {
        /// Under which it is held.
        token: Index,
        /// For how long, from the command's stamp on.
        ttl_ms: u64,
    },
    /// Gives it back.
    Release {
        /// Under which it is held.
        token: Index,
    },
}

/// How a lease stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// It rises with every new holder.
    pub token: Index,
    /// For so long nobody else gets it.
    pub remaining_ms: u64,
    /// Who holds it.
    pub holder: Bytes,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseReply {
    /// Nobody holds it.
    Free,
    /// So it is held: by who asked to hold it.
    Held(Standing),
    /// Somebody else holds it.
    Taken(Standing),
    /// The token is that of a former holder; somebody else holds it now.
    Lost(Standing),
    /// The token is that of a former holder; nobody holds it now.
    LostAndFree,
    /// The body was no command; nothing changed.
    Unreadable,
}

impl LeaseCommand {
    /// The command's body.
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::new();
        match self {
            LeaseCommand::Acquire { holder, ttl_ms } => {
                out.push(ACQUIRE);
                out.extend_from_slice(&ttl_ms.to_le_bytes());
                out.extend_from_slice(holder);
            }
            LeaseCommand::Renew { token, ttl_ms } => {
                out.push(RENEW);
                out.extend_from_slice(&ttl_ms.to_le_bytes());
                out.extend_from_slice(&token.to_le_bytes());
            }
            LeaseCommand::Release { token } => {
                out.push(RELEASE);
                out.extend_from_slice(&token.to_le_bytes());
            }
        }
        Bytes::from(out)
    }

    /// The command of a body, if it is one.
    pub fn decode(body: &Bytes) -> Option<LeaseCommand> {
        let mut cursor = Cursor::new(body);
        let verb = cursor.u8()?;
        let ttl = |cursor: &mut Cursor<'_>| cursor.u64().filter(|ttl| (1..=TTL_MS_MAX).contains(ttl));
        match verb {
            ACQUIRE => {
                let ttl_ms = ttl(&mut cursor)?;
                let holder = body.slice_ref(cursor.rest());
                (1..=HOLDER_BYTES_MAX)
                    .contains(&holder.len())
                    .then_some(LeaseCommand::Acquire { holder, ttl_ms })
            }
            RENEW => {
                let (ttl_ms, token) = (ttl(&mut cursor)?, cursor.u64()?);
                cursor.is_empty().then_some(LeaseCommand::Renew { token, ttl_ms })
            }
            RELEASE => {
                let token = cursor.u64()?;
                cursor.is_empty().then_some(LeaseCommand::Release { token })
            }
            _ => None,
        }
    }
}

impl LeaseReply {
    /// The reply's bytes.
    pub fn encode(&self) -> Bytes {
        let (kind, standing) = match self {
            LeaseReply::Free => (0, None),
            LeaseReply::Held(standing) => (1, Some(standing)),
            LeaseReply::Taken(standing) => (2, Some(standing)),
            LeaseReply::Lost(standing) => (3, Some(standing)),
            LeaseReply::LostAndFree => (4, None),
            LeaseReply::Unreadable => (u8::MAX, None),
        };
        let mut out = vec![kind];
        if let Some(Standing { token, remaining_ms, holder }) = standing {
            out.extend_from_slice(&token.to_le_bytes());
            out.extend_from_slice(&remaining_ms.to_le_bytes());
            out.extend_from_slice(holder);
        }
        Bytes::from(out)
    }

    /// The reply of these bytes.
    pub fn decode(bytes: &Bytes) -> LeaseReply {
        let mut cursor = Cursor::new(bytes);
        let kind = cursor.u8();
        let standing = |mut cursor: Cursor<'_>| {
            let (token, remaining_ms) = (cursor.u64()?, cursor.u64()?);
            Some(Standing { token, remaining_ms, holder: bytes.slice_ref(cursor.rest()) })
        };
        let reply = match kind {
            Some(0) => Some(LeaseReply::Free),
            Some(1) => standing(cursor).map(LeaseReply::Held),
            Some(2) => standing(cursor).map(LeaseReply::Taken),
            Some(3) => standing(cursor).map(LeaseReply::Lost),
            Some(4) => Some(LeaseReply::LostAndFree),
            _ => None,
        };
        reply.unwrap_or(LeaseReply::Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_golden_and_round_trip() {
        let acquire = LeaseCommand::Acquire { holder: Bytes::from("me"), ttl_ms: 3 };
        let rows = [
            (acquire, &b"\x01\x03\0\0\0\0\0\0\0me"[..]),
            (LeaseCommand::Renew { token: 7, ttl_ms: 3 }, b"\x02\x03\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0"),
            (LeaseCommand::Release { token: 7 }, b"\x03\x07\0\0\0\0\0\0\0"),
        ];
        for (command, bytes) in rows {
            assert_eq!(command.encode(), bytes);
            assert_eq!(LeaseCommand::decode(&Bytes::from_static(bytes)), Some(command));
        }
        let long = LeaseCommand::Acquire { holder: Bytes::from(vec![b'x'; 256]), ttl_ms: 3 };
        let nobody = LeaseCommand::Acquire { holder: Bytes::new(), ttl_ms: 3 };
        let never = LeaseCommand::Renew { token: 7, ttl_ms: 0 };
        let ages = LeaseCommand::Renew { token: 7, ttl_ms: TTL_MS_MAX + 1 };
        for command in [long, nobody, never, ages] {
            assert_eq!(LeaseCommand::decode(&command.encode()), None, "{command:?}");
        }
        let standing = Standing { token: 7, remaining_ms: 3, holder: Bytes::from("me") };
        let bytes = &b"\x02\x07\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0me"[..];
        assert_eq!(LeaseReply::Taken(standing.clone()).encode(), bytes);
        let replies = [
            LeaseReply::Free,
            LeaseReply::Held(standing.clone()),
            LeaseReply::Taken(standing.clone()),
            LeaseReply::Lost(standing),
            LeaseReply::LostAndFree,
            LeaseReply::Unreadable,
        ];
        for reply in replies {
            assert_eq!(LeaseReply::decode(&reply.encode()), reply);
        }
    }
}
