//! Applying what an owner wrote of its own accord: time that passed, a gap in
//! ownership, another version of the machine, events given up.

use super::{Applier, ApplyError, Made};
use crate::overlay::Overlaid;
use crate::standing::row;
use env::sometimes;
use machine::{At, View, ViewError};
use model::event::Events;
use model::keyspace::{deadlines_from, decode_deadline, events_from, index_of_events, meta};
use model::{Chore, Event, Index, KeyRange, Mutation, Record, Trim};
use statestore::Store;

/// A tick ends behind the row with which it tells more than this, or changes more.
const TICK_BYTES: usize = 1 << 20;
const TICK_CHANGES: usize = 16_384;
/// Events are looked at so many rows at a time.
const TRIM_PAGE: usize = 64;

impl Applier {
    pub(super) fn chore(
        &mut self,
        record: &Record,
        chore: Chore,
        store: &dyn Store,
    ) -> Result<(), ApplyError> {
        if let Chore::UseMachine { version, name } = &chore {
            self.check_version(record.first_index, *version, name)?;
        }
        let mut made = Made::after(&self.standing, record.stamp);
        self.standing.own += u64::from(record.count);
        let own = Mutation::put(row(meta::OWN), self.standing.own.to_le_bytes().to_vec());
        self.take(&mut made, 0, vec![own], Vec::new());
        match chore {
            Chore::Tick { most } => self.tick(record, most, store, &mut made)?,
            Chore::Resumed { gap } => self.resume(gap, &mut made),
            Chore::UseMachine { version, .. } => self.use_machine(version, &mut made),
            Chore::Trim(trim) => self.trim(trim, store, &mut made)?,
        }
        self.close(made, record.first_index);
        Ok(())
    }

    /// What is due expires, the earliest first.
    fn tick(
        &mut self,
        record: &Record,
        most: u32,
        store: &dyn Store,
        made: &mut Made,
    ) -> Result<(), ApplyError> {
        let index = record.first_index;
        let machine = self.machine(index)?;
        let at = At { index, stamp: self.own_time(&*machine, record.stamp) };
        // Nothing is noted below this. What a store has deleted there it need not
        // walk through again.
        let Some(from) = self.standing.first_due else { return Ok(()) };
        let noted = self.rows(store, &deadlines_from(from), (most as usize).saturating_add(1))?;
        let noted = noted.into_iter().map(|(key, _)| {
            let strange = || ViewError(format!("deadline {} is none", key.escape_ascii()).into());
            decode_deadline(&key).map(|(due, row)| (key.clone(), due, row)).ok_or_else(strange)
        });
        let mut noted = noted.collect::<Result<Vec<_>, ViewError>>()?;
        let due = noted.iter().take(most as usize).take_while(|(_, due, _)| *due <= at.stamp).count();
        // What expires may note what is due next.
        self.standing.first_due = noted.get(due).map(|(_, due, _)| *due);
        let (mut told, mut changed) = (0, 0);
        for (key, due, row) in noted.drain(..due) {
            if told > TICK_BYTES || changed > TICK_CHANGES {
                // The rest comes with the next.
                self.standing.first_due = [self.standing.first_due, Some(due)].into_iter().flatten().min();
                break;
            }
            self.take(made, 0, vec![Mutation::delete(key)], Vec::new());
            let outcome = machine.expire(&self.view(store, &[]), &row, at)?;
            if !outcome.mutations.is_empty() {
                sometimes!("something expired");
            }
            changed += 1 + outcome.mutations.len();
            told += outcome.events.iter().map(|event| event.body.len() + before_bytes(event)).sum::<usize>();
            self.take(made, 0, outcome.mutations, outcome.events);
        }
        Ok(())
    }

    /// Time that nobody owned.
    fn resume(&mut self, gap: u64, made: &mut Made) {
        sometimes!("a gap in ownership was noted");
        self.standing.paused = self.standing.paused.saturating_add(gap);
        let paused = Mutation::put(row(meta::PAUSED), self.standing.paused.to_le_bytes().to_vec());
        self.take(made, 0, vec![paused], Vec::new());
    }

    /// Before anything is changed.
    fn check_version(&self, index: Index, version: u32, name: &str) -> Result<(), ApplyError> {
        match name == self.rules.machine.name() && self.rules.machine.get(version).is_some() {
            true => Ok(()),
            false => Err(ApplyError::Version { index, name: name.to_owned(), version }),
        }
    }

    fn use_machine(&mut self, version: u32, made: &mut Made) {
        self.standing.version = version;
        let used = Mutation::put(row(meta::MACHINE), version.to_le_bytes().to_vec());
        self.take(made, 0, vec![used], Vec::new());
    }

    /// Events go, the oldest first, until the rest is few and young enough.
    fn trim(&mut self, trim: Trim, store: &dyn Store, made: &mut Made) -> Result<(), ApplyError> {
        let mut left = trim.most;
        loop {
            let from = events_from(self.standing.binlog.given_up + 1);
            let page = self.rows(store, &from, TRIM_PAGE)?;
            if page.is_empty() {
                (self.standing.binlog.oldest, self.standing.binlog.bytes) = (None, 0);
                return Ok(());
            }
            for (key, value) in page {
                let strange = || ViewError(format!("events {} are none", key.escape_ascii()).into());
                let first = index_of_events(&key).ok_or_else(strange)?;
                let events = Events::decode(first, &value).ok_or_else(strange)?;
                let binlog = &mut self.standing.binlog;
                let may_go = events.stamp < trim.older_than || binlog.bytes > trim.keep_bytes;
                if !may_go || left == 0 {
                    binlog.oldest = Some(events.stamp);
                    return Ok(());
                }
                left -= 1;
                binlog.bytes = binlog.bytes.saturating_sub(value.len() as u64);
                binlog.given_up = events.events.last().map_or(first, |(index, _)| *index);
                self.take(made, 0, vec![Mutation::delete(key)], Vec::new());
            }
        }
    }

    fn rows(
        &self,
        store: &dyn Store,
        range: &KeyRange,
        most: usize,
    ) -> Result<Vec<(bytes::Bytes, bytes::Bytes)>, ViewError> {
        let view: Overlaid<'_> = self.view(store, &[]);
        view.range(range, most)
    }
}

fn before_bytes(event: &Event) -> usize {
    event.before.as_ref().map_or(0, |before| before.value.len())
}

#[cfg(test)]
mod tests;
