//! Channels between threads, bounded.
//!
//! The queue is crossbeam's in production and in simulation alike; what differs
//! is how a thread waits at it. A simulated thread must not block the one real
//! thread that the whole world runs on, so it waits at a bell.

use crate::Env;
use crate::clock::{Clock, Mono};
use crate::spawn::{Bell, Leaving};
pub use crossbeam_channel::{RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError};
use std::sync::Arc;
use std::time::Duration;

/// The end that messages are put into. Clones lead to the same place.
pub struct Sender<T> {
    // Dropped in this order: who waits looks again when this end is gone.
    queue: crossbeam_channel::Sender<T>,
    bell: Leaving,
}

/// The end that messages are taken from. Clones share them.
pub struct Receiver<T> {
    queue: crossbeam_channel::Receiver<T>,
    bell: Leaving,
}

impl Env {
    /// A channel with room for so many messages.
    pub fn channel<T>(&self, room: usize) -> (Sender<T>, Receiver<T>) {
        connected(crossbeam_channel::bounded(room), self.spawn.bell())
    }
}

/// A channel for operating system threads, where no environment is at hand.
pub fn bounded<T>(room: usize) -> (Sender<T>, Receiver<T>) {
    connected(crossbeam_channel::bounded(room), None)
}

fn connected<T>(
    (put, take): (crossbeam_channel::Sender<T>, crossbeam_channel::Receiver<T>),
    bell: Option<Arc<dyn Bell>>,
) -> (Sender<T>, Receiver<T>) {
    (Sender { queue: put, bell: Leaving(bell.clone()) }, Receiver { queue: take, bell: Leaving(bell) })
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        Sender { queue: self.queue.clone(), bell: Leaving(self.bell.0.clone()) }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Receiver<T> {
        Receiver { queue: self.queue.clone(), bell: Leaving(self.bell.0.clone()) }
    }
}

impl<T> Sender<T> {
    /// Waits for room; an error when nobody takes any more.
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        let Some(bell) = &self.bell.0 else { return self.queue.send(message) };
        let mut message = message;
        loop {
            match self.queue.try_send(message) {
                Ok(()) => {
                    bell.ring();
                    return Ok(());
                }
                Err(TrySendError::Disconnected(message)) => return Err(SendError(message)),
                Err(TrySendError::Full(refused)) => message = refused,
            }
            bell.wait(None);
        }
    }

    /// Puts it in if there is room now.
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        let sent = self.queue.try_send(message);
        if sent.is_ok()
            && let Some(bell) = &self.bell.0
        {
            bell.ring();
        }
        sent
    }

    /// Messages that wait.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Does none?
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

impl<T> Receiver<T> {
    /// Waits for a message; an error when none will come.
    pub fn recv(&self) -> Result<T, RecvError> {
        let Some(bell) = &self.bell.0 else { return self.queue.recv() };
        loop {
            match self.try_recv() {
                Ok(message) => return Ok(message),
                Err(TryRecvError::Disconnected) => return Err(RecvError),
                Err(TryRecvError::Empty) => bell.wait(None),
            }
        }
    }

    /// The same, until the clock shows `until`.
    pub fn recv_until(&self, clock: &dyn Clock, until: Mono) -> Result<T, RecvTimeoutError> {
        let Some(bell) = &self.bell.0 else {
            return self.queue.recv_timeout(Duration::from_nanos(until.0.saturating_sub(clock.mono().0)));
        };
        loop {
            match self.try_recv() {
                Ok(message) => return Ok(message),
                Err(TryRecvError::Disconnected) => return Err(RecvTimeoutError::Disconnected),
                Err(TryRecvError::Empty) if clock.mono() >= until => return Err(RecvTimeoutError::Timeout),
                Err(TryRecvError::Empty) => bell.wait(Some(until)),
            }
        }
    }

    /// A message, if one is there.
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        let received = self.queue.try_recv();
        if received.is_ok()
            && let Some(bell) = &self.bell.0
        {
            // Somebody may wait for room.
            bell.ring();
        }
        received
    }

    /// The messages that are there.
    pub fn try_iter(&self) -> impl Iterator<Item = T> {
        std::iter::from_fn(|| self.try_recv().ok())
    }

    /// Messages until none will come, waiting for each.
    pub fn iter(&self) -> impl Iterator<Item = T> {
        std::iter::from_fn(|| self.recv().ok())
    }
}
