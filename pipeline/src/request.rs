//! What comes out of a mailbox: commands, and what their sender asked of them.

use bytes::Bytes;
use env::Mono;
use model::{Durability, Epoch};

/// Commands of one sender for one partition. They stand in one record, in
/// order, or none of them does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<T> {
    /// The commands as they will stand in the record.
    pub payload: Bytes,
    /// How many; at least one.
    pub count: u32,
    /// How many rows they may change; at least as many as there are commands.
    pub rows: u32,
    /// When it came in.
    pub arrived: Mono,
    /// When nobody will be waiting any more. Checked until it enters history.
    pub deadline: Option<Mono>,
    /// The epoch that the sender believes in.
    pub expected_epoch: Option<Epoch>,
    /// The least durability that it takes for an answer.
    pub min_durability: Option<Durability>,
    /// Does it only take things away? Such a request is taken on a full disk.
    pub makes_room: bool,
    /// Who waits. Opaque here.
    pub token: T,
}

impl<T> Request<T> {
    /// The same, with somebody else waiting.
    pub fn with_token<U>(self, token: U) -> Request<U> {
        Request {
            payload: self.payload,
            count: self.count,
            rows: self.rows,
            arrived: self.arrived,
            deadline: self.deadline,
            expected_epoch: self.expected_epoch,
            min_durability: self.min_durability,
            makes_room: self.makes_room,
            token,
        }
    }
}
