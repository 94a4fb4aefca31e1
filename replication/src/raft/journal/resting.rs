//! What of a history is in the store: where that ends, and letting go of it.

use super::super::kind::LogId;
use super::super::promise::{Base, Settled};
use super::Journal;
use model::{Index, Record, RecordKind};
use wal::Append;

impl Journal {
    /// The last entry that whoever has applied this command has applied for
    /// certain: entries without a command may stand behind it, and are not
    /// settled because it is.
    pub fn position_of(&self, index: Index) -> Option<LogId> {
        let mut upto = self.base.purged;
        if index > self.base.index {
            let before = self.entries.partition_point(|held| held.record.last_index() < index) as u64;
            upto = self.id_at(self.first() + before).or_else(|| self.last());
        }
        let mut next = upto.map_or(0, |upto| upto.index + 1);
        let settled = self.committed.map_or(0, |committed| committed.index + 1);
        while next < settled && self.get(next).is_some_and(|held| held.record.count == 0) {
            next += 1;
        }
        next.checked_sub(1).and_then(|position| self.id_at(position))
    }

    /// The last command up to a position; `None` where there is no such position.
    pub fn index_at(&self, position: u64) -> Option<Index> {
        match self.get(position) {
            Some(held) => Some(held.record.last_index()),
            None => self.base.purged.filter(|purged| position <= purged.index).map(|_| self.base.index),
        }
    }

    /// Can a store that has applied this much be the one of this history?
    pub fn fits(&self, applied: Index) -> bool {
        (self.base.index..=self.last_index()).contains(&applied)
    }

    /// What an export rests on that has everything up to this command.
    pub fn base_at(&self, index: Index) -> Option<Base> {
        let purged = self.position_of(index).filter(|_| self.fits(index))?;
        Some(Base { purged: Some(purged), index, members: self.members_at(Some(purged)) })
    }

    /// What history rests on once everything up to here is let go of.
    pub fn base_upto(&self, upto: LogId) -> Option<Base> {
        let here = self.index_at(upto.index).or_else(|| self.is_tried().then(|| self.last_index()))?;
        Some(Base { purged: Some(upto), index: here, members: self.members_at(Some(upto)) })
    }

    /// Rests on an export: what it has behind that stays, if it is of the same
    /// history. False where it is further already.
    pub fn stand_on(&mut self, base: Base) -> bool {
        let Some(upto) = base.purged.filter(|upto| self.base.purged.is_none_or(|own| own.index < upto.index))
        else {
            return false;
        };
        let is_same = self.id_at(upto.index) == Some(upto) || self.is_tried();
        let behind = if is_same { (upto.index + 1).saturating_sub(self.first()) } else { u64::MAX };
        let gone = usize::try_from(behind).unwrap_or(usize::MAX).min(self.entries.len());
        self.entries.drain(..gone);
        self.start = upto.index + 1;
        self.durable = self.durable.min(self.next()).max(self.start);
        self.base = base;
        true
    }

    /// Rests on what a store was made of: that is settled.
    pub fn stand_on_settled(&mut self, base: Base) {
        let settled = base.purged;
        if self.stand_on(base) {
            self.committed = self.committed.max(settled);
        }
    }

    /// Lets go of what is in the store up to here; for the log.
    pub fn purge(&mut self, base: Base) -> Vec<Append> {
        let index = base.index;
        if !self.stand_on(base) {
            return Vec::new();
        }
        let base = self.note(RecordKind::Committed, Settled::Base(self.base.clone()).encode());
        let purge = Record {
            first_index: index.saturating_add(1),
            ..self.note(RecordKind::Purge, wal::index_payload(index))
        };
        vec![Append { record: base, carry: Some(self.carry()) }, Append::from(purge)]
    }
}
