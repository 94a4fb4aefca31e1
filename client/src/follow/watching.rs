//! What a watch is to tell.

use super::Positions;
use crate::scope::Scope;
use bytes::Bytes;
use std::time::Duration;

/// A node says something about every second; nothing for so long is a break.
const SILENCE: Duration = Duration::from_secs(10);

/// Which keys, from when on, and how. Keys of any table: of a hashed one, all its
/// partitions are looked through.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Watching {
    pub(super) start: Bytes,
    pub(super) end: Bytes,
    pub(super) begin: Begin,
    pub(super) before: bool,
    pub(super) ends: bool,
    pub(super) silence: Duration,
    pub(super) for_ever: bool,
}

/// Where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// With what comes.
    Now,
    /// Behind what was seen.
    Behind(Positions),
    /// With the rows as they are.
    Rows,
}

impl Watching {
    /// All keys, from now on.
    pub fn all() -> Watching {
        Watching::of(Scope::all())
    }

    /// Keys from `start` up to, not including, `end`; an empty one is open.
    pub fn range(start: impl Into<Bytes>, end: impl Into<Bytes>) -> Watching {
        Watching::of(Scope::range(start, end))
    }

    /// Keys that begin so.
    pub fn prefix(prefix: impl Into<Bytes>) -> Watching {
        Watching::of(Scope::prefix(prefix))
    }

    fn of(Scope { start, end, .. }: Scope) -> Watching {
        let (begin, silence) = (Begin::Now, SILENCE);
        Watching { start, end, begin, before: false, ends: false, silence, for_ever: false }
    }

    /// What happened behind these positions. A partition that they do not name is
    /// told from its beginning; they name one at least.
    pub fn behind(self, positions: Positions) -> Watching {
        Watching { begin: Begin::Behind(positions), ..self }
    }

    /// The rows as they are, and then what happens to them.
    pub fn with_rows(self) -> Watching {
        Watching { begin: Begin::Rows, ..self }
    }

    /// Say what rows were before, where the table keeps that.
    pub fn before(self, before: bool) -> Watching {
        Watching { before, ..self }
    }

    /// End when everything there is has been told.
    pub fn ends(self, ends: bool) -> Watching {
        Watching { ends, ..self }
    }

    /// A node that says nothing for so long counts as gone; 10 s unless told. It
    /// says something about every second.
    pub fn silence(self, silence: Duration) -> Watching {
        Watching { silence, ..self }
    }

    /// For a view.
    pub(super) fn of_a_view(self) -> Watching {
        Watching { begin: Begin::Rows, before: false, ends: false, for_ever: true, ..self }
    }
}
