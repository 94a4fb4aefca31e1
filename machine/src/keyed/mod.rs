//! Machines whose commands are each about one key: the trait that applications
//! implement, and what makes a [`Machine`] of it.
//!
//! A key has a row of its own and any number of parts under it ([`Rows`]). All of
//! them go wherever the key goes. Nothing else can be touched, so a command never
//! reaches into another partition.

mod envelope;
#[cfg(test)]
pub(crate) mod rig;
mod rows;

pub use envelope::{bytes as envelope_bytes, put as put_envelope};
pub use rows::{Reads, Rows};

use crate::machine::{At, Machine, Nonsense, Outcome, View, ViewError};
use bytes::Bytes;
use model::keyspace::decode_part;
use model::{EventKind, Key, Layout};

/// A deterministic state machine over keys.
///
/// **Invariant:** no clock, no randomness, no iteration in an order that is not
/// the keys' own. Time is the stamp in [`At`].
pub trait Keyed: Send + Sync + 'static {
    /// Its name, as tables are made with it.
    fn name(&self) -> &'static str;

    /// Its version; see [`Machine::version`].
    fn version(&self) -> u32 {
        1
    }

    /// Does its time stand still while nobody owns the partition? See
    /// [`Machine::pauses`].
    fn pauses(&self) -> bool {
        false
    }

    /// Is the body a command? Asked before it goes to the log, so that nonsense
    /// costs nobody anything. What is refused here must do nothing in `apply`.
    fn check(&self, body: &Bytes) -> Result<(), Nonsense>;

    /// What `apply` will read, so that it can be fetched together with what other
    /// commands read. Unless told, the key's own row.
    fn reads(&self, _body: &Bytes, reads: &mut Reads) {
        reads.own();
    }

    /// Changes rows and returns the reply. Total: a body that makes no sense has
    /// a reply too; only rows that cannot be read are an error.
    fn apply(&self, rows: &mut Rows<'_>, body: &Bytes, at: At) -> Result<Bytes, ViewError>;

    /// The time has come that was noted by [`Rows::due`]. It may have been for what
    /// the key's rows were before: then there is nothing to do.
    fn expire(&self, _rows: &mut Rows<'_>, _at: At) -> Result<(), ViewError> {
        Ok(())
    }

    /// Answers a question, of rows as they stand at one index. The stamp is the
    /// last one applied: nothing expires without a command that says so.
    fn query(&self, rows: &Rows<'_>, body: &Bytes, at: At) -> Result<Result<Bytes, Nonsense>, ViewError>;
}

/// The machine of a table with this layout.
pub(crate) struct OfKeys<K> {
    pub keyed: K,
    pub layout: Layout,
}

impl<K: Keyed> Machine for OfKeys<K> {
    fn name(&self) -> &'static str {
        self.keyed.name()
    }

    fn version(&self) -> u32 {
        self.keyed.version()
    }

    fn pauses(&self) -> bool {
        self.keyed.pauses()
    }

    fn check(&self, body: &Bytes) -> Result<(), Nonsense> {
        self.keyed.check(body)
    }

    fn reads(&self, command: &Bytes, keys: &mut Vec<Bytes>) {
        if let Some((key, body)) = envelope::open(command) {
            self.keyed.reads(&body, &mut Reads::new(self.layout, &key, keys));
        }
    }

    fn apply(&self, view: &dyn View, command: &Bytes, at: At) -> Result<Outcome, ViewError> {
        let Some((key, body)) = envelope::open(command) else { return Ok(Outcome::default()) };
        let mut rows = Rows::new(view, self.layout, key);
        let reply = self.keyed.apply(&mut rows, &body, at)?;
        Ok(rows.into_outcome(reply, EventKind::Told))
    }

    fn expire(&self, view: &dyn View, row: &Bytes, at: At) -> Result<Outcome, ViewError> {
        let Some((key, _)) = decode_part(self.layout, row) else { return Ok(Outcome::default()) };
        let mut rows = Rows::new(view, self.layout, key);
        self.keyed.expire(&mut rows, at)?;
        Ok(rows.into_outcome(Bytes::new(), EventKind::Expired))
    }

    fn query(
        &self,
        view: &dyn View,
        key: &Key,
        body: &Bytes,
        at: At,
    ) -> Result<Result<Bytes, Nonsense>, ViewError> {
        self.keyed.query(&Rows::new(view, self.layout, key.clone()), body, at)
    }
}
