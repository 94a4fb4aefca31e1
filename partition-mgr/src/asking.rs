//! Questions to a partition's machine, which pass its shard as reads do: the right
//! to serve is checked, then the machine looks at one moment of the store.

use crate::directory::Handle;
use crate::reading::{ReadError, assert_shows};
use bytes::Bytes;
use machine::{At, Machine, Nonsense, View, ViewError};
use model::keyspace::meta;
use model::{Epoch, Index, Key, KeyRange};
use statestore::{Moment, StoreError};

/// What is asked.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// Of whom.
    pub machine: &'a dyn Machine,
    /// About what.
    pub key: &'a Key,
    /// The question.
    pub body: &'a Bytes,
    /// Refuse at any other.
    pub expected: Option<Epoch>,
}

/// What it says.
pub struct Said {
    /// Under whom it was asked.
    pub epoch: Epoch,
    /// Of which index the answer is.
    pub applied: Index,
    /// The answer.
    pub answer: Result<Bytes, Nonsense>,
}

impl Handle {
    /// Asks the machine. May wait for a disk.
    pub fn ask(&self, asking: Asking<'_>) -> Result<Said, ReadError> {
        let (epoch, published) = self.check(asking.expected)?;
        let mut said = None;
        self.store.moment(self.id, &mut |moment| {
            let applied = moment.applied();
            assert_shows(applied, published);
            let at = At { index: applied, stamp: pipeline::stamp_of(moment.get(&meta::STAMP)?) };
            let answer = asking.machine.query(&Seen(moment), asking.key, asking.body, at);
            said = Some((applied, answer));
            Ok(())
        })?;
        let (applied, answer) = said.expect("who looked has seen something");
        let answer = answer.map_err(|ViewError(error)| match error.downcast::<StoreError>() {
            Ok(error) => ReadError::Store(*error),
            Err(_) => ReadError::Unreadable,
        })?;
        Ok(Said { epoch, applied, answer })
    }
}

/// A moment as machines see it.
struct Seen<'a>(&'a dyn Moment);

impl View for Seen<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, ViewError> {
        self.0.get(key).map_err(|error| ViewError(Box::new(error)))
    }

    fn range(&self, range: &KeyRange, most: usize) -> Result<Vec<(Bytes, Bytes)>, ViewError> {
        self.0.range(range, most).map_err(|error| ViewError(Box::new(error)))
    }
}
