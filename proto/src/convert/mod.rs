//! From wire to model and back, with every check that words of the model ask
//! for. Nothing here panics, whatever came in.

mod header;
mod receipt;

pub use header::{Asked, epoch_from_wire, epoch_to_wire, header_from_wire};
pub use receipt::{Receipt, durability_from_wire, durability_to_wire, receipt_from_wire, receipt_to_wire};

use crate::Failure;
use bytes::Bytes;
use model::{Key, code};

/// A key, checked. `at` is its place in the request, for the message.
pub fn key_from_wire(key: &Bytes, at: usize) -> Result<Key, Failure> {
    Key::new(key.clone()).map_err(|error| Failure::new(code::KEY_INVALID, format!("item {at}: {error}")))
}
