//! Connections to one server: made when they are first used, taken in turn.

use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::transport::Transport;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use tonic::transport::Channel;

/// A fixed number of connections to one server.
#[derive(Debug)]
pub(crate) struct Connections {
    server: Endpoint,
    transport: Transport,
    recipe: tonic::transport::Endpoint,
    /// A channel needs a runtime around it when it is made, so not before the
    /// first call. It reconnects by itself.
    channels: Box<[OnceLock<Channel>]>,
    turn: AtomicUsize,
}

impl Connections {
    pub fn new(server: Endpoint, count: usize, transport: Transport) -> Result<Connections, Error> {
        let recipe = transport.recipe(&server)?;
        let channels = (0..count.max(1)).map(|_| OnceLock::new()).collect();
        Ok(Connections { server, transport, recipe, channels, turn: AtomicUsize::new(0) })
    }

    pub fn server(&self) -> &Endpoint {
        &self.server
    }

    pub fn count(&self) -> usize {
        self.channels.len()
    }

    /// The connection whose turn it is.
    pub fn next(&self) -> Channel {
        self.at(self.turn.fetch_add(1, Ordering::Relaxed))
    }

    /// A certain one, counted round.
    pub fn at(&self, place: usize) -> Channel {
        let slot = &self.channels[place % self.channels.len()];
        slot.get_or_init(|| self.transport.open(&self.recipe, &self.server)).clone()
    }
}
