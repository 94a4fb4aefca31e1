//! `counter`: numbers that many add to at once, within limits, without reading
//! first; and amounts that are reserved before they are known to be used.
//!
//! A key's own row is the sum; each open reservation is two parts: `r` and its id,
//! for whoever names it, and `e`, when it expires and its id, so that what is due
//! is found first. See `docs/formats/machines.md`.

mod command;
mod sum;

pub use command::{Counted, CounterCommand, CounterReply, Within};

use crate::keyed::{Keyed, Reads, Rows};
use crate::machine::{At, Nonsense, ViewError};
use bytes::Bytes;
use model::Stamp;
use model::wire::Cursor;
use sum::{NEVER, Sum};

/// Reservations of a key that may be open.
pub const RESERVATIONS_MAX: u32 = 65_536;
/// What is due is read so many at a time.
const DUE_AT_ONCE: usize = 256;

/// The machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counter;

impl Keyed for Counter {
    fn name(&self) -> &'static str {
        "counter"
    }

    /// Who has reserved is not robbed of it because nobody could be asked.
    fn pauses(&self) -> bool {
        true
    }

    fn check(&self, body: &Bytes) -> Result<(), Nonsense> {
        CounterCommand::decode(body).map(drop).ok_or_else(|| Nonsense("it is no command of a counter".into()))
    }

    fn reads(&self, body: &Bytes, reads: &mut Reads<'_>) {
        reads.own();
        if let Some(id) = CounterCommand::decode(body).and_then(|command| command.reservation()) {
            reads.part(&by_id(id));
        }
    }

    fn apply(&self, rows: &mut Rows<'_>, body: &Bytes, at: At) -> Result<Bytes, ViewError> {
        let Some(command) = CounterCommand::decode(body) else {
            return Ok(CounterReply::Unreadable.encode());
        };
        let before = Sum::of(rows.own()?)?;
        let mut under_way = UnderWay { sum: release_due(rows, before, at.stamp)?, rows, at };
        let reply = match command {
            CounterCommand::Add { amount, within } => under_way.add(amount, within),
            CounterCommand::Reserve { id, amount, most, ttl_ms } => {
                under_way.reserve(id, amount, most, ttl_ms)?
            }
            CounterCommand::Commit { id, amount } => under_way.commit(id, amount)?,
            CounterCommand::Release { id } => under_way.commit(id, Some(0))?,
        };
        let sum = under_way.sum;
        settle(rows, before, sum);
        Ok(reply.encode())
    }

    fn expire(&self, rows: &mut Rows<'_>, at: At) -> Result<(), ViewError> {
        let before = Sum::of(rows.own()?)?;
        let sum = release_due(rows, before, at.stamp)?;
        settle(rows, before, sum);
        Ok(())
    }

    /// The body of a question is empty.
    fn query(&self, rows: &Rows<'_>, body: &Bytes, at: At) -> Result<Result<Bytes, Nonsense>, ViewError> {
        if !body.is_empty() {
            return Ok(Err(Nonsense("a question to a counter has no body".into())));
        }
        let mut sum = Sum::of(rows.own()?)?;
        let (due, _) = due(rows, &sum, at.stamp)?;
        sum.reserved -= due.iter().map(|one| one.amount).sum::<i64>();
        Ok(Ok(CounterReply::Done(sum.counted()).encode()))
    }
}

/// The sum is written and told, and looked at again when something is due.
fn settle(rows: &mut Rows<'_>, before: Sum, sum: Sum) {
    if sum == before {
        return;
    }
    rows.set_own(sum.encode());
    if sum.counted() != before.counted() {
        rows.tell_standing(CounterReply::Done(sum.counted()).encode());
    }
    if sum.first_due != before.first_due {
        let noted = |due: Stamp| Some(due).filter(|due| *due != NEVER);
        noted(before.first_due).into_iter().for_each(|due| rows.not_due(due));
        noted(sum.first_due).into_iter().for_each(|due| rows.due(due));
    }
}

/// One command.
struct UnderWay<'a, 'b> {
    sum: Sum,
    rows: &'a mut Rows<'b>,
    at: At,
}

impl UnderWay<'_, '_> {
    fn add(&mut self, amount: i64, within: Within) -> CounterReply {
        let Some(value) = self.sum.value.checked_add(amount) else {
            return CounterReply::Overflow(self.sum.counted());
        };
        // What lowers it is held to the lower limit alone, and the other way round.
        let is_over = amount > 0 && value.saturating_add(self.sum.reserved) > within.most;
        if is_over || (amount < 0 && value < within.least) {
            return CounterReply::Limit(self.sum.counted());
        }
        self.sum.value = value;
        CounterReply::Done(self.sum.counted())
    }

    fn reserve(&mut self, id: u128, amount: i64, most: i64, ttl_ms: u64) -> Result<CounterReply, ViewError> {
        let expires = Stamp(self.at.stamp.0.saturating_add(ttl_ms.saturating_mul(1_000_000)));
        if self.rows.part(&by_id(id))?.is_some() {
            return Ok(CounterReply::Taken(self.sum.counted()));
        }
        if self.sum.open >= RESERVATIONS_MAX {
            return Ok(CounterReply::TooMany(self.sum.counted()));
        }
        let total = self.sum.reserved.checked_add(amount);
        let Some((reserved, all)) = total.and_then(|total| Some((total, total.checked_add(self.sum.value)?)))
        else {
            return Ok(CounterReply::Overflow(self.sum.counted()));
        };
        if all > most {
            return Ok(CounterReply::Limit(self.sum.counted()));
        }
        self.rows.set_part(&by_id(id), [expires.0.to_le_bytes(), amount.to_le_bytes()].concat());
        self.rows.set_part(&by_expiry(expires, id), amount.to_le_bytes().to_vec());
        let first_due = self.sum.first_due.min(expires);
        self.sum = Sum { reserved, open: self.sum.open + 1, first_due, ..self.sum };
        Ok(CounterReply::Done(self.sum.counted()))
    }

    /// So much of what is reserved counts from now on, the rest is free.
    fn commit(&mut self, id: u128, amount: Option<i64>) -> Result<CounterReply, ViewError> {
        let Some(part) = self.rows.part(&by_id(id))? else {
            return Ok(CounterReply::NoReservation(self.sum.counted()));
        };
        let (expires, reserved) = reservation_of(&part)?;
        let amount = amount.unwrap_or(reserved);
        if amount > reserved {
            return Ok(CounterReply::Limit(self.sum.counted()));
        }
        let Some(value) = self.sum.value.checked_add(amount) else {
            return Ok(CounterReply::Overflow(self.sum.counted()));
        };
        self.rows.remove_part(&by_id(id));
        self.rows.remove_part(&by_expiry(expires, id));
        let (reserved, open) = (self.sum.reserved - reserved, self.sum.open - 1);
        self.sum = Sum { value, reserved, open, ..self.sum }.tidied();
        Ok(CounterReply::Done(self.sum.counted()))
    }
}

/// A reservation that has expired.
struct Due {
    expires: Stamp,
    id: u128,
    amount: i64,
}

/// What has expired at this stamp, and when the next does.
fn due(rows: &Rows<'_>, sum: &Sum, now: Stamp) -> Result<(Vec<Due>, Option<Stamp>), ViewError> {
    let mut due = Vec::new();
    if !sum.is_due(now) {
        return Ok((due, Some(sum.first_due)));
    }
    let mut from = Bytes::copy_from_slice(&sum.first_due.0.to_be_bytes());
    loop {
        let page = rows.parts_from(b"e", &from, DUE_AT_ONCE)?;
        let Some((last, _)) = page.last() else { return Ok((due, None)) };
        // Behind the last.
        from = Bytes::from([&last[..], &[0][..]].concat());
        for (name, amount) in &page {
            let expires = expiry_of(name)?;
            if expires > now {
                return Ok((due, Some(expires)));
            }
            due.push(Due { expires, id: id_of(name)?, amount: amount_of(amount)? });
        }
    }
}

/// Takes away what has expired at this stamp.
fn release_due(rows: &mut Rows<'_>, sum: Sum, now: Stamp) -> Result<Sum, ViewError> {
    let (due, next) = due(rows, &sum, now)?;
    let mut sum = Sum { first_due: next.unwrap_or(NEVER), ..sum };
    for Due { expires, id, amount } in due {
        rows.remove_part(&by_expiry(expires, id));
        rows.remove_part(&by_id(id));
        sum = Sum { reserved: sum.reserved - amount, open: sum.open - 1, ..sum };
    }
    Ok(sum)
}

fn by_id(id: u128) -> [u8; 17] {
    let mut name = [b'r'; 17];
    name[1..].copy_from_slice(&id.to_be_bytes());
    name
}

fn by_expiry(expires: Stamp, id: u128) -> [u8; 25] {
    let mut name = [b'e'; 25];
    name[1..9].copy_from_slice(&expires.0.to_be_bytes());
    name[9..].copy_from_slice(&id.to_be_bytes());
    name
}

/// When, of the rest of an expiry's name.
fn expiry_of(name: &[u8]) -> Result<Stamp, ViewError> {
    name.first_chunk().map(|expires| Stamp(u64::from_be_bytes(*expires))).ok_or_else(strange)
}

fn id_of(name: &[u8]) -> Result<u128, ViewError> {
    let id = name.get(8..).and_then(|id| id.try_into().ok());
    id.map(u128::from_be_bytes).ok_or_else(strange)
}

fn amount_of(part: &[u8]) -> Result<i64, ViewError> {
    part.try_into().map(i64::from_le_bytes).map_err(|_| strange())
}

fn reservation_of(part: &[u8]) -> Result<(Stamp, i64), ViewError> {
    let mut cursor = Cursor::new(part);
    let read = cursor.u64().zip(cursor.u64()).filter(|_| cursor.is_empty());
    read.map(|(expires, amount)| (Stamp(expires), amount.cast_signed())).ok_or_else(strange)
}

fn strange() -> ViewError {
    ViewError("a row is none that this build's `counter` wrote".into())
}

#[cfg(test)]
mod tests;
