//! The mailbox: the one door into a shard, bounded by count and by bytes.
//!
//! A full mailbox says so at once. Nobody ever waits to get in: the caller may
//! be a thread that a thousand other requests need.

use crate::outlet::{Outlet, ReplyTo};
use env::channel::TrySendError;
use env::{Sender, sometimes};
use model::PartitionId;
use pipeline::Request;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Room for the requests of one partition, taken until they are answered.
#[derive(Debug)]
pub struct Room {
    requests_max: usize,
    bytes_max: usize,
    requests: AtomicUsize,
    bytes: AtomicUsize,
}

impl Room {
    /// So much room.
    pub fn new(requests_max: usize, bytes_max: usize) -> Arc<Room> {
        Arc::new(Room { requests_max, bytes_max, requests: AtomicUsize::new(0), bytes: AtomicUsize::new(0) })
    }

    /// Takes room for a request of so many bytes, if there is some. A request
    /// larger than all the room gets in when nothing else is in.
    pub fn take(self: &Arc<Room>, bytes: usize) -> Option<Permit> {
        let requests = self.requests.fetch_add(1, Ordering::Relaxed);
        let held = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let permit = Permit { room: self.clone(), bytes };
        let fits = requests < self.requests_max && (held + bytes <= self.bytes_max || held == 0);
        fits.then_some(permit)
    }

    /// Requests and bytes that are in.
    pub fn held(&self) -> (usize, usize) {
        (self.requests.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }
}

/// Room taken; given back when dropped.
#[derive(Debug)]
pub struct Permit {
    room: Arc<Room>,
    bytes: usize,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.room.requests.fetch_sub(1, Ordering::Relaxed);
        self.room.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A request on its way into a shard.
#[derive(Debug)]
pub struct Envelope {
    /// For whom.
    pub partition: PartitionId,
    /// What.
    pub request: Request<ReplyTo>,
}

/// Why a mailbox does not take a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unaccepted {
    /// Too much waits already.
    #[error("too much waits already")]
    Overloaded,
    /// Its shard has ended.
    #[error("the partition is gone")]
    Gone,
}

/// The way into one partition. Clones are cheap and lead to the same place.
pub struct Mailbox<M> {
    partition: PartitionId,
    inbox: Sender<M>,
    inbox_max: usize,
    room: Arc<Room>,
}

impl<M> Clone for Mailbox<M> {
    fn clone(&self) -> Mailbox<M> {
        let (inbox, room) = (self.inbox.clone(), self.room.clone());
        Mailbox { partition: self.partition, inbox, inbox_max: self.inbox_max, room }
    }
}

impl<M: From<Envelope>> Mailbox<M> {
    /// A mailbox of the shard that reads this inbox. Requests leave the inbox
    /// alone once `inbox_max` messages are in it; it should take more, for those
    /// who must not be turned away.
    pub fn new(partition: PartitionId, inbox: Sender<M>, inbox_max: usize, room: Arc<Room>) -> Mailbox<M> {
        Mailbox { partition, inbox, inbox_max, room }
    }

    /// Puts a request in, its answer to go to the outlet under the token.
    pub fn offer(&self, request: Request<()>, outlet: Arc<dyn Outlet>, token: u64) -> Result<(), Unaccepted> {
        if self.inbox.len() >= self.inbox_max {
            return Err(Unaccepted::Overloaded);
        }
        let Some(permit) = self.room.take(request.payload.len()) else {
            sometimes!("a mailbox was full");
            return Err(Unaccepted::Overloaded);
        };
        let request = request.with_token(ReplyTo { outlet, token, permit });
        match self.inbox.try_send(Envelope { partition: self.partition, request }.into()) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err(Unaccepted::Overloaded),
            Err(TrySendError::Disconnected(_)) => Err(Unaccepted::Gone),
        }
    }

    /// How full it is.
    pub fn room(&self) -> &Room {
        &self.room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_bounded_by_count_and_bytes_and_given_back() {
        let room = Room::new(3, 100);
        let large = room.take(1_000).expect("the only one gets in");
        assert!(room.take(1).is_none(), "no bytes left");
        drop(large);
        let held: Vec<Permit> = (0..3).map(|_| room.take(10).expect("there is room")).collect();
        assert!(room.take(10).is_none(), "no place left");
        assert_eq!(room.held(), (3, 30));
        drop(held);
        assert_eq!(room.held(), (0, 0));
    }
}
