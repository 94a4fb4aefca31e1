//! One command of `kv` under way: what it has made of rows so far.

use super::change::{Act, Asked};
use super::{Kv, KvReply, Row, strange};
use crate::machine::{At, Outcome, View, ViewError};
use bytes::Bytes;
use model::keyspace::{decode_data, encode_deadline};
use model::{Before, Condition, Event, EventKind, Index, Key, Mutation, Stamp};
use std::collections::BTreeMap;

/// Rows as they were before, of one command: what is told of it has to fit into a
/// message.
const BEFORE_BYTES_MAX: usize = 2 << 20;

/// One command, change by change.
pub(super) struct UnderWay<'a> {
    kv: Kv,
    view: &'a dyn View,
    command: &'a Bytes,
    at: At,
    /// Changes see what those before them made.
    looks_back: bool,
    /// By the changes so far: what these rows are now, or that they are gone.
    changed: BTreeMap<Bytes, Option<Row>>,
    mutations: Vec<Mutation>,
    events: Vec<Event>,
    /// Bytes of what the events say of rows before.
    before: usize,
}

/// What a change comes to.
pub(super) enum Changed {
    /// It is none.
    Nonsense,
    /// Its condition does not hold: the row's revision.
    Refused(Option<Index>),
    /// With it the command tells more of rows before than it may.
    TooMuch,
    /// It is done.
    Done,
    /// There was no such row.
    NotFound,
}

impl<'a> UnderWay<'a> {
    pub fn new(kv: Kv, view: &'a dyn View, command: &'a Bytes, at: At) -> UnderWay<'a> {
        let (changed, mutations, events) = (BTreeMap::new(), Vec::new(), Vec::new());
        UnderWay { kv, view, command, at, looks_back: false, changed, mutations, events, before: 0 }
    }

    /// Of several changes.
    pub fn looking_back(self) -> UnderWay<'a> {
        UnderWay { looks_back: true, ..self }
    }

    pub fn into_outcome(self, reply: &KvReply) -> Outcome {
        Outcome { reply: reply.encode(), mutations: self.mutations, events: self.events }
    }

    pub fn change(&mut self, asked: Asked<'_>) -> Result<Changed, ViewError> {
        let Some((key, stored)) = self.kv.stored(self.command, asked.key) else {
            return Ok(Changed::Nonsense);
        };
        let there = match self.kv.is_blind(&asked) {
            true => None,
            false => self.row(&stored)?,
        };
        let alive = there.as_ref().filter(|row| row.is_alive(self.at.stamp));
        let revision = alive.map(|row| row.revision);
        if asked.condition != Condition::Always && !asked.condition.holds(revision) {
            return Ok(Changed::Refused(revision));
        }
        match (asked.act, alive) {
            (Act::Upsert { value, ttl_ms }, _) => {
                let value = self.command.slice_ref(value);
                self.put(key, stored, there, value, ttl_ms);
            }
            (Act::Remove | Act::Touch { .. }, None) => return Ok(Changed::NotFound),
            (Act::Remove, Some(_)) => self.remove(EventKind::Removed, key, stored, there),
            (Act::Touch { ttl_ms }, Some(row)) => {
                let row = row.clone();
                self.touch(stored, row, ttl_ms);
            }
        }
        // One row fits, whatever it is.
        if self.events.len() > 1 && self.before > BEFORE_BYTES_MAX {
            return Ok(Changed::TooMuch);
        }
        Ok(Changed::Done)
    }

    /// The row is gone if its time is up.
    pub fn expire(&mut self, key: Key, stored: &Bytes) -> Result<(), ViewError> {
        let there = self.row(stored)?;
        if there.as_ref().is_some_and(|row| !row.is_alive(self.at.stamp)) {
            self.remove(EventKind::Expired, key, stored.clone(), there);
        }
        Ok(())
    }

    /// A row that was found in a range is gone.
    pub fn take_away(&mut self, stored: Bytes, row: &Bytes) -> Result<(), ViewError> {
        let found = Row::decode(row).zip(decode_data(self.kv.setting.layout, &stored));
        let Some((row, of)) = found else { return Err(strange(&stored)) };
        let is_alive = row.is_alive(self.at.stamp);
        let kind = if is_alive { EventKind::Removed } else { EventKind::Expired };
        self.remove(kind, of.key, stored, Some(row));
        Ok(())
    }

    /// What was there is what the row is if nobody has looked.
    fn put(&mut self, key: Key, stored: Bytes, there: Option<Row>, value: Bytes, ttl_ms: Option<u64>) {
        let dead = there.as_ref().is_some_and(|row| !row.is_alive(self.at.stamp));
        if dead {
            // No tick has come by yet: it went before this came.
            self.tell(EventKind::Expired, key.clone(), Bytes::new(), there.as_ref());
        }
        let before = there.as_ref().filter(|_| !dead);
        self.tell(EventKind::Put, key, value.clone(), before);
        let row = Row { revision: self.at.index, expires: ttl_ms.map(|ttl| self.after(ttl)), value };
        self.set(stored, there, Some(row));
    }

    fn remove(&mut self, kind: EventKind, key: Key, stored: Bytes, there: Option<Row>) {
        self.tell(kind, key, Bytes::new(), there.as_ref());
        self.set(stored, there, None);
    }

    /// The same row lasts longer, or less long. Nothing is told: it holds what it
    /// held.
    fn touch(&mut self, stored: Bytes, row: Row, ttl_ms: Option<u64>) {
        let touched = Row { expires: ttl_ms.map(|ttl| self.after(ttl)), ..row.clone() };
        if touched.expires != row.expires {
            self.set(stored, Some(row), Some(touched));
        }
    }

    fn set(&mut self, stored: Bytes, before: Option<Row>, after: Option<Row>) {
        let noted = |row: &Option<Row>| row.as_ref().and_then(|row| row.expires);
        if let Some(due) = noted(&before) {
            self.mutations.push(Mutation::delete(encode_deadline(due, &stored)));
        }
        if let Some(due) = noted(&after) {
            self.mutations.push(Mutation::put(encode_deadline(due, &stored), Bytes::new()));
        }
        self.mutations.push(match &after {
            Some(row) => Mutation::put(stored.clone(), row.encode()),
            None => Mutation::delete(stored.clone()),
        });
        if self.looks_back {
            self.changed.insert(stored, after);
        }
    }

    fn tell(&mut self, kind: EventKind, key: Key, body: Bytes, before: Option<&Row>) {
        let before = before.filter(|_| self.kv.setting.previous);
        let before = before.map(|row| Before { revision: row.revision, value: row.value.clone() });
        self.before += before.as_ref().map_or(0, |before| before.value.len());
        self.events.push(Event { before, ..Event::new(kind, key, body) });
    }

    fn after(&self, ttl_ms: u64) -> Stamp {
        Stamp(self.at.stamp.0.saturating_add(ttl_ms.saturating_mul(1_000_000)))
    }

    fn row(&self, stored: &[u8]) -> Result<Option<Row>, ViewError> {
        if let Some(changed) = self.changed.get(stored) {
            return Ok(changed.clone());
        }
        let Some(row) = self.view.get(stored)? else { return Ok(None) };
        match Row::decode(&row) {
            Some(row) => Ok(Some(row)),
            None => Err(strange(stored)),
        }
    }
}
