//! Questions to a partition's machine, which pass its shard as reads do: the right
//! to serve is checked, then the machine looks at one moment of the store.

use crate::directory::Handle;
use crate::reading::{ReadError, Right, Seen};
use bytes::Bytes;
use machine::{At, Nonsense, Versions, View, ViewError};
use model::{Epoch, Index, Key, KeyRange, Stamp};
use statestore::{Moment, StoreError};

/// What is asked.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// Of whom: the version that the partition has come to.
    pub machine: &'a Versions,
    /// About what.
    pub key: &'a Key,
    /// The question.
    pub body: &'a Bytes,
    /// Refuse at any other.
    pub expected: Option<Epoch>,
    /// On whose word.
    pub right: Right,
}

/// What it says.
pub struct Said {
    /// Under whom it was asked.
    pub epoch: Epoch,
    /// Of which index the answer is.
    pub applied: Index,
    /// The answer.
    pub answer: Result<Bytes, Nonsense>,
    /// Nobody has confirmed that there is no more.
    pub as_of: Option<Stamp>,
}

impl Handle {
    /// Asks the machine. May wait for a disk.
    pub fn ask(&self, asking: Asking<'_>) -> Result<Said, ReadError> {
        let Seen { epoch, applied: published, as_of, .. } = self.check(asking.expected, asking.right)?;
        let (mut said, mut lacks) = (None, None);
        self.store.moment(self.id, &mut |moment| {
            let applied = moment.applied();
            self.shows(applied, published);
            let version = pipeline::version_in(self.id, moment)?;
            let Some(machine) = asking.machine.get(version) else {
                lacks = Some(version);
                return Ok(());
            };
            let (stamp, paused) = pipeline::times_in(self.id, moment)?;
            let paused = if machine.pauses() { paused } else { 0 };
            let at = At { index: applied, stamp: Stamp(stamp.0.saturating_sub(paused)) };
            let answer = machine.query(&Looked(moment), asking.key, asking.body, at);
            said = Some((applied, answer));
            Ok(())
        })?;
        if let Some(version) = lacks {
            return Err(ReadError::Version { name: asking.machine.name(), version });
        }
        let (applied, answer) = said.expect("who looked has seen something");
        let answer = answer.map_err(|ViewError(error)| match error.downcast::<StoreError>() {
            Ok(error) => ReadError::Store(*error),
            Err(_) => ReadError::Unreadable,
        })?;
        Ok(Said { epoch, applied, answer, as_of })
    }
}

/// A moment as machines see it.
struct Looked<'a>(&'a dyn Moment);

impl View for Looked<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, ViewError> {
        self.0.get(key).map_err(|error| ViewError(Box::new(error)))
    }

    fn range(&self, range: &KeyRange, most: usize) -> Result<Vec<(Bytes, Bytes)>, ViewError> {
        self.0.range(range, most).map_err(|error| ViewError(Box::new(error)))
    }
}
