//! What waits to be sent on one lane to one node.

use bytes::Bytes;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Filled by any thread, emptied by the connection.
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    /// Somebody has put something in.
    filled: Notify,
    bytes_max: usize,
}

#[derive(Default)]
struct Waiting {
    frames: Vec<Bytes>,
    bytes: usize,
    /// Is there a connection that empties it?
    open: bool,
}

impl Queue {
    pub fn new(bytes_max: usize) -> Queue {
        Queue { waiting: Mutex::default(), filled: Notify::new(), bytes_max }
    }

    /// Puts a frame in; false when nobody sends it, or too much waits already.
    pub fn put(&self, frame: Bytes) -> bool {
        let mut waiting = self.waiting();
        if !waiting.open || waiting.bytes + frame.len() > self.bytes_max {
            return false;
        }
        waiting.bytes += frame.len();
        waiting.frames.push(frame);
        let is_first = waiting.frames.len() == 1;
        drop(waiting);
        if is_first {
            self.filled.notify_one();
        }
        true
    }

    /// A connection empties it from now on.
    pub fn open(&self) {
        *self.waiting() = Waiting { open: true, ..Waiting::default() };
    }

    /// Nobody does; what waits is lost.
    pub fn close(&self) {
        *self.waiting() = Waiting::default();
    }

    /// Everything that waits, once something does.
    pub async fn take(&self) -> Vec<Bytes> {
        loop {
            let frames = {
                let mut waiting = self.waiting();
                waiting.bytes = 0;
                mem::take(&mut waiting.frames)
            };
            if !frames.is_empty() {
                return frames;
            }
            self.filled.notified().await;
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
