//! A command: what a client asked, after transforms, as it stands in a record.
//!
//! The payload of a `Commands` record is its commands, each behind a `u32`
//! length. A command is a flags byte, the op-id if there is one, how far its
//! client has been answered if it says so, and the body, which only the table's
//! machine reads. One that asks what became of an operation has no body. See
//! `docs/formats/log.md`.

use crate::wire::Cursor;
use bytes::Bytes;

const HAS_OP_ID: u8 = 0b0000_0001;
/// Only with an op-id: it says of its client.
const HAS_ANSWERED: u8 = 0b0000_0010;
/// Only with an op-id, and without a body.
const ASKS: u8 = 0b0000_0100;

/// Names one operation of one client, so that a retry is known as such.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId {
    /// A UUIDv7 made by the client.
    pub client: u128,
    /// Unique per client over the table, in any order.
    pub sequence: u64,
}

impl OpId {
    /// The id of a client that begins at this time: a UUID of version 7, 48 bits of
    /// milliseconds and the rest random but for version and variant.
    pub fn new_client(ms: u64, random: u128) -> u128 {
        let time = u128::from(ms & 0xffff_ffff_ffff) << 80;
        time | 7 << 76 | (random & 0x0fff << 64) | 2 << 62 | (random & 0x3fff_ffff_ffff_ffff)
    }
}

/// One command of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Present when the client wants its answer exactly once.
    pub op: Option<OpId>,
    /// The op's client has the answers to everything up to this sequence.
    pub answered_upto: Option<u64>,
    /// It asks what became of the operation; if it was not done, it never is.
    pub asks: bool,
    /// For the machine alone.
    pub body: Bytes,
}

/// Why a record's payload is not what it says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// Bytes end inside a command.
    #[error("the payload ends inside command {0}")]
    CutShort(u32),
    /// Flags that this build does not know: a later build wrote them.
    #[error("command {0} has flags {1:#04x}, which this build does not know")]
    UnknownFlags(u32, u8),
    /// More or fewer commands than the record counts.
    #[error("the payload does not hold the {0} commands that its record counts")]
    Miscounted(u32),
}

impl Command {
    /// A command without an op-id.
    pub fn plain(body: impl Into<Bytes>) -> Command {
        Command { op: None, answered_upto: None, asks: false, body: body.into() }
    }

    /// What became of the operation?
    pub fn asking(op: OpId) -> Command {
        Command { op: Some(op), asks: true, ..Command::plain(Bytes::new()) }
    }

    fn decode(number: u32, bytes: &Bytes) -> Result<Command, CommandError> {
        let short = CommandError::CutShort(number);
        let mut cursor = Cursor::new(bytes);
        let flags = cursor.u8().ok_or(short)?;
        let [has_op, has_answered, asks] = [HAS_OP_ID, HAS_ANSWERED, ASKS].map(|flag| flags & flag != 0);
        if flags & !(HAS_OP_ID | HAS_ANSWERED | ASKS) != 0 || ((has_answered || asks) && !has_op) {
            return Err(CommandError::UnknownFlags(number, flags));
        }
        let mut command = Command::plain(Bytes::new());
        if has_op {
            let client = cursor.u128().ok_or(short)?;
            command.op = Some(OpId { client, sequence: cursor.u64().ok_or(short)? });
        }
        if has_answered {
            command.answered_upto = Some(cursor.u64().ok_or(short)?);
        }
        command.asks = asks;
        command.body = bytes.slice_ref(cursor.rest());
        if asks && !command.body.is_empty() {
            return Err(CommandError::UnknownFlags(number, flags));
        }
        Ok(command)
    }
}

/// Bytes that a command takes in a payload, beside its body, at most.
pub const COMMAND_BYTES_EXTRA: usize = 37;

/// Appends a command to a payload: `body` writes the body where it will stand.
/// How far a client has been answered is said with an op of that client.
pub fn put_command(
    out: &mut Vec<u8>,
    op: Option<OpId>,
    answered_upto: Option<u64>,
    body: impl FnOnce(&mut Vec<u8>),
) {
    put(out, op, answered_upto, 0, body);
}

/// Appends a command that asks what became of an operation.
pub fn put_question(out: &mut Vec<u8>, op: OpId) {
    put(out, Some(op), None, ASKS, |_| {});
}

fn put(
    out: &mut Vec<u8>,
    op: Option<OpId>,
    answered_upto: Option<u64>,
    mut flags: u8,
    body: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    out.extend_from_slice(&[0; 5]);
    if let Some(op) = op {
        flags |= HAS_OP_ID;
        out.extend_from_slice(&op.client.to_le_bytes());
        out.extend_from_slice(&op.sequence.to_le_bytes());
        if let Some(upto) = answered_upto {
            flags |= HAS_ANSWERED;
            out.extend_from_slice(&upto.to_le_bytes());
        }
    }
    body(out);
    out[start + 4] = flags;
    let length = u32::try_from(out.len() - start - 4).expect("bounded by Limits, far below 4 GiB");
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// The payload of a `Commands` record.
pub fn encode_commands(commands: &[Command]) -> Bytes {
    let bytes = |command: &Command| COMMAND_BYTES_EXTRA + command.body.len();
    let mut out = Vec::with_capacity(commands.iter().map(bytes).sum());
    for command in commands {
        if let Some(op) = command.op.filter(|_| command.asks) {
            put_question(&mut out, op);
            continue;
        }
        put_command(&mut out, command.op, command.answered_upto, |out| out.extend_from_slice(&command.body));
    }
    Bytes::from(out)
}

/// The commands of a payload; their bodies share its memory.
pub fn decode_commands(payload: &Bytes, count: u32) -> Result<Vec<Command>, CommandError> {
    let mut cursor = Cursor::new(payload);
    let mut commands = Vec::new();
    while !cursor.is_empty() {
        let number = u32::try_from(commands.len()).map_err(|_| CommandError::Miscounted(count))?;
        if number == count {
            return Err(CommandError::Miscounted(count));
        }
        let bytes = cursor.prefixed().ok_or(CommandError::CutShort(number))?;
        commands.push(Command::decode(number, &payload.slice_ref(bytes))?);
    }
    if commands.len() != count as usize {
        return Err(CommandError::Miscounted(count));
    }
    Ok(commands)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bytes_are_golden() {
        let op = Some(OpId { client: 0x0102, sequence: 7 });
        let commands = [Command::plain("ab"), Command { op, ..Command::plain("c") }];
        let payload = encode_commands(&commands);
        assert_eq!(
            &payload[..],
            b"\x03\0\0\0\x00ab\x1a\0\0\0\x01\x02\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0c"
        );
        let question = op.map(Command::asking).expect("an op-id");
        assert_eq!(
            &encode_commands(std::slice::from_ref(&question))[..],
            b"\x19\0\0\0\x05\x02\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0"
        );
        assert_eq!(decode_commands(&encode_commands(std::slice::from_ref(&question)), 1), Ok(vec![question]));
        let answered = Command { op, answered_upto: Some(5), ..Command::plain("c") };
        assert_eq!(
            &encode_commands(&[answered])[..],
            b"\x22\0\0\0\x03\x02\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0c"
        );
    }

    #[test]
    fn damage_is_named() {
        let good = encode_commands(&[Command::plain("ab"), Command::plain("c")]);
        let cut = good.slice(..good.len() - 1);
        assert_eq!(decode_commands(&cut, 2), Err(CommandError::CutShort(1)));
        assert_eq!(decode_commands(&good, 1), Err(CommandError::Miscounted(1)));
        assert_eq!(decode_commands(&good, 3), Err(CommandError::Miscounted(3)));
        let later = Bytes::from_static(b"\x01\0\0\0\x80");
        assert_eq!(decode_commands(&later, 1), Err(CommandError::UnknownFlags(0, 0x80)));
        let of_nobody = Bytes::from_static(b"\x09\0\0\0\x02\0\0\0\0\0\0\0\0");
        assert_eq!(decode_commands(&of_nobody, 1), Err(CommandError::UnknownFlags(0, 2)));
        let question = encode_commands(&[Command::asking(OpId { client: 1, sequence: 2 })]);
        let with_body = Bytes::from([b"\x1a\0\0\0", &question[4..], b"b"].concat());
        assert_eq!(decode_commands(&with_body, 1), Err(CommandError::UnknownFlags(0, 5)));
    }

    proptest! {
        #[test]
        fn commands_round_trip(bodies in proptest::collection::vec(
            (
                proptest::option::of((any::<u128>(), any::<u64>(), any::<Option<u64>>())),
                proptest::collection::vec(any::<u8>(), 0..40),
            ),
            0..12,
        )) {
            let commands: Vec<Command> = bodies.into_iter().map(|(op, body)| Command {
                op: op.map(|(client, sequence, _)| OpId { client, sequence }),
                answered_upto: op.and_then(|(_, _, upto)| upto),
                asks: false,
                body: Bytes::from(body),
            }).collect();
            let count = u32::try_from(commands.len()).expect("few");
            prop_assert_eq!(decode_commands(&encode_commands(&commands), count), Ok(commands));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64), count in 0u32..8) {
            let _ = decode_commands(&Bytes::from(bytes), count);
        }
    }
}
