//! What a client asks of a counter and what it hears, as bytes: laid out in
//! `docs/formats/machines.md`.

use bytes::Bytes;
use model::wire::Cursor;

const ADD: u8 = 1;
const RESERVE: u8 = 2;
const COMMIT: u8 = 3;
const COMMIT_SOME: u8 = 4;
const RELEASE: u8 = 5;

/// A command's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CounterCommand {
    /// Adds, if the sum then lies within.
    Add {
        /// How much; negative lowers it.
        amount: i64,
        /// What it may come to.
        within: Within,
    },
    /// Sets an amount aside, which counts against the limit and not for the sum.
    Reserve {
        /// Names it.
        id: u128,
        /// How much; not negative.
        amount: i64,
        /// What sum and reservations may come to together.
        most: i64,
        /// For so long; then it is free again.
        ttl_ms: u64,
    },
    /// Adds what was reserved, and frees the rest.
    Commit {
        /// Which.
        id: u128,
        /// How much of it; none is all.
        amount: Option<i64>,
    },
    /// Frees what was reserved.
    Release {
        /// Which.
        id: u128,
    },
}

/// What a sum may come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Within {
    /// It may not be lowered below.
    pub least: i64,
    /// It may not be raised above, together with what is reserved.
    pub most: i64,
}

impl Within {
    /// Anything.
    pub const ANY: Within = Within { least: i64::MIN, most: i64::MAX };
}

/// How a counter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The sum.
    pub value: i64,
    /// What is set aside beside it.
    pub reserved: i64,
}

/// What came of it. All but the first and the last say how the counter stands,
/// unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CounterReply {
    /// As asked: how it stands now.
    Done(Counted),
    /// It would not be within its limits.
    Limit(Counted),
    /// The numbers are too large.
    Overflow(Counted),
    /// There is no such reservation: it never was, is committed, released or
    /// expired.
    NoReservation(Counted),
    /// There is such a reservation already.
    Taken(Counted),
    /// So many reservations are open as may be.
    TooMany(Counted),
    /// The body was no command; nothing changed.
    Unreadable,
}

impl CounterCommand {
    /// The reservation that it is about.
    pub fn reservation(&self) -> Option<u128> {
        match self {
            CounterCommand::Add { .. } => None,
            CounterCommand::Reserve { id, .. }
            | CounterCommand::Commit { id, .. }
            | CounterCommand::Release { id } => Some(*id),
        }
    }

    /// The command's body.
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(41);
        match *self {
            CounterCommand::Add { amount, within } => {
                out.push(ADD);
                put(&mut out, &[amount, within.least, within.most]);
            }
            CounterCommand::Reserve { id, amount, most, ttl_ms } => {
                out.push(RESERVE);
                out.extend_from_slice(&id.to_le_bytes());
                put(&mut out, &[amount, most, ttl_ms.cast_signed()]);
            }
            CounterCommand::Commit { id, amount: None } => {
                out.push(COMMIT);
                out.extend_from_slice(&id.to_le_bytes());
            }
            CounterCommand::Commit { id, amount: Some(amount) } => {
                out.push(COMMIT_SOME);
                out.extend_from_slice(&id.to_le_bytes());
                put(&mut out, &[amount]);
            }
            CounterCommand::Release { id } => {
                out.push(RELEASE);
                out.extend_from_slice(&id.to_le_bytes());
            }
        }
        Bytes::from(out)
    }

    /// The command of a body, if it is one.
    pub fn decode(body: &[u8]) -> Option<CounterCommand> {
        let mut cursor = Cursor::new(body);
        let verb = cursor.u8()?;
        let number = |cursor: &mut Cursor<'_>| cursor.u64().map(u64::cast_signed);
        let amount = |cursor: &mut Cursor<'_>| number(cursor).filter(|amount| *amount >= 0);
        let command = match verb {
            ADD => {
                let amount = number(&mut cursor)?;
                let within = Within { least: number(&mut cursor)?, most: number(&mut cursor)? };
                CounterCommand::Add { amount, within }
            }
            RESERVE => {
                let (id, amount) = (cursor.u128()?, amount(&mut cursor)?);
                CounterCommand::Reserve { id, amount, most: number(&mut cursor)?, ttl_ms: cursor.u64()? }
            }
            COMMIT => CounterCommand::Commit { id: cursor.u128()?, amount: None },
            COMMIT_SOME => CounterCommand::Commit { id: cursor.u128()?, amount: Some(amount(&mut cursor)?) },
            RELEASE => CounterCommand::Release { id: cursor.u128()? },
            _ => return None,
        };
        cursor.is_empty().then_some(command)
    }
}

fn put(out: &mut Vec<u8>, numbers: &[i64]) {
    numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
}

impl CounterReply {
    /// The reply's bytes.
    pub fn encode(self) -> Bytes {
        let (kind, counted) = match self {
            CounterReply::Done(counted) => (0, counted),
            CounterReply::Limit(counted) => (1, counted),
            CounterReply::Overflow(counted) => (2, counted),
            CounterReply::NoReservation(counted) => (3, counted),
            CounterReply::Taken(counted) => (4, counted),
            CounterReply::TooMany(counted) => (5, counted),
            CounterReply::Unreadable => return Bytes::from_static(&[u8::MAX]),
        };
        let mut out = vec![kind];
        put(&mut out, &[counted.value, counted.reserved]);
        Bytes::from(out)
    }

    /// The reply of these bytes.
    pub fn decode(bytes: &[u8]) -> CounterReply {
        let read = || {
            let mut cursor = Cursor::new(bytes);
            let kind = cursor.u8()?;
            let counted =
                Counted { value: cursor.u64()?.cast_signed(), reserved: cursor.u64()?.cast_signed() };
            cursor.is_empty().then_some((kind, counted))
        };
        match read() {
            Some((0, counted)) => CounterReply::Done(counted),
            Some((1, counted)) => CounterReply::Limit(counted),
            Some((2, counted)) => CounterReply::Overflow(counted),
            Some((3, counted)) => CounterReply::NoReservation(counted),
            Some((4, counted)) => CounterReply::Taken(counted),
            Some((5, counted)) => CounterReply::TooMany(counted),
            _ => CounterReply::Unreadable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_golden_and_round_trip() {
        let commands = [
            (
                CounterCommand::Add { amount: -1, within: Within { least: 0, most: 2 } },
                &b"\x01\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0"[..],
            ),
            (CounterCommand::Commit { id: 7, amount: None }, b"\x03\x07\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
            (
                CounterCommand::Commit { id: 7, amount: Some(2) },
                b"\x04\x07\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0",
            ),
            (CounterCommand::Release { id: 7 }, b"\x05\x07\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
            (
                CounterCommand::Reserve { id: 7, amount: 1, most: 2, ttl_ms: 3 },
                b"\x02\x07\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0",
            ),
        ];
        for (command, bytes) in commands {
            assert_eq!(command.encode(), bytes);
            assert_eq!(CounterCommand::decode(bytes), Some(command));
            assert_eq!(CounterCommand::decode(&bytes[..bytes.len() - 1]), None);
        }
        let negative = CounterCommand::Reserve { id: 7, amount: -1, most: 2, ttl_ms: 3 };
        assert_eq!(CounterCommand::decode(&negative.encode()), None);
        let counted = Counted { value: -1, reserved: 2 };
        assert_eq!(
            CounterReply::Limit(counted).encode(),
            &b"\x01\xff\xff\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\0\0\0"[..]
        );
        let replies = [
            CounterReply::Done(counted),
            CounterReply::Limit(counted),
            CounterReply::Overflow(counted),
            CounterReply::NoReservation(counted),
            CounterReply::Taken(counted),
            CounterReply::TooMany(counted),
            CounterReply::Unreadable,
        ];
        for reply in replies {
            assert_eq!(CounterReply::decode(&reply.encode()), reply);
        }
    }
}
