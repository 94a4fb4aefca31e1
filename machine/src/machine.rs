//! What a machine is: a pure function from a view and a command to changes.

use bytes::Bytes;
use model::{Event, Index, Key, KeyRange, Mutation, Stamp};

/// The rows a command may see: its own partition's, as they stand before it.
pub trait View {
    /// One row, by stored key.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, ViewError>;

    /// Rows of a range of stored keys, in order, so many at most.
    fn range(&self, range: &KeyRange, most: usize) -> Result<Vec<(Bytes, Bytes)>, ViewError>;
}

/// The view could not be read: apply stops, nothing is skipped.
#[derive(Debug, thiserror::Error)]
#[error("reading the view failed: {0}")]
pub struct ViewError(pub Box<dyn std::error::Error + Send + Sync>);

/// Where in its partition's history a command stands. Both come from the
/// record, so that every replica sees the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// The command's index: the revision of whatever it writes.
    pub index: Index,
    /// The partition clock: the only time there is.
    pub stamp: Stamp,
}

/// What applying one command makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// For the client.
    pub reply: Bytes,
    /// Changes of rows, in order.
    pub mutations: Vec<Mutation>,
    /// For the binlog, in order.
    pub events: Vec<Event>,
}

/// A deterministic state machine. Commands are logged; the machine runs after
/// commit, on every replica, and must make the same of the same everywhere.
///
/// **Invariant:** no clock, no randomness, no iteration in an order that is not
/// the keys' own. Time is the record's stamp.
pub trait Machine: Send + Sync {
    /// Its name, as `UseMachine` records have it.
    fn name(&self) -> &'static str;

    /// Its version. What one makes of a command it makes of it for ever: a changed
    /// outcome for an old command is a new version, and a build keeps the old ones
    /// that histories still ask for.
    fn version(&self) -> u32;

    /// Does its time stand still while nobody owns the partition? Then its stamps
    /// are less than the wall's by all the time when nobody could be asked.
    fn pauses(&self) -> bool {
        false
    }

    /// Is this body, which a client sent, a command? Asked before it goes to the
    /// log.
    fn check(&self, _body: &Bytes) -> Result<(), Nonsense> {
        Err(Nonsense(format!("`{}` takes no commands by Apply", self.name())))
    }

    /// The keys that `apply` will read, so that they can be fetched together.
    fn reads(&self, command: &Bytes, keys: &mut Vec<Bytes>);

    /// Total: a command that makes no sense has an outcome too (a refusal as
    /// its reply); only a view that cannot be read is an error. Mutations may
    /// share the command's memory.
    fn apply(&self, view: &dyn View, command: &Bytes, at: At) -> Result<Outcome, ViewError>;

    /// The time of a row has come, which was noted under
    /// [`encode_deadline`](model::keyspace::encode_deadline); the note is gone. It
    /// may have been for what the row was before: then there is nothing to do. The
    /// reply is not read.
    fn expire(&self, _view: &dyn View, _row: &Bytes, _at: At) -> Result<Outcome, ViewError> {
        Ok(Outcome::default())
    }

    /// Answers a question about a key, of rows as they stand at this index.
    fn query(
        &self,
        _view: &dyn View,
        _key: &Key,
        _body: &Bytes,
        _at: At,
    ) -> Result<Result<Bytes, Nonsense>, ViewError> {
        Ok(Err(Nonsense(format!("`{}` takes no questions by Query", self.name()))))
    }
}

/// A body that is no command, or no question, of a machine: why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Nonsense(pub String);
