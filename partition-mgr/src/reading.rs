//! Reads of a partition, which pass its shard: the right to serve is checked,
//! then the store is read, and no thread is woken.
//!
//! The check is the read's linearization point: an answer leaves only when its
//! change is in the store, so whoever reads after an answer finds the change.

use crate::directory::Handle;
use bytes::Bytes;
use machine::Row;
use model::keyspace::encode_data;
use model::{Code, Epoch, Index, Key, Layout, NodeId, Stamp, code};
use partition::Leader;
use statestore::StoreError;

/// Rows of one partition, all of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Under whom they were read.
    pub epoch: Epoch,
    /// They hold everything up to here, and may hold more. No row is newer; what
    /// is absent may have been removed a moment later than this.
    pub applied: Index,
    /// One for each key.
    pub rows: Vec<Option<Row>>,
    /// Nobody has confirmed that there is no more: it may lack what came later.
    pub as_of: Option<Stamp>,
}

impl Rows {
    /// What a store has found, whose partition said before that it stood there.
    /// The store may have been further by then.
    fn new(seen: Seen, found: Vec<Option<Bytes>>) -> Result<Rows, ReadError> {
        let mut rows = decode(found)?;
        let newest = rows.iter().flatten().map(|row| row.revision).max();
        for row in &mut rows {
            row.take_if(|row| !row.is_alive(seen.stamp));
        }
        let applied = seen.applied.max(newest.unwrap_or_default());
        Ok(Rows { epoch: seen.epoch, applied, rows, as_of: seen.as_of })
    }

    /// Bytes of their values.
    pub fn bytes(&self) -> usize {
        self.rows.iter().flatten().map(|row| row.value.len()).sum()
    }
}

/// Why rows are not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The partition is being stopped.
    #[error("the partition is being stopped")]
    NotServing,
    /// Another replica leads.
    #[error("another replica leads the partition")]
    Elsewhere(Option<NodeId>),
    /// The reader believes in another epoch.
    #[error("the request expects epoch {expected}, the partition is at {current}")]
    Epoch {
        /// What the reader believes.
        expected: Epoch,
        /// What is.
        current: Epoch,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row that this build did not write.
    #[error("a row is there and this build cannot read it")]
    Unreadable,
    /// A version of its machine that this build lacks.
    #[error("this build lacks machine `{name}` in version {version}")]
    Version {
        /// Which machine.
        name: &'static str,
        /// In which version.
        version: u32,
    },
}

impl ReadError {
    /// Its code.
    pub fn code(&self) -> Code {
        match self {
            ReadError::NotServing => code::NO_PARTITION,
            ReadError::Elsewhere(Some(_)) => code::BAD_NODE,
            ReadError::Elsewhere(None) => code::NO_LEADER,
            ReadError::Epoch { .. } => code::EPOCH_MISMATCH,
            // Removed between the check and the read.
            ReadError::Store(StoreError::Unknown(_)) => code::NO_PARTITION,
            ReadError::Store(error) => error.code(),
            ReadError::Unreadable => code::RECORD_UNREADABLE,
            ReadError::Version { .. } => code::NO_MACHINE,
        }
    }
}

/// On whose word a partition may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Its own: nobody else writes it.
    Own,
    /// That of most of its replicas: a moment ago somebody still led them under this
    /// epoch, and what they had agreed on by then is applied here.
    Confirmed(Epoch),
    /// Nobody's: whatever is here will do.
    AsItIs,
}

/// Where a partition stood when it was looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// Under whom.
    pub epoch: Epoch,
    /// Everything up to here was in its store.
    pub applied: Index,
    /// What was over by then is not there.
    pub stamp: Stamp,
    /// Nobody has confirmed that there is no more.
    pub as_of: Option<Stamp>,
}

impl Handle {
    /// The rows of these keys, if no disk has to be waited for; `None` if one
    /// has: ask again with [`Handle::read`] from a thread that may wait.
    pub fn read_now(
        &self,
        layout: Layout,
        keys: &[&Key],
        expected: Option<Epoch>,
        right: Right,
    ) -> Result<Option<Rows>, ReadError> {
        let seen = self.check(expected, right)?;
        let found = of_stored(layout, keys, |stored| self.store.multi_get_now(self.id, stored))?;
        let Some(found) = found else { return Ok(None) };
        self.told(seen, Rows::new(seen, found)?).map(Some)
    }

    /// The rows of these keys. May wait for a disk.
    pub fn read(
        &self,
        layout: Layout,
        keys: &[&Key],
        expected: Option<Epoch>,
        right: Right,
    ) -> Result<Rows, ReadError> {
        let seen = self.check(expected, right)?;
        let found = of_stored(layout, keys, |stored| self.store.multi_get(self.id, stored))?;
        self.told(seen, Rows::new(seen, found)?)
    }

    /// A row may be newer than what was announced.
    fn told(&self, seen: Seen, rows: Rows) -> Result<Rows, ReadError> {
        if rows.applied > seen.applied {
            self.published.is_shown(rows.applied);
        }
        Ok(rows)
    }

    /// A moment of the store is looked at behind the check: it shows at least as much
    /// as was announced by then. What it shows beyond is announced, so that nobody is
    /// told of an index which others do not find.
    pub(crate) fn shows(&self, applied: Index, announced: Index) {
        assert!(announced <= applied, "the store shows {applied}, and {announced} was announced before");
        if applied > announced {
            self.published.is_shown(applied);
        }
    }

    /// Does the replica here lead, as far as it knows? Whether it still does, only
    /// its group can say.
    pub fn leads(&self) -> Result<(), ReadError> {
        match self.published.leader() {
            Leader::Here => Ok(()),
            Leader::On(node) => Err(ReadError::Elsewhere(Some(node))),
            Leader::Unknown => Err(ReadError::Elsewhere(None)),
        }
    }

    pub(crate) fn check(&self, expected: Option<Epoch>, right: Right) -> Result<Seen, ReadError> {
        if !self.published.is_serving() {
            return Err(ReadError::NotServing);
        }
        if right == Right::Own && self.published.is_replicated() {
            // Nobody has asked its group.
            return Err(self.leads().err().unwrap_or(ReadError::Elsewhere(None)));
        }
        let current = match right {
            Right::Confirmed(epoch) => epoch.max(self.published.epoch()),
            Right::Own | Right::AsItIs => self.published.epoch(),
        };
        // Its term is the leader's to know.
        let is_other = |expected: &Epoch| match right {
            Right::AsItIs => expected.generation != current.generation,
            Right::Own | Right::Confirmed(_) => *expected != current,
        };
        match expected.filter(is_other) {
            Some(expected) => Err(ReadError::Epoch { expected, current }),
            // Before the rows: they hold at least this much.
            None => {
                let (applied, stamp) = (self.published.applied(), self.published.stamp());
                let as_of = (right == Right::AsItIs && self.published.is_replicated()).then_some(stamp);
                Ok(Seen { epoch: current, applied, stamp, as_of })
            }
        }
    }
}

/// Asks with the keys as they are stored.
fn of_stored<T>(layout: Layout, keys: &[&Key], ask: impl FnOnce(&[&[u8]]) -> T) -> T {
    // Most reads are of one row.
    if let [key] = keys {
        return ask(&[&encode_data(layout, key)]);
    }
    let stored: Vec<Bytes> = keys.iter().map(|key| encode_data(layout, key)).collect();
    ask(&stored.iter().map(|key| &key[..]).collect::<Vec<_>>())
}

fn decode(found: Vec<Option<Bytes>>) -> Result<Vec<Option<Row>>, ReadError> {
    let row = |stored: Bytes| Row::decode(&stored).ok_or(ReadError::Unreadable);
    found.into_iter().map(|stored| stored.map(row).transpose()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_covers_the_rows_it_comes_with() {
        let row = |revision| Some(Row { revision, expires: None, value: Bytes::new() }.encode());
        for (applied, found, expected) in [
            (5, vec![None], 5),
            (5, vec![row(3), None], 5),
            // The store was further by the time it was asked.
            (5, vec![row(3), row(9), row(7)], 9),
        ] {
            let seen = Seen { epoch: Epoch::FIRST, applied, stamp: Stamp(0), as_of: None };
            let rows = Rows::new(seen, found).expect("rows of this build");
            assert_eq!(rows.applied, expected);
        }
    }

    #[test]
    fn what_is_over_is_not_there() {
        let row =
            |expires| Some(Row { revision: 1, expires: Some(Stamp(expires)), value: Bytes::new() }.encode());
        let seen = Seen { epoch: Epoch::FIRST, applied: 9, stamp: Stamp(50), as_of: None };
        let rows = Rows::new(seen, vec![row(50), row(51), None]).expect("rows of this build");
        assert_eq!(rows.rows.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true, false]);
    }
}
