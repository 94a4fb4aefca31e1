//! Who waits for what peers say.

use super::message::{Answer, Appended};
use model::NodeId;
use std::collections::BTreeMap;
use tokio::sync::{mpsc, oneshot};

/// Appends of a stream that may be under way.
pub(crate) const WINDOW: usize = 16;

/// What was asked of peers and not answered.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    serial: u64,
    asked: BTreeMap<u64, (NodeId, oneshot::Sender<Answer>)>,
    streams: BTreeMap<u64, (NodeId, mpsc::Sender<(u64, Appended)>)>,
}

impl Calls {
    /// Numbers go on from here: none of an earlier life of the process.
    pub fn begin(&mut self, serial: u64) {
        self.serial = serial;
    }

    /// A question's number, and where its answer comes out. Nothing comes when
    /// the way to the node is lost.
    pub fn ask(&mut self, node: NodeId) -> (u64, oneshot::Receiver<Answer>) {
        let (tell, told) = oneshot::channel();
        self.serial += 1;
        // Those who have given up waiting make room.
        self.asked.retain(|_, (_, waits)| !waits.is_closed());
        self.asked.insert(self.serial, (node, tell));
        (self.serial, told)
    }

    /// A stream's number, and where its answers come out, until the way to the
    /// node is lost.
    pub fn open(&mut self, node: NodeId) -> (u64, mpsc::Receiver<(u64, Appended)>) {
        let (tell, told) = mpsc::channel(2 * WINDOW);
        self.serial += 1;
        self.streams.retain(|_, (_, waits)| !waits.is_closed());
        self.streams.insert(self.serial, (node, tell));
        (self.serial, told)
    }

    /// The answer is there.
    pub fn answer(&mut self, serial: u64, answer: Answer) {
        if let Some((_, waits)) = self.asked.remove(&serial) {
            let _ = waits.send(answer);
        }
    }

    /// The answer to one of a stream is there.
    pub fn appended(&mut self, stream: u64, serial: u64, appended: Appended) {
        if let Some((_, waits)) = self.streams.get(&stream)
            && waits.try_send((serial, appended)).is_err()
        {
            // More than were asked for: whoever reads them finds that they end.
            self.streams.remove(&stream);
        }
    }

    /// The way to a node is lost, and with it what was on it.
    pub fn lose(&mut self, node: NodeId) {
        self.asked.retain(|_, (to, _)| *to != node);
        self.streams.retain(|_, (to, _)| *to != node);
    }
}
