//! What is on the wire, and the way between it and the model.
//!
//! It is: the generated messages and services of `statehouse.data.v1` and
//! `statehouse.control.v1`, the messages between nodes (`statehouse.peer.v1`),
//! the checks that turn what came in into words of the model ([`convert`]), the
//! one place where an error becomes a gRPC status and back ([`Failure`]), and the
//! frame of a message ([`Gathering`], [`framed`]).
//! It is not: a place that knows machines or storage. Wire types stop where
//! this crate is used.

pub mod convert;
mod failure;
mod frame;
mod status;

pub use failure::{BadNode, Failure, Retry};
pub use frame::{Gathering, framed};
pub use prost::Message;

/// The generated code.
#[allow(missing_docs, clippy::all, reason = "generated; its comments stand in proto/")]
mod generated {
    pub mod v1 {
        tonic::include_proto!("statehouse.v1");
    }
    pub mod data {
        pub mod v1 {
            tonic::include_proto!("statehouse.data.v1");
        }
    }
    pub mod control {
        pub mod v1 {
            tonic::include_proto!("statehouse.control.v1");
        }
    }
    pub mod peer {
        pub mod v1 {
            tonic::include_proto!("statehouse.peer.v1");
        }
    }
}

pub use generated::control::v1 as control;
pub use generated::data::v1 as data;
pub use generated::peer::v1 as peer;
pub use generated::v1 as common;

/// Every file, service and message, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));

/// What an Upsert may measure, encoded. One byte more is refused whole.
pub const UPSERT_BYTES_MAX: usize = 1 << 20;

/// What a message may measure to be read at all: a little more, so that most
/// requests that are too large hear by how much.
pub const MESSAGE_BYTES_MAX: usize = UPSERT_BYTES_MAX + 4096;

/// Items of one write. An item's error is far longer than a short item is.
pub const ITEMS_MAX: usize = 16_384;
/// Items of an atomic write: what came of them fits a retry row.
pub const ATOMIC_ITEMS_MAX: usize = 4096;

/// Keys of one read. Each may cost the answer far more than it cost the
/// request.
pub const KEYS_MAX: usize = 4096;

/// Bytes of a message, encoded.
pub fn encoded_len(message: &impl Message) -> usize {
    message.encoded_len()
}
