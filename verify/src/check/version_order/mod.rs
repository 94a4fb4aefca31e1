//! The version-order checker: every write has an index, so the order of all
//! writes is known, and each answer can be held against it. No search.
//!
//! It trusts indexes as names, not as truth: an index that two writes claim, or
//! that contradicts who came first, is what it finds. Rules, by their names:
//!
//! - `partition`: the answers on a key name one partition.
//! - `phantom`: what is read was written: attempted, to that key, not refused.
//! - `future`: what is read had been begun before the read ended.
//! - `index`: an index belongs to one write, a write to one index.
//! - `order`: a write that was begun after an index had been seen comes behind
//!   it.
//! - `behind`: a read's receipt is at least as new as any write to its
//!   partition that was answered before it was begun.
//! - `stale`: no write that the read must include hides what it shows.
//!   `vanished` is the same for a write of unknown outcome that had been seen,
//!   and `lost` the same at the end of all.
//! - `found`: a remove found a row, or none, as the writes before it say.
//! - `batch`: items of one request follow each other without a gap.
//! - `epoch`: epochs never go down, neither with rising indexes nor from one
//!   answer to a call that was made after it (what is sent again is answered
//!   under a later one); and an expected one is kept.
//!
//! A write of unknown outcome has no index until a read shows its value; then it
//! has that one for ever. A remove is never seen, so an unknown one never has an
//! index: it may stand wherever it explains something, as often as wanted. The
//! search in `linearizable` is stricter there. Without unknown removes, and
//! unknown puts that nobody read, what is clean here is linearizable.

mod batches;
mod epochs;
mod facts;
mod reads;
mod removes;
mod sweep;

pub(super) use facts::Facts;

use super::violation::Violations;
use crate::history::History;

/// Holds every answer against the order that the indexes tell.
pub fn version_order(history: &History) -> Violations {
    let mut found = Violations::default();
    let facts = Facts::gather(history, &mut found);
    let seen = sweep::sweep(&facts, &mut found);
    removes::check(&facts, &seen, &mut found);
    batches::check(&facts, &mut found);
    epochs::check(&facts, &seen, &mut found);
    found
}
