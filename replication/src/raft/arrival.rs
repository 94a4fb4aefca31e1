//! An export on its way into a replica.
//!
//! ```text
//! leader: reach this entry ─► Behind ─► the host fetches ─► fetched
//!                                                             │ the library agrees
//!                        log forgets what was ◄─ taken ◄─ TakeExport, in the order of commits
//! ```

use super::kind::Ballot;
use super::promise::Base;
use tokio::sync::oneshot;

/// How far it is.
#[derive(Debug, Default)]
pub(crate) enum Arrival {
    /// None is wanted.
    #[default]
    None,
    /// The host fetches one, for this leader.
    Fetching(Ballot),
    /// It is here, and rests on this.
    Here(Base),
    /// The host puts it into the store's place.
    Taking(Base, oneshot::Sender<()>),
    /// It is the store now, and the log has not heard of it.
    Taken(Base),
}

impl Arrival {
    /// It is not taken: is one here?
    pub fn take_here(&mut self) -> bool {
        let here = matches!(self, Arrival::Here(_));
        if here {
            *self = Arrival::None;
        }
        here
    }

    /// It has taken the store's place.
    pub fn taken(&mut self) {
        match std::mem::take(self) {
            Arrival::Taking(base, done) => {
                *self = Arrival::Taken(base);
                let _ = done.send(());
            }
            other => *self = other,
        }
    }

    /// What the log is to rest on.
    pub fn take_taken(&mut self) -> Option<Base> {
        match std::mem::take(self) {
            Arrival::Taken(base) => Some(base),
            other => {
                *self = other;
                None
            }
        }
    }
}
