//! From wire to model and back, with every check that words of the model ask
//! for. Nothing here panics, whatever came in.

mod header;
mod receipt;

pub use header::{Asked, ReadLevel, epoch_from_wire, epoch_to_wire, header_from_wire, op_from_wire};
pub use receipt::{Receipt, durability_from_wire, durability_to_wire, receipt_from_wire, receipt_to_wire};

use crate::Failure;
use crate::data::Condition as Wire;
use crate::data::condition::Holds;
use bytes::Bytes;
use model::{Condition, Key, code};

/// A condition, checked. None is one that always holds.
pub fn condition_from_wire(condition: Option<Wire>, at: usize) -> Result<Condition, Failure> {
    let malformed = |what: &str| Failure::new(code::MALFORMED, format!("item {at}: a condition {what}"));
    match condition.and_then(|condition| condition.holds) {
        None => Ok(Condition::Always),
        Some(Holds::Revision(0)) => Err(malformed("on revision 0, which no row has: `absent` is meant?")),
        Some(Holds::Revision(revision)) => Ok(Condition::Revision(revision)),
        Some(Holds::Absent(true)) => Ok(Condition::Absent),
        Some(Holds::Present(true)) => Ok(Condition::Present),
        Some(Holds::Absent(false) | Holds::Present(false)) => Err(malformed("that says false")),
    }
}

/// A condition, for a request.
pub fn condition_to_wire(condition: Condition) -> Option<Wire> {
    let holds = match condition {
        Condition::Always => return None,
        Condition::Absent => Holds::Absent(true),
        Condition::Present => Holds::Present(true),
        Condition::Revision(revision) => Holds::Revision(revision),
    };
    Some(Wire { holds: Some(holds) })
}

/// A key, checked. `at` is its place in the request, for the message.
pub fn key_from_wire(key: &Bytes, at: usize) -> Result<Key, Failure> {
    Key::new(key.clone()).map_err(|error| Failure::new(code::KEY_INVALID, format!("item {at}: {error}")))
}
